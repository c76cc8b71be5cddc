"""The opening handshake as a double reads it."""

from __future__ import annotations

import contextlib

import h11
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import memory_stream_one_way_pair

from relay.doubles.opening import MAX_HEAD_SIZE, Malformed, Request, judge, read_head, refuse

KEY_LINE = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
UPGRADE = (
    b"Host: double\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
)


def http1() -> h11.Connection:
    return h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD_SIZE)


def read(data: bytes) -> Request | None:
    """What a double makes of ``data`` and the end of the stream."""

    async def main() -> Request | None:
        sender, receiver = memory_stream_one_way_pair()
        await sender.send_all(data)
        await sender.aclose()
        head = await read_head(receiver, http1())
        return None if head is None else judge(head)[0]

    return trio.run(main)


def test_a_request_keeps_all_that_arrived() -> None:
    request = read(
        b"GET /v1/realtime?model=a%2Fb&model=c&blank= HTTP/1.1\r\n"
        + UPGRADE
        + KEY_LINE
        + b"X-Two: 1\r\n"
        b"x-two: 2\r\nSec-WebSocket-Protocol: realtime, one\r\nSec-WebSocket-Protocol: two\r\n\r\n"
    )
    assert request is not None
    assert request.target == "/v1/realtime?model=a%2Fb&model=c&blank="
    assert request.path == "/v1/realtime"
    assert request.query == [("model", "a/b"), ("model", "c"), ("blank", "")]
    assert [line for line in request.headers if line[0] == b"x-two"] == [
        (b"x-two", b"1"),
        (b"x-two", b"2"),
    ]
    assert (b"sec-websocket-protocol", b"two") in request.headers
    assert request.subprotocols == ["realtime", "one", "two"]
    assert request.header(b"x-two") == "1"
    assert request.header(b"x-three") is None
    assert request.parameter("model") == "a/b"
    assert request.parameter("mode") is None


def test_the_repr_of_a_request_shows_no_secret() -> None:
    request = read(
        b"GET /path?key=secret HTTP/1.1\r\n" + UPGRADE + KEY_LINE + b"X-API-Key: secret\r\n"
        b"Sec-WebSocket-Protocol: secret\r\n\r\n"
    )
    assert "/path" in repr(request)
    assert "secret" not in repr(request)


MALFORMED = {
    "garbage": (b"\x16\x03\x01\x02\x00\r\n\r\n", 400),
    "half a head": (b"GET / HTTP/1.1\r\nHost: double\r\n", 400),
    "another method": (b"POST / HTTP/1.1\r\n" + UPGRADE + KEY_LINE + b"\r\n", 400),
    "an old version": (b"GET / HTTP/1.0\r\n" + UPGRADE + KEY_LINE + b"\r\n", 400),
    "no upgrade": (b"GET / HTTP/1.1\r\nHost: double\r\n" + KEY_LINE + b"\r\n", 400),
    "no key": (b"GET / HTTP/1.1\r\n" + UPGRADE + b"\r\n", 400),
    "a short key": (b"GET / HTTP/1.1\r\n" + UPGRADE + b"Sec-WebSocket-Key: AAAA\r\n\r\n", 400),
    "a key that is no base64": (
        b"GET / HTTP/1.1\r\n" + UPGRADE + b"Sec-WebSocket-Key: ???\r\n\r\n",
        400,
    ),
    "a subprotocol beyond ASCII": (
        b"GET / HTTP/1.1\r\n" + UPGRADE + KEY_LINE + b"Sec-WebSocket-Protocol: \xff\r\n\r\n",
        400,
    ),
    "a head without end": (b"GET / HTTP/1.1\r\nX: " + b"x" * MAX_HEAD_SIZE, 431),
}


@pytest.mark.parametrize(("data", "status"), MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_opening_handshake_is_malformed(data: bytes, status: int) -> None:
    with pytest.raises(Malformed) as caught:
        read(data)
    assert caught.value.status == status


def test_a_peer_that_leaves_without_a_word_is_no_request() -> None:
    assert read(b"") is None


@given(
    st.sampled_from((b"", b"GET / HTTP/1.1\r\n" + UPGRADE, b"GET /?x HTTP/1.1\r\n" + KEY_LINE)),
    st.binary(max_size=64),
)
def test_any_bytes_are_a_request_or_malformed(start: bytes, rest: bytes) -> None:
    with contextlib.suppress(Malformed):
        read(start + rest + b"\r\n\r\n")


def test_a_refusal_is_a_whole_http_response() -> None:
    async def main() -> bytes:
        sender, receiver = memory_stream_one_way_pair()
        head = http1()
        head.receive_data(b"GET / HTTP/1.1\r\n" + UPGRADE + KEY_LINE + b"\r\n")
        head.next_event()
        await refuse(sender, head, 401, b"no", [(b"X-Why", b"key")])
        return bytes(await receiver.receive_some())

    assert trio.run(main) == (
        b"HTTP/1.1 401 Unauthorized\r\nX-Why: key\r\nContent-Length: 2\r\n"
        b"Connection: close\r\n\r\nno"
    )
