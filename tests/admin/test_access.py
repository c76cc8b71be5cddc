"""Who may do what with the admin listener."""

from __future__ import annotations

from dataclasses import replace

import pytest
import structlog
import trio

from tests.admin.fakes import BEARER, PAGE, SHA256, TOKEN, Relay, client, log_in, with_admin
from tests.support import trio_test

READING = (
    *("/api/sessions/live", "/api/sessions", "/api/sessions/0"),
    *("/api/config", "/api/hour", "/api/totals"),
)
CHANGING = ("/api/sessions/0/end", "/api/drain")


@trio_test
async def test_without_a_configured_token_only_health_and_metrics_answer() -> None:
    relay = Relay(settings=with_admin(token_sha256=None))
    relay.count()
    async with client(relay, BEARER) as it:
        for path in ("/healthz", "/readyz", "/metrics"):
            assert (await it.get(path)).status_code == 200
        for path in (*READING, "/openapi.json"):
            assert (await it.get(path)).status_code == 403
        for path in (*CHANGING, "/api/login"):
            assert (await it.post(path, json={"token": TOKEN})).status_code == 403
    assert relay.draining is None


@trio_test
async def test_without_the_token_nothing_else_answers_and_nothing_changes() -> None:
    relay = Relay()
    async with client(relay) as it:
        for path in READING:
            answer = await it.get(path)
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"] == "Bearer"
        for path in CHANGING:
            assert (await it.post(path, headers=PAGE)).status_code == 401
        assert (await it.get("/openapi.json")).status_code == 200
    assert relay.draining is None


@pytest.mark.parametrize(
    "field",
    ["Bearer rly_wrong", "Bearer ", "Basic cmx5", TOKEN, f"Bearer {SHA256.hex()}", "Bearer \xff"],
)
@trio_test
async def test_what_is_not_the_token_is_refused(field: str) -> None:
    relay = Relay()
    async with client(relay) as it:
        fields = [(b"Authorization", field.encode("latin-1"))]
        assert (await it.post("/api/drain", headers=fields)).status_code == 401
    assert relay.draining is None


@trio_test
async def test_the_token_needs_no_page() -> None:
    relay = Relay()
    async with client(relay, BEARER) as it:
        assert (await it.post("/api/drain")).status_code == 202
    assert relay.draining is not None


@trio_test
async def test_wrong_tokens_are_limited_and_logged_without_their_words() -> None:
    with structlog.testing.capture_logs() as logs:
        async with client(Relay(), address="192.0.2.1") as it:
            for _ in range(5):
                wrong = {"Authorization": "Bearer rly_wrong"}
                assert (await it.get("/api/config", headers=wrong)).status_code == 401
                assert (await it.post("/api/login", json={"token": "x"})).status_code == 401
            answer = await it.post("/api/login", json={"token": TOKEN})
            assert answer.status_code == 429
            assert answer.headers["Retry-After"] == "6"
            assert (await it.get("/api/config", headers=BEARER)).status_code == 429
            await trio.sleep(6)
            assert (await it.get("/api/config", headers=BEARER)).status_code == 200
    assert [each["client"] for each in logs] == ["192.0.2.1"] * 10
    assert "rly_" not in str(logs)


@trio_test
async def test_a_login_stands_for_the_token_on_pages_of_the_listener() -> None:
    relay = Relay()
    async with client(relay) as it:
        answer = await it.post("/api/login", json={"token": TOKEN}, headers=PAGE)
        assert answer.status_code == 200
        secret = answer.json().pop("x_relay")
        cookie = answer.headers["Set-Cookie"]
        name_and_value, *attributes = [each.strip() for each in cookie.split(";")]
        assert sorted(each.lower() for each in attributes) == [
            "httponly",
            "max-age=43200",
            "path=/",
            "samesite=strict",
        ]
        assert TOKEN not in cookie
        assert len(name_and_value) > 40
        assert len(secret) > 40
        assert secret not in cookie
        mine = {"X-Relay": secret}
        for path in (READING[0], READING[3], READING[4]):
            assert (await it.get(path, headers=mine)).status_code == 200
        for missing in PAGE:
            page = {name: value for name, value in PAGE.items() if name != missing}
            assert (await it.post("/api/drain", headers=mine | page)).status_code == 202
            relay.draining = None
        assert (await it.post("/api/drain", headers=mine)).status_code == 403
        assert relay.draining is None
        assert (await it.post("/api/logout", headers=mine | PAGE)).status_code == 204
        assert (await it.get("/api/config", headers=mine)).status_code == 401


