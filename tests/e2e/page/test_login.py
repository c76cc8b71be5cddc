"""Logging in on the page: refused, without a token, and out again."""

from __future__ import annotations

from pathlib import Path

from tests.admin.fakes import Relay, with_admin
from tests.e2e.page.support import listening, operator
from tests.support import real_clock


@real_clock
async def test_a_wrong_token_is_refused_in_the_relays_words(tmp_path: Path) -> None:
    async with listening(Relay()) as url, operator(url, tmp_path) as it:
        await it.visit()
        await it.log_in("rly_wrong")
        await it.read("A wrong token.", "[role=alert]")
        await it.see("document.activeElement.id === 'token'")
        await it.log_in()
        await it.read("No session is open")


@real_clock
async def test_too_many_wrong_tokens_have_to_wait(tmp_path: Path) -> None:
    async with listening(Relay()) as url, operator(url, tmp_path) as it:
        await it.visit()
        await it.see("document.activeElement?.id === 'token'")
        await it.ask(
            """(async () => {
                  const headers = { "Content-Type": "application/json" };
                  const body = JSON.stringify({ token: "rly_wrong" });
                  for (let count = 0; count < 10; count += 1)
                    await fetch("/api/login", { method: "POST", headers, body });
                })()"""
        )
        await it.log_in("rly_wrong")
        await it.read("Too many wrong tokens. Try again in 6 s.", "[role=alert]")


@real_clock
async def test_without_token_sha256_it_says_that_nobody_can_log_in(tmp_path: Path) -> None:
    relay = Relay(with_admin(token_sha256=None))
    async with listening(relay) as url, operator(url, tmp_path) as it:
        await it.visit()
        await it.read("[admin] has no token_sha256")
        assert await it.ask("document.querySelector('#token')") is None


@real_clock
async def test_a_login_outlives_a_reload_and_ends_with_a_logout(tmp_path: Path) -> None:
    async with listening(Relay()) as url, operator(url, tmp_path) as it:
        await it.enter("#/relay")
        await it.visit("?again#/relay")
        await it.read("Configuration in force")
        assert await it.ask("document.cookie") == ""  # no script can read it
        await it.click("Log out")
        await it.see("document.activeElement?.id === 'token'")
        await it.visit("?once-more#/relay")
        await it.see("document.activeElement?.id === 'token'")
        assert await it.do(lambda page: page.complaints) == []


@real_clock
async def test_a_cookie_without_what_the_page_keeps_is_no_login(tmp_path: Path) -> None:
    async with listening(Relay()) as url, operator(url, tmp_path) as it:
        await it.enter("#/relay")
        await it.read("Configuration in force")
        await it.ask("localStorage.clear()")
        await it.visit("?again#/relay")
        await it.see("document.activeElement?.id === 'token'")
        await it.log_in()
        await it.read("Configuration in force")
