"""What a client is told when a session cannot be opened, over real sockets and TLS."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import trio
from websockets.exceptions import InvalidStatus
from websockets.http11 import Response
from websockets.sync.client import connect

from relay.protocol import Timeouts
from tests.e2e.drivers import in_every_driver
from tests.e2e.support import STORED_KEY, TOKEN, RelayUnderTest, accept, relay
from tests.support import real_clock

pytestmark = in_every_driver

_TOKEN = {"cf-aig-authorization": TOKEN}


def _refused(
    under_test: RelayUnderTest, path: str, headers: Mapping[str, str], *protocols: str
) -> Response:
    """The answer that a client gets instead of a session."""
    with pytest.raises(InvalidStatus) as info:
        connect(
            under_test.url(path),
            ssl=under_test.trust,
            additional_headers=headers,
            subprotocols=protocols or None,  # type: ignore[arg-type]
        )
    return info.value.response


async def _never(_stream: object, _head: bytes) -> None:
    pytest.fail("the provider was dialled")


@dataclass(frozen=True)
class _Case:
    path: str
    headers: Mapping[str, str]
    status: int
    code: int


@pytest.mark.parametrize(
    "case",
    [
        _Case("openai?model=m", {}, 401, 2009),
        _Case("openai?model=m", {"cf-aig-authorization": "wrong"}, 401, 2009),
        _Case("openai?model=m", {"authorization": f"Bearer {TOKEN}x"}, 401, 2009),
        _Case(f"openai?model=m&cf-aig-authorization={TOKEN}", {}, 401, 2009),
        _Case("nobody", _TOKEN, 400, 2008),
        _Case("openai/v1/files", _TOKEN, 400, 2008),
        _Case("openai/../../../x", _TOKEN, 400, 2008),
        _Case("google?key=a&api_key=b", _TOKEN, 400, 2000),
        _Case("openai", {**_TOKEN, "cf-aig-byok-alias": "other"}, 400, 2040),
        _Case("gone?model=m", _TOKEN, 502, 2100),
        _Case("stranger?model=m", _TOKEN, 502, 2100),
    ],
    ids=lambda case: f"{case.status} {case.path[:20]}",
)
@real_clock
async def test_refused_without_asking_the_provider(
    case: _Case, driver: str, tmp_path: Path
) -> None:
    """Each has its status and its code, and the provider is never dialled."""
    async with relay(_never, tmp_path, driver=driver) as under_test:
        answer = await trio.to_thread.run_sync(_refused, under_test, case.path, case.headers)
        body = json.loads(answer.body)
        assert (answer.status_code, body["error"][0]["code"]) == (case.status, case.code)
        assert body["success"] is False
        assert answer.headers["connection"] == "close"
        assert answer.headers["cf-aig-log-id"]
        assert TOKEN not in str(answer)


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (
            b"HTTP/1.1 302 Found\r\nLocation: wss://elsewhere/\r\nContent-Length: 0\r\n\r\n",
            502,
            2100,
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 502, 2100),
        (b"what is this?\r\n\r\n", 502, 2100),
        (b"\x00\xff\x16\x03", 502, 2100),
        (b"", 502, 2100),
        (b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", 502, 2100),
    ],
    ids=["302", "200", "no HTTP", "garbage", "nothing", "101 without accept"],
)
@real_clock
async def test_an_answer_that_is_no_101_is_a_bad_gateway(
    sent: bytes, status: int, code: int, driver: str, tmp_path: Path
) -> None:
    """No tunnel, no redirect: 502 with a body of ours."""

    async def provider(stream: trio.SSLStream[trio.SocketStream], _head: bytes) -> None:
        await stream.send_all(sent)

    async with relay(provider, tmp_path, driver=driver) as under_test:
        answer = await trio.to_thread.run_sync(_refused, under_test, "openai?model=m", _TOKEN)
        assert answer.status_code == status
        assert json.loads(answer.body)["error"][0]["code"] == code
        assert "location" not in answer.headers
        assert answer.headers["proxy-status"].startswith("relay; error=")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
@real_clock
async def test_the_refusal_of_the_provider_reaches_the_client(
    status: int, driver: str, tmp_path: Path
) -> None:
    """Status, body and the safe field lines; nothing else."""
    sent = b'{"error": {"message": "no"}}'

    async def provider(stream: trio.SSLStream[trio.SocketStream], _head: bytes) -> None:
        await stream.send_all(
            b"HTTP/1.1 %d No\r\nContent-Type: application/json\r\nRetry-After: 7\r\n"
            b"Set-Cookie: a=b\r\nServer: secret\r\nContent-Length: %d\r\n\r\n%s"
            % (status, len(sent), sent)
        )

    async with relay(provider, tmp_path, driver=driver) as under_test:
        answer = await trio.to_thread.run_sync(_refused, under_test, "openai?model=m", _TOKEN)
        assert (answer.status_code, bytes(answer.body)) == (status, sent)
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["retry-after"] == "7"
        assert answer.headers["proxy-status"] == f"relay; received-status={status}"
        assert "set-cookie" not in answer.headers
        assert "server" not in answer.headers


@real_clock
async def test_a_refusal_that_shows_the_stored_key_is_replaced(driver: str, tmp_path: Path) -> None:
    """Its status stays; its body does not."""
    sent = b'{"error": "no such key: ' + STORED_KEY.encode() + b'"}'

    async def provider(stream: trio.SSLStream[trio.SocketStream], head: bytes) -> None:
        assert b"authorization: Bearer " + STORED_KEY.encode() in head
        assert TOKEN.encode() not in head
        await stream.send_all(
            b"HTTP/1.1 401 No\r\nX-Request-Id: r1\r\nWWW-Authenticate: Bearer %s\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (STORED_KEY.encode(), len(sent), sent)
        )

    async with relay(provider, tmp_path, driver=driver) as under_test:
        answer = await trio.to_thread.run_sync(_refused, under_test, "openai?model=m", _TOKEN)
        assert answer.status_code == 401
        assert answer.headers["x-request-id"] == "r1"
        assert STORED_KEY not in str(answer)
        assert json.loads(answer.body)["error"][0]["code"] == 2100


def test_a_provider_that_never_answers_is_given_up_at_the_deadline(
    driver: str, tmp_path: Path
) -> None:
    """504, and not before the provider was asked."""
    asked = []

    async def provider(_stream: trio.SSLStream[trio.SocketStream], head: bytes) -> None:
        asked.append(head)
        await trio.sleep_forever()

    @real_clock
    async def run() -> None:
        async with relay(
            provider, tmp_path, driver=driver, timeouts=Timeouts(upstream=1)
        ) as under_test:
            answer = await trio.to_thread.run_sync(_refused, under_test, "openai?model=m", _TOKEN)
            assert answer.status_code == 504
            assert json.loads(answer.body)["error"][0]["code"] == 2101

    run()
    assert len(asked) == 1


def test_the_token_is_not_the_answered_subprotocol(driver: str, tmp_path: Path) -> None:
    """Where another entry was offered; nor does it go upstream."""
    heads = []

    async def provider(stream: trio.SSLStream[trio.SocketStream], head: bytes) -> None:
        heads.append(head)
        await accept(stream, head, b"\x88\x02\x03\xe8")
        await stream.receive_some(100)

    def client(under_test: RelayUnderTest) -> str | None:
        with connect(
            under_test.url("google?api_key=own-key"),
            ssl=under_test.trust,
            subprotocols=[f"cf-aig-authorization.{TOKEN}", "relay"],  # type: ignore[list-item]
        ) as websocket:
            return websocket.subprotocol

    @real_clock
    async def run() -> None:
        async with relay(provider, tmp_path, driver=driver) as under_test:
            assert await trio.to_thread.run_sync(client, under_test) == "relay"

    run()
    assert b"BidiGenerateContent?key=own-key HTTP/1.1" in heads[0]
    assert b"sec-websocket-protocol" not in heads[0].lower()
    assert TOKEN.encode() not in heads[0]