@pytest.mark.parametrize("secret", [None, "", "1", "the cookie", "that of another login"])
@trio_test
async def test_the_cookie_alone_opens_nothing(secret: str | None) -> None:
    """Every server on the host gets it, whatever its port."""
    relay = Relay()
    async with client(relay) as other:
        of_another = (await log_in(other))["X-Relay"]
    async with client(relay) as it:
        mine = await log_in(it)
        (cookie,) = it.cookies.values()
        known = {"the cookie": cookie, "that of another login": of_another}
        field = {} if secret is None else {"X-Relay": known.get(secret, secret)}
        assert (await it.get("/api/config", headers=field)).status_code == 401
        assert (await it.post("/api/drain", headers=field | PAGE)).status_code == 401
        kept = dict(it.cookies)
        assert (await it.post("/api/logout", headers=field | PAGE)).status_code == 204
        it.cookies.update(kept)
        assert (await it.get("/api/config", headers=mine)).status_code == 200
        it.cookies.clear()
        assert (await it.get("/api/config", headers=mine)).status_code == 401
    assert relay.draining is None


@trio_test
async def test_two_relays_on_a_host_keep_their_logins_apart() -> None:
    named = {}
    for url in (
        *("http://localhost:9464", "http://localhost:9465", "http://localhost"),
        *("http://127.0.0.1:9464", "http://[::1]:9465", "http://[::1]"),
    ):
        async with client(Relay(), url=url) as it:
            mine = await log_in(it)
            assert (await it.get("/api/config", headers=mine)).status_code == 200
            (named[url],) = it.cookies
    assert list(named.values()) == [
        *("relay_admin_9464", "relay_admin_9465", "relay_admin"),
        *("relay_admin_9464", "relay_admin_9465", "relay_admin"),
    ]


@trio_test
async def test_a_logout_ends_the_login_not_just_the_cookie() -> None:
    async with client(Relay()) as it:
        mine = await log_in(it)
        kept = dict(it.cookies)
        assert (await it.get("/api/config", headers=mine)).status_code == 200
        await it.post("/api/logout", headers=mine)
        it.cookies.update(kept)
        assert (await it.get("/api/config", headers=mine)).status_code == 401


@trio_test
async def test_over_tls_the_cookie_is_for_tls_alone() -> None:
    async with client(Relay(), url="https://localhost") as it:
        answer = await it.post("/api/login", json={"token": TOKEN})
    assert "secure" in answer.headers["Set-Cookie"].lower()


@trio_test
async def test_another_token_after_a_reload_ends_logins() -> None:
    relay = Relay()
    async with client(relay) as it:
        mine = await log_in(it)
        assert (await it.get("/api/config", headers=mine)).status_code == 200
        relay.settings = with_admin(token_sha256=bytes(32))
        assert (await it.get("/api/config", headers=mine)).status_code == 401
        relay.settings = replace(relay.settings, admin=None)
        assert (await it.get("/api/config", headers=mine)).status_code == 403
        assert (await it.post("/api/logout", headers=mine)).status_code == 204


@pytest.mark.parametrize(
    "body", ['{"token": 5}', '{"token": ["rly_typo"]}', '"rly_typo"', "rly_typo", ""]
)
@trio_test
async def test_a_login_that_makes_no_sense_is_not_repeated_in_its_answer(body: str) -> None:
    async with client(Relay()) as it:
        fields = {"Content-Type": "application/json"}
        answer = await it.post("/api/login", content=body, headers=fields)
        assert answer.status_code == 400
        assert "rly_" not in answer.text
        long = await it.post("/api/login", json={"token": "rly_typo" * 100})
        assert long.status_code == 400
        assert "rly_" not in long.text


@trio_test
async def test_a_form_cannot_log_anybody_in() -> None:
    async with client(Relay()) as it:
        plain = {"Content-Type": "text/plain"}
        content = '{"token": "rly_operator"}'
        answer = await it.post("/api/login", content=content, headers=plain)
        assert answer.status_code == 400
        assert (await it.post("/api/login", data={"token": TOKEN})).status_code == 400
