"""A connection on a non-blocking socket, with and without TLS."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from relay import link
from relay.socket_stream import SocketStream
from tests.certificates import client_context, server_context
from tests.sockets import received_now, reset, tcp_pair, tls_pair, unix_pair
from tests.support import trio_test

RECORD = b"x" * 16384
BIG = bytes(range(256)) * 8192  # 2 MiB, more than buffers take

Connection = Callable[..., Awaitable[tuple[SocketStream, SocketStream]]]


async def plain(buffer: int | None = None) -> tuple[SocketStream, SocketStream]:
    return unix_pair(buffer)


with_and_without_tls = pytest.mark.parametrize("connection", [plain, tls_pair])


@pytest.fixture(autouse=True)
def _nothing_stays_open() -> Iterator[None]:
    before = set(os.listdir("/proc/self/fd"))
    yield
    assert set(os.listdir("/proc/self/fd")) == before


async def close(*streams: SocketStream) -> None:
    for stream in streams:
        await stream.aclose()


async def receive(stream: SocketStream, size: int) -> bytes:
    received = b""
    while len(received) < size:
        data = await stream.receive_some()
        assert data
        received += data
    return received


def expect_close_notify(stream: SocketStream) -> None:
    """Let an end without it be an error, where there is TLS."""
    if stream.has_tls:
        vars(stream.socket)["suppress_ragged_eofs"] = False


# Reading and writing


@with_and_without_tls
@trio_test
async def test_both_ways(connection: Connection) -> None:
    ours, theirs = await connection()
    for one, other in ((ours, theirs), (theirs, ours)):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(other.send_all, b"hello")
            assert await one.receive_some(2) == b"he"
            assert await one.receive_some() == b"llo"
    await close(ours, theirs)


@with_and_without_tls
@pytest.mark.parametrize("buffer", [None, 1])
@trio_test
async def test_all_is_written_however_little_is_taken_at_a_time(
    connection: Connection, buffer: int | None
) -> None:
    ours, theirs = await connection(buffer)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ours.send_all, bytearray(BIG))
        nursery.start_soon(theirs.send_all, memoryview(BIG))
        await wait_all_tasks_blocked()
        assert len(nursery.child_tasks) == 2
        assert await receive(theirs, len(BIG)) == BIG
        assert await receive(ours, len(BIG)) == BIG
    await close(ours, theirs)


@with_and_without_tls
@trio_test
async def test_a_write_that_is_cancelled_breaks_the_stream(connection: Connection) -> None:
    ours, theirs = await connection()
    with trio.move_on_after(1):
        await ours.send_all(BIG)
    assert received_now(theirs)
    with pytest.raises(trio.BrokenResourceError):
        await ours.send_all(b"in the middle of something")
    await theirs.send_all(b"reading goes on")
    assert await ours.receive_some() == b"reading goes on"
    await close(ours, theirs)


@with_and_without_tls
@trio_test
async def test_a_write_that_was_cancelled_before_it_began_breaks_nothing(
    connection: Connection,
) -> None:
    ours, theirs = await connection()
    with trio.CancelScope() as scope:
        scope.cancel()
        await ours.send_all(b"never")
    await ours.send_all(b"hello")
    assert await theirs.receive_some() == b"hello"
    await close(ours, theirs)


@trio_test
async def test_a_connection_that_is_reset() -> None:
    ours, theirs = tcp_pair()
    async with trio.open_nursery() as nursery:

        async def read() -> None:
            with pytest.raises(trio.BrokenResourceError) as caught:
                await ours.receive_some()
            assert isinstance(caught.value.__cause__, ConnectionResetError)

        nursery.start_soon(read)
        await wait_all_tasks_blocked()
        reset(theirs)
    with pytest.raises(trio.BrokenResourceError):
        await ours.send_all(b"hello")
    await close(ours)


@with_and_without_tls
@trio_test
async def test_it_can_be_written_when_there_is_room(connection: Connection) -> None:
    ours, theirs = await connection()
    await ours.wait_send_all_might_not_block()
    with trio.move_on_after(1):
        await ours.send_all(BIG)
    with trio.move_on_after(1) as scope:
        await ours.wait_send_all_might_not_block()
    assert scope.cancelled_caught
    await close(ours, theirs)


@with_and_without_tls
@trio_test
async def test_receiving_and_sending_are_checkpoints(connection: Connection) -> None:
    ours, theirs = await connection()
    with trio.testing.assert_checkpoints():
        await ours.send_all(b"hello")
    with trio.testing.assert_checkpoints():
        await theirs.receive_some()
    with trio.testing.assert_checkpoints():
        await ours.send_eof()
    with trio.testing.assert_checkpoints():
        await ours.aclose()
    with trio.testing.assert_checkpoints():
        await ours.aclose()
    await close(theirs)


# Closing


@with_and_without_tls
@pytest.mark.parametrize("stuck", ["reading", "writing"])
@trio_test
async def test_closed_while_another_task_waits(connection: Connection, stuck: str) -> None:
    ours, theirs = await connection()

    async def wait() -> None:
        with pytest.raises(trio.ClosedResourceError):
            await (ours.receive_some() if stuck == "reading" else ours.send_all(BIG))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await wait_all_tasks_blocked()
        await ours.aclose()
    await close(theirs)


@with_and_without_tls
@trio_test
async def test_after_it_was_closed(connection: Connection) -> None:
    ours, theirs = await connection()
    await ours.aclose()
    with pytest.raises(trio.ClosedResourceError):
        await ours.receive_some()
    with pytest.raises(trio.ClosedResourceError):
        await ours.send_all(b"hello")
    await ours.drain()
    await close(ours, theirs)


@with_and_without_tls
@pytest.mark.parametrize(
    "end", [SocketStream.aclose, SocketStream.send_eof, trio.aclose_forcefully]
)
@trio_test
async def test_the_peer_sees_an_orderly_end(
    connection: Connection, end: Callable[[SocketStream], Awaitable[None]]
) -> None:
    ours, theirs = await connection()
    expect_close_notify(theirs)
    await ours.send_all(b"last words")
    await end(ours)
    assert await theirs.receive_some() == b"last words"
    assert await theirs.receive_some() == b""
    if end is SocketStream.send_eof:
        await theirs.send_all(b"the other direction is open")
        assert await ours.receive_some() == b"the other direction is open"
        await ours.send_eof()
    await close(ours, theirs)


@trio_test
async def test_an_end_without_close_notify_is_an_end_all_the_same() -> None:
    """WebSocket says for itself where its messages end."""
    ours, theirs = await tls_pair()
    socket.socket.shutdown(theirs.socket, socket.SHUT_WR)
    assert await ours.receive_some() == b""
    await close(ours, theirs)


@trio_test
async def test_no_close_notify_follows_a_write_that_was_cut_short() -> None:
    for end in (SocketStream.aclose, SocketStream.send_eof):
        ours, theirs = await tls_pair()
        expect_close_notify(theirs)
        ours.mark_broken()
        await end(ours)
        with pytest.raises(trio.BrokenResourceError) as caught:
            await theirs.receive_some()
        assert isinstance(caught.value.__cause__, ssl.SSLEOFError)
        await close(ours, theirs)


@trio_test
async def test_close_notify_waits_for_room() -> None:
    ours, theirs = await tls_pair()
    expect_close_notify(theirs)
    sent = len(RECORD)
    with suppress(ssl.SSLWantWriteError):
        while True:
            sent += ours.socket.send(RECORD)

    async def finish() -> None:
        await ours.send_all(RECORD)  # which OpenSSL has begun
        await ours.send_eof()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(finish)
        assert await receive(theirs, sent) == b"x" * sent
        assert await theirs.receive_some() == b""
    await close(ours, theirs)


@trio_test
async def test_send_eof_lasts_until_close_notify_is_out() -> None:
    ours, theirs = await tls_pair()
    descriptor = ours.socket.fileno()
    while True:  # fill the socket beneath OpenSSL, so that there is no room for a record
        try:
            os.write(descriptor, b"x" * 4096)
        except BlockingIOError:
            break
    with trio.move_on_after(1) as scope:
        await ours.send_eof()
    assert scope.cancelled_caught
    await close(ours, theirs)


@with_and_without_tls
@trio_test
async def test_draining_lasts_until_the_peer_has_ended(connection: Connection) -> None:
    ours, theirs = await connection()
    drained = trio.Event()

    async def drain() -> None:
        await ours.send_eof()
        await ours.drain()
        drained.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(drain)
        await theirs.send_all(BIG)
        await wait_all_tasks_blocked()
        assert not drained.is_set()
        await theirs.aclose()
    await close(ours)


@trio_test
async def test_draining_a_peer_that_never_pauses_can_be_cancelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours, theirs = unix_pair()
    reads = 0

    def read(descriptor: int, size: int) -> bytes:  # noqa: ARG001
        nonlocal reads
        reads += 1
        assert reads < 100
        return b"x"

    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            with monkeypatch.context() as patch:
                patch.setattr("relay.socket_stream.os.read", read)
                nursery.start_soon(ours.drain)
                for _ in range(10):
                    await trio.lowlevel.checkpoint()
                scope.cancel()
                await trio.lowlevel.cancel_shielded_checkpoint()
                await trio.lowlevel.cancel_shielded_checkpoint()
    assert reads
    await close(ours, theirs)


# TLS


@trio_test
async def test_the_handshake_may_come_with_the_first_read() -> None:
    ours, theirs = unix_pair()
    ours.start_tls(server_context("relay.test"), server_side=True)
    theirs.start_tls(client_context(), server_hostname="relay.test")
    assert ours.has_tls
    async with trio.open_nursery() as nursery:
        nursery.start_soon(theirs.send_all, b"hello")
        assert await ours.receive_some() == b"hello"
    await close(ours, theirs)


@pytest.mark.parametrize("name", ["other.test", "relay.test"])
@trio_test
async def test_a_handshake_that_fails(name: str) -> None:
    """For the client the certificate is not valid; the server is told."""
    ours, theirs = unix_pair()
    context = ssl.create_default_context() if name == "relay.test" else client_context()
    ours.start_tls(server_context("relay.test"), server_side=True)
    theirs.start_tls(context, server_hostname=name)

    async def serve() -> None:
        with pytest.raises(trio.BrokenResourceError) as caught:
            await ours.receive_some()  # the handshake, too
        assert isinstance(caught.value.__cause__, ssl.SSLError)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve)
        with pytest.raises(trio.BrokenResourceError) as caught:
            await theirs.do_handshake()
        assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
    await close(ours, theirs)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
@trio_test
async def test_a_peer_that_does_not_speak_tls(answer: bytes) -> None:
    ours, theirs = unix_pair()
    ours.start_tls(client_context(), server_hostname="relay.test")
    async with trio.open_nursery() as nursery:

        async def shake_hands() -> None:
            with pytest.raises(trio.BrokenResourceError):
                await ours.do_handshake()

        nursery.start_soon(shake_hands)
        await theirs.receive_some()
        if answer:
            await theirs.send_all(answer)
        await theirs.aclose()
    await close(ours)


@trio_test
async def test_a_handshake_that_is_cancelled_leaves_nothing_open() -> None:
    ours, theirs = unix_pair()
    ours.start_tls(client_context(), server_hostname="relay.test")
    with trio.move_on_after(1) as scope:
        await ours.do_handshake()
    assert scope.cancelled_caught
    await trio.aclose_forcefully(ours)
    await close(theirs)


@trio_test
async def test_without_tls_there_is_no_handshake() -> None:
    ours, theirs = unix_pair()
    assert not ours.has_tls
    await ours.do_handshake()
    await close(ours, theirs)


@pytest.mark.parametrize("said", [b"", b"hello"])
@trio_test
async def test_tls_on_a_connection_that_is_gone_already(said: bytes) -> None:
    """Nothing of what came before may be taken for what came through TLS."""
    ours, theirs = tcp_pair()
    await theirs.send_all(said)
    reset(theirs)
    await ours.wait_send_all_might_not_block()
    with suppress(OSError):
        ours.start_tls(server_context("relay.test"), server_side=True)
        with pytest.raises(trio.BrokenResourceError):
            await ours.do_handshake()
        assert await link.receive(ours) == b""
    await close(ours)


@trio_test
async def test_a_socket_is_taken_out_of_a_stream_of_trios() -> None:
    near, far = socket.socketpair()
    theirs = trio.SocketStream(trio.socket.from_stdlib_socket(near))
    taken, other = SocketStream.take(theirs), SocketStream(far)
    far.setblocking(False)
    await theirs.aclose()  # as whoever accepted it does; it is not its own any more
    await taken.send_all(b"hello")
    assert await other.receive_some() == b"hello"
    with trio.move_on_after(1) as scope:
        await taken.receive_some()
    assert scope.cancelled_caught
    await close(taken, other)
