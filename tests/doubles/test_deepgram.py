"""Who may open Deepgram's endpoints."""

from __future__ import annotations

import pytest
import trio
from trio.testing import memory_stream_pair
from wsproto.events import AcceptConnection, RejectConnection

from relay.doubles import serve_stream
from tests.doubles.peer import KEY, Peer, connect, refusal
from tests.support import trio_test

TOKEN = ("Authorization", f"Token {KEY}")
LISTEN = "/v1/listen?model=nova-3"
ENDPOINTS = [
    LISTEN,
    "/v1/listen",
    "/v2/listen?model=flux-general-en",
    "/v1/speak?model=aura-2-thalia-en",
    "/v1/speak?encoding=mulaw",
    "/v2/speak?model=flux-haley-en",
    "/v1/agent/converse",
]


@pytest.mark.parametrize("target", ENDPOINTS)
@pytest.mark.parametrize("scheme", ["Token", "token", "Bearer", "bearer"])
@trio_test
async def test_a_field_line_opens_every_endpoint(target: str, scheme: str) -> None:
    async with connect("deepgram", target, headers=[("Authorization", f"{scheme} {KEY}")]):
        pass


@pytest.mark.parametrize("target", ENDPOINTS)
@pytest.mark.parametrize("scheme", ["token", "bearer"])
@pytest.mark.parametrize("more", [[], ["x-deepgram-session-id", "0b5cd2b4"]])
@trio_test
async def test_adjacent_entries_open_every_endpoint(
    target: str, scheme: str, more: list[str]
) -> None:
    entries = [scheme, KEY, *more]
    async with connect("deepgram", target, subprotocols=entries) as peer:
        assert peer.subprotocol == scheme


@trio_test
async def test_only_the_name_of_a_scheme_is_answered() -> None:
    entries = ["x-deepgram-session-id", "0b5cd2b4"]
    ours, theirs = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve_stream, "deepgram", KEY, theirs)
        peer = Peer(ours)
        await peer.request(LISTEN, [TOKEN], entries)
        answer = await peer.next()
        assert isinstance(answer, AcceptConnection)
        assert answer.subprotocol is None
        assert any(name == b"dg-request-id" and value for name, value in answer.extra_headers)
        await ours.aclose()


@pytest.mark.parametrize(
    ("target", "headers", "subprotocols"),
    [
        (LISTEN, [], []),
        (LISTEN, [("Authorization", KEY)], []),
        (LISTEN, [("Authorization", f"Basic {KEY}")], []),
        (LISTEN, [("Authorization", "Token wrong-key-0123456789")], []),
        (f"{LISTEN}&token={KEY}", [], []),
        (LISTEN, [], [KEY]),
        (LISTEN, [], ["token"]),
        (LISTEN, [], ["token", "x", KEY]),
        (LISTEN, [], ["bearer", "wrong-key-0123456789"]),
        (LISTEN, [TOKEN], ["token", "wrong-key-0123456789"]),
        ("/v1/agent/converse", [], []),
    ],
)
@trio_test
async def test_credentials_that_do_not_open(
    target: str, headers: list[tuple[str, str]], subprotocols: list[str]
) -> None:
    status, body = await refusal("deepgram", target, headers=headers, subprotocols=subprotocols)
    assert status == 401
    assert body["err_code"] == "INVALID_AUTH"
    assert body["err_msg"] == "Invalid credentials."


@trio_test
async def test_a_refusal_says_why_in_field_lines_too() -> None:
    ours, theirs = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve_stream, "deepgram", KEY, theirs)
        peer = Peer(ours)
        await peer.request(LISTEN, [], [])
        answer = await peer.next()
        assert isinstance(answer, RejectConnection)
        headers = dict(answer.headers)
        assert headers[b"dg-error"] == b"Invalid credentials."
        assert len(headers[b"dg-request-id"]) == 36
        await ours.aclose()


@pytest.mark.parametrize(
    ("target", "status", "code"),
    [
        ("/", 404, "Not Found"),
        ("/v3/listen", 404, "Not Found"),
        ("/v1/agent", 404, "Not Found"),
        ("/v2/listen", 400, "Bad Request"),
        ("/v2/listen?model=nova-3", 400, "Bad Request"),
        ("/v1/listen?model=flux-general-en", 400, "Bad Request"),
        ("/v2/speak", 400, "Bad Request"),
        ("/v2/speak?model=aura-2-thalia-en", 400, "Bad Request"),
        ("/v1/speak?model=flux-haley-en", 400, "Bad Request"),
        ("/v1/speak?encoding=mp3", 400, "Bad Request"),
    ],
)
@trio_test
async def test_requests_that_no_credential_opens(target: str, status: int, code: str) -> None:
    answer = await refusal("deepgram", target, headers=[TOKEN])
    assert (answer[0], answer[1]["err_code"]) == (status, code)
    assert answer[1]["request_id"]
