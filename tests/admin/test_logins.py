"""Tests of relay.admin.logins."""

from __future__ import annotations

import trio

from relay.admin.logins import LIFETIME, Attempts, Login, Logins
from tests.support import trio_test


@trio_test
async def test_a_login_lasts_twelve_hours() -> None:
    logins = Logins()
    login = logins.begin(b"token")
    await trio.sleep(LIFETIME - 1)
    assert logins.holds(login, b"token")
    await trio.sleep(1)
    assert not logins.holds(login, b"token")


@trio_test
async def test_a_login_ends_with_its_token_or_when_told() -> None:
    logins = Logins()
    login, other = logins.begin(b"token"), logins.begin(b"token")
    assert len({*login, *other}) == 4
    assert not logins.holds(login, b"another")
    logins.end(login)
    logins.end(Login("never", "begun"))
    assert not logins.holds(login, b"token")
    assert logins.holds(other, b"token")


@trio_test
async def test_a_login_takes_both_of_its_secrets() -> None:
    logins = Logins()
    login, other = logins.begin(b"token"), logins.begin(b"token")
    for wrong in (
        *(Login("", ""), Login("\ud800", "\ud800"), Login(login.page, login.cookie)),
        *(Login(login.cookie, ""), Login("", login.page), Login(login.cookie, other.page)),
    ):
        assert not logins.holds(wrong, b"token")
        logins.end(wrong)
    assert logins.holds(login, b"token")


@trio_test
async def test_the_oldest_login_makes_room() -> None:
    logins = Logins()
    first = logins.begin(b"token")
    rest = [logins.begin(b"token") for _ in range(63)]
    assert logins.holds(first, b"token")
    rest.append(logins.begin(b"token"))
    assert not logins.holds(first, b"token")
    assert all(logins.holds(each, b"token") for each in rest)


@trio_test
async def test_ten_wrong_tokens_at_once_and_then_one_every_six_seconds() -> None:
    attempts = Attempts()
    for _ in range(10):
        assert attempts.wait("a") == 0
        attempts.count("a")
    assert attempts.wait("a") == 6
    assert attempts.wait("b") == 0
    await trio.sleep(6)
    assert attempts.wait("a") == 0
    attempts.count("a")
    assert attempts.wait("a") == 6
    await trio.sleep(60)
    for _ in range(10):
        assert attempts.wait("a") == 0
        attempts.count("a")


@trio_test
async def test_only_the_last_addresses_are_remembered() -> None:
    attempts = Attempts()
    for _ in range(11):
        attempts.count("first")
    for number in range(64):
        assert attempts.wait("first") > 0
        attempts.count(str(number))
    assert attempts.wait("first") == 0
