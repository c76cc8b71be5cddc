"""One WebSocket from the server's side."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock, memory_stream_pair
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage
from wsproto.frame_protocol import CloseReason

from relay.doubles import server
from relay.doubles.server import Closed, Connection
from tests.doubles.peer import Ended, Peer
from tests.support import trio_test

HEAD = (
    b"GET / HTTP/1.1\r\nHost: double\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)

Handler = Callable[[Connection], Awaitable[None]]


async def echo(connection: Connection) -> None:
    await connection.accept()
    while True:
        await connection.send(await connection.receive())


class Listener:
    """A handler that accepts, receives until the end, and remembers how that was."""

    closed: Closed | None = None

    def __init__(self) -> None:
        self.messages: list[str | bytes] = []

    async def __call__(self, connection: Connection) -> None:
        await connection.accept()
        try:
            while True:
                self.messages.append(await connection.receive())
        except Closed as closed:
            self.closed = closed

    @property
    def end(self) -> tuple[int | None, str]:
        assert self.closed is not None
        return self.closed.code, self.closed.reason


@asynccontextmanager
async def opened(handler: Handler) -> AsyncIterator[Peer]:
    """A peer whose opening handshake ``handler`` has accepted; the server ends with the block."""
    ours, theirs = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.serve_connection, theirs, handler)
        peer = Peer(ours)
        await peer.request("/", (), ())
        assert await peer.answer() == (101, b"")
        yield peer
        await ours.aclose()


@trio_test
async def test_text_and_binary_messages_keep_their_kind() -> None:
    async with opened(echo) as peer:
        await peer.send("grüße")
        assert await peer.receive() == "grüße"
        await peer.send(b"\x00\xff")
        assert await peer.receive() == b"\x00\xff"
        await peer.send("")
        assert await peer.receive() == ""


@trio_test
async def test_fragments_are_one_message_and_pings_between_them_are_answered() -> None:
    async with opened(echo) as peer:
        await peer.transmit(TextMessage(data="one ", message_finished=False))
        await peer.transmit(Ping(payload=b"still there?"))
        await peer.transmit(TextMessage(data="two"))
        assert await peer.next() == Pong(payload=b"still there?")
        assert await peer.receive() == "one two"


@trio_test
async def test_frames_that_come_with_the_request_are_not_lost() -> None:
    ours, theirs = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.serve_connection, theirs, echo)
        # A masked text frame, masking key 0.
        await ours.send_all(HEAD + b"\x81\x82\x00\x00\x00\x00hi")
        received = b""
        while not received.endswith(b"\x81\x02hi"):
            received += await ours.receive_some()
        await ours.aclose()


@trio_test
async def test_the_subprotocol_and_field_lines_of_the_answer_are_the_handlers() -> None:
    async def handler(connection: Connection) -> None:
        await connection.accept("two", [(b"X-Double", b"yes")])

    ours, theirs = memory_stream_pair()
    peer = Peer(ours)
    await peer.request("/", (), ["one", "two"])
    await server.serve_connection(theirs, handler)
    answer = bytes(await ours.receive_some())
    assert b"Sec-WebSocket-Protocol: two\r\n" in answer
    assert b"X-Double: yes\r\n" in answer


@trio_test
async def test_a_close_is_answered_and_its_code_and_reason_are_raised() -> None:
    listener = Listener()
    async with opened(listener) as peer:
        await peer.transmit(CloseConnection(code=4000, reason="enough"))
        assert await peer.next() == CloseConnection(code=4000, reason="enough")
        with pytest.raises(Ended):
            await peer.next()
    assert listener.end == (4000, "enough")


@trio_test
async def test_an_empty_close_has_no_code_and_is_answered_by_an_empty_one() -> None:
    listener = Listener()
    async with opened(listener) as peer:
        await peer.transmit(CloseConnection(code=CloseReason.NO_STATUS_RCVD))
        assert await peer.stream.receive_some() == b"\x88\x00"
    assert listener.end == (None, "")


@trio_test
async def test_a_peer_that_vanishes_is_1006() -> None:
    listener = Listener()
    async with opened(listener) as peer:
        await peer.send("last words")
    assert listener.messages == ["last words"]
    assert listener.end == (1006, "")


@trio_test
async def test_once_closed_it_stays_closed() -> None:
    ends = []

    async def handler(connection: Connection) -> None:
        await connection.accept()
        for operation in (connection.receive, connection.receive):
            with pytest.raises(Closed) as caught:
                await operation()
            ends.append(caught.value.code)
        with pytest.raises(Closed) as caught:
            await connection.send("too late")
        ends.append(caught.value.code)
        await connection.close()

    async with opened(handler) as peer:
        await peer.transmit(CloseConnection(code=4001))
    assert ends == [4001, 4001, 4001]


@trio_test
async def test_close_sends_its_code_and_waits_for_the_answer() -> None:
    async def handler(connection: Connection) -> None:
        await connection.accept()
        await connection.close(4002, "done here")

    async with opened(handler) as peer:
        await peer.send("this crosses the Close and is discarded")
        await peer.transmit(Ping())
        assert await peer.close_frame() == (4002, "done here")
        assert trio.current_time() == 0


@trio_test
async def test_close_without_a_code_is_empty() -> None:
    async def handler(connection: Connection) -> None:
        await connection.accept()
        await connection.close(None)

    async with opened(handler) as peer:
        assert (await peer.close_frame())[0] == CloseReason.NO_STATUS_RCVD


def test_close_waits_five_seconds_for_a_peer_that_does_not_answer() -> None:
    async def handler(connection: Connection) -> None:
        await connection.accept()
        await connection.close()

    async def main() -> float:
        started = trio.current_time()
        async with opened(handler) as peer:
            await peer.next()
            with pytest.raises(Ended):
                await peer.next()
            return trio.current_time() - started

    assert trio.run(main, clock=MockClock(autojump_threshold=0)) == 5.0


@trio_test
async def test_sending_after_close_or_to_nobody_raises_closed() -> None:
    codes = []

    async def handler(connection: Connection) -> None:
        await connection.accept()
        await connection.receive()
        with pytest.raises(Closed) as caught:
            await connection.send("nobody hears this")
        codes.append(caught.value.code)

    async with opened(handler) as peer:
        await peer.send("going")
        await peer.stream.aclose()
    assert codes == [1006]


VIOLATIONS = {
    "an unmasked frame": (b"\x81\x02hi", 1002),
    "a reserved opcode": (b"\x83\x80\x00\x00\x00\x00", 1002),
    "a text that is no UTF-8": (b"\x81\x81\x00\x00\x00\x00\xff", 1007),
    "a Close whose reason is no UTF-8": (b"\x88\x83\x00\x00\x00\x00\x03\xe8\xff", 1007),
}


@pytest.mark.parametrize(("frame", "code"), VIOLATIONS.values(), ids=VIOLATIONS)
@trio_test
async def test_a_violation_fails_the_connection(frame: bytes, code: int) -> None:
    listener = Listener()
    async with opened(listener) as peer:
        await peer.stream.send_all(frame)
        event = await peer.next()
        assert isinstance(event, CloseConnection)
        assert event.code == code
    assert listener.end == (code, event.reason)
    assert event.reason


@pytest.mark.parametrize("fragments", [1, 3])
@trio_test
async def test_a_message_past_the_limit_fails_the_connection(
    fragments: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MAX_MESSAGE_SIZE", 90)
    listener = Listener()
    async with opened(listener) as peer:
        part = b"x" * (90 // fragments)
        for _ in range(fragments - 1):
            await peer.transmit(BytesMessage(data=part, message_finished=False))
        await peer.transmit(BytesMessage(data=part))
        for _ in range(fragments - 1):
            await peer.transmit(BytesMessage(data=part, message_finished=False))
        await peer.transmit(BytesMessage(data=part + b"!"))
        event = await peer.next()
        assert isinstance(event, CloseConnection)
        assert event.code == 1009
    assert listener.messages == [part * fragments]
    assert listener.end[0] == 1009


@trio_test
async def test_a_refusal_has_its_body_and_ends_the_stream() -> None:
    async def handler(connection: Connection) -> None:
        await connection.refuse(403, b"no")

    ours, theirs = memory_stream_pair()
    await ours.send_all(HEAD)
    await server.serve_connection(theirs, handler)
    answer = b""
    while data := await ours.receive_some():
        answer += data
    assert answer.startswith(b"HTTP/1.1 403 Forbidden\r\n")
    assert answer.endswith(b"\r\nConnection: close\r\n\r\nno")


@trio_test
async def test_what_is_no_opening_handshake_never_reaches_the_handler() -> None:
    async def handler(_connection: Connection) -> None:
        raise AssertionError

    ours, theirs = memory_stream_pair()
    await ours.send_all(b"GET /?key=secret HTTP/1.1\r\nHost: double\r\nsecret\r\n\r\n")
    await server.serve_connection(theirs, handler)
    answer = bytes(await ours.receive_some())
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"secret" not in answer


def test_a_slow_opening_handshake_ends_after_ten_seconds() -> None:
    async def main() -> float:
        ours, theirs = memory_stream_pair()
        await ours.send_all(HEAD[:-2])
        await server.serve_connection(theirs, echo)
        assert await ours.receive_some() == b""
        return trio.current_time()

    clock = MockClock(autojump_threshold=0)
    started = clock.current_time()
    assert trio.run(main, clock=clock) - started == 10.0


@trio_test
async def test_an_error_of_the_handler_is_not_hidden() -> None:
    async def handler(_connection: Connection) -> None:
        raise LookupError

    ours, theirs = memory_stream_pair()
    await ours.send_all(HEAD)
    with pytest.raises(LookupError):
        await server.serve_connection(theirs, handler)
    assert await ours.receive_some() == b""


@given(st.lists(st.binary(max_size=48), max_size=4))
@trio_test
async def test_no_bytes_after_the_handshake_raise_anything(chunks: list[bytes]) -> None:
    ours, theirs = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.serve_connection, theirs, echo)
        await ours.send_all(HEAD)
        for chunk in chunks:
            await ours.send_all(chunk)
        await ours.send_eof()
