"""Tests of relay.admin.gate, of relay.admin.hosts and of what pages of others could do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
import structlog
import trio
from starlette.types import Message, Receive, Scope, Send

from relay.admin.gate import Gate
from relay.admin.hosts import is_own_host, is_same_origin
from relay.live_sessions import LiveSessions
from tests.admin.fakes import BEARER, Relay, client, with_admin
from tests.support import trio_test


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("localhost", True),
        ("LocalHost:1234", True),
        ("127.0.0.1:9464", True),
        ("[::1]:9464", True),
        ("192.0.2.1", True),
        ("192.0.2.2", False),
        ("admin.test:443", True),
        ("other.test", False),
        ("localhost.other.test", False),
        ("other.test@localhost", False),
        ("localhost:80:80", False),
        ("localhost, other.test", False),
        ("", False),
    ],
)
def test_whether_a_host_is_the_listeners_own(host: str, own: bool) -> None:
    assert is_own_host(host, "192.0.2.1", {"admin.test"}) is own


def test_its_own_addresses_as_hosts() -> None:
    assert is_own_host("[2001:db8::1]:9464", "2001:db8::1", ())
    assert not is_own_host("192.0.2.1", None, ())


@pytest.mark.parametrize(
    ("origin", "site", "same"),
    [
        (None, None, None),
        ("http://localhost:9464", "same-origin", True),
        ("https://localhost:9464", None, True),
        ("https://admin.test", "same-origin", True),
        (None, "same-origin", True),
        ("http://localhost:80", None, False),
        ("http://localhost:9464", "same-site", False),
        ("http://localhost:9464", "cross-site", False),
        ("http://localhost:9464", "none", False),
        ("https://other.test", "same-origin", False),
        ("null", None, False),
        ("", None, False),
        ("ftp://localhost:9464", None, False),
    ],
)
def test_whether_a_page_is_of_the_same_origin(
    origin: str | None, site: str | None, same: bool | None
) -> None:
    assert is_same_origin(origin, site, "localhost:9464", {"admin.test"}) is same


@trio_test
async def test_a_request_for_another_name_is_refused_whatever_it_asks_for() -> None:
    relay = Relay(settings=with_admin(hosts=frozenset({"admin.test"})))
    for host, status in (("admin.test", 200), ("rebound.test", 421), ("127.0.0.1.nip.io", 421)):
        async with client(relay, BEARER | {"Host": host}) as it:
            for path in ("/healthz", "/api/config", "/openapi.json"):
                assert (await it.get(path)).status_code == status


@trio_test
async def test_a_page_of_another_origin_changes_nothing_even_with_the_token() -> None:
    relay = Relay()
    async with client(relay, BEARER) as it:
        for fields in (
            {"Origin": "https://other.test"},
            {"Origin": "http://localhost:8080"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
        ):
            answer = await it.post("/api/drain", headers=fields)
            assert answer.status_code == 403
    assert relay.draining is None


@trio_test
async def test_no_answer_lets_other_pages_read_it_and_every_one_has_its_fields() -> None:
    async with client(Relay()) as it:
        asked = {"Origin": "https://other.test", "Access-Control-Request-Method": "POST"}
        for answer in (
            await it.get("/healthz", headers={"Origin": "https://other.test"}),
            await it.get("/api/config"),
            await it.get("/nowhere"),
            await it.options("/api/drain", headers=asked),
            await it.get("/healthz", headers={"Host": "other.test"}),
        ):
            assert not [name for name in answer.headers if name.startswith("access-control")]
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'; ")
            assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert answer.headers["Cache-Control"] == "no-store"


@trio_test
async def test_a_body_that_is_too_large_is_refused() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(65):
            yield bytes(1024)

    async with client(Relay(), BEARER) as it:
        for content in (bytes(65537), pieces()):
            answer = await it.post("/api/drain", content=content)
            assert answer.status_code == 413
        whole = b'{"restart": true}'.ljust(65536)
        fields = {"Content-Type": "application/json"}
        assert (await it.post("/api/drain", content=whole, headers=fields)).status_code == 202


@trio_test
async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    async def never() -> AsyncIterator[bytes]:
        yield b"{"
        await trio.sleep_forever()

    async with client(Relay(), BEARER) as it:
        began = trio.current_time()
        assert (await it.post("/api/drain", content=never())).status_code == 408
        assert trio.current_time() - began == 10


async def _unasked(*_: object) -> None:
    raise AssertionError("this must not be asked")


def _scope(**changes: Any) -> Scope:
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": "/",
        "headers": [(b"host", b"localhost")],
        "server": None,
    }
    return scope | changes


async def _answer_of(gate: Gate, scope: Mapping[str, Any]) -> list[Message]:
    sent: list[Message] = []
    coming: list[Message] = [{"type": "http.disconnect"}, {"type": "http.request", "body": b""}]

    async def receive() -> Message:
        return coming.pop()

    async def send(message: Message) -> None:
        sent.append(message)

    await gate(dict(scope), receive, send)
    return sent


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"headers": []}, 421),
        ({"headers": [(b"host", b"localhost"), (b"host", b"localhost")]}, 421),
        (
            {
                "method": "POST",
                "headers": [
                    (b"host", b"localhost"),
                    (b"origin", b"http://localhost"),
                    (b"origin", b"https://other.test"),
                ],
            },
            400,
        ),
    ],
)
@trio_test
async def test_what_is_ambiguous_or_not_http_1_is_refused(
    changes: dict[str, Any], status: int
) -> None:
    sent = await _answer_of(Gate(_unasked, Relay()), _scope(**changes))
    assert sent[0]["status"] == status


@trio_test
async def test_a_refusal_takes_what_still_comes() -> None:
    """Hypercorn has room for ten pieces of a body, and then does not even end an answer."""
    unread: list[Message] = [{"type": "http.disconnect"}]
    unread += [{"type": "http.request", "body": b"x", "more_body": True}] * 20
    taken = trio.Event()

    async def receive() -> Message:
        if len(unread) == 1:
            taken.set()
        return unread.pop()

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            await taken.wait()

    await Gate(_unasked, Relay())(_scope(headers=[]), receive, send)
    assert not unread


@trio_test
async def test_a_fault_ends_its_request_and_its_words_are_not_shown() -> None:
    class Broken(LiveSessions):
        def find(self, session_id: str) -> None:  # noqa: ARG002
            raise RuntimeError("rly_secret")

    with structlog.testing.capture_logs() as logs:
        async with client(Relay(live=Broken()), BEARER) as it:
            answer = await it.get("/api/sessions/1")
            assert (await it.get("/healthz")).status_code == 200
    assert answer.status_code == 500
    assert "of the relay's own" in answer.json()["error"]
    assert "rly_secret" not in answer.text + str(logs)
    assert [each["error"] for each in logs] == ["RuntimeError"]


@trio_test
async def test_a_fault_in_the_midst_of_an_answer_ends_it() -> None:
    async def app(_: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError

    with structlog.testing.capture_logs() as logs:
        sent = await _answer_of(Gate(app, Relay()), _scope())
    assert [each["type"] for each in sent] == ["http.response.start"]
    assert len(logs) == 1
