"""Both directions of an open session between two sockets: order, pace, and how they stop."""

from __future__ import annotations

import socket
from contextlib import suppress

import pytest
import trio

from relay.drivers.splice import splicing
from relay.link import CHUNK
from relay.protocol import Limits, MessagePipe, Pipe, State
from relay.protocol.frames import BINARY, PING, TEXT
from relay.socket_stream import SocketStream
from relay.testing.frames import Frame
from tests.drivers.spliced import (
    BIG,
    CLOSE,
    HELLO,
    PATIENCE,
    WORLD,
    Connection,
    Spliced,
    flood,
    plain,
    receive,
    since,
    spliced,
    tcp,
    with_and_without_tls,
)
from tests.sockets import received_now, reset, running_reactor, settle, tls_pair, unix_pair
from tests.support import trio_test

# Carrying


@with_and_without_tls
@trio_test
async def test_bytes_pass_both_ways(connection: Connection) -> None:
    async with spliced(connection) as it:
        for _ in range(3):
            for source, sink in ((it.client, it.provider), (it.provider, it.client)):
                await source.send_all(HELLO)
                assert await sink.receive_some() == HELLO
        it.stop()
    assert [pipe.messages for pipe in it.pipes] == [3, 3]


@with_and_without_tls
@trio_test
async def test_what_comes_in_many_records_at_once_is_carried_whole(connection: Connection) -> None:
    async with spliced(connection) as it:
        for _ in range(200):
            await it.client.send_all(HELLO)
        assert await receive(it.provider, 200 * len(HELLO)) == HELLO * 200
        it.stop()


@pytest.mark.parametrize("lane", [Pipe, MessagePipe])
@pytest.mark.parametrize("buffer", [None, 4096])
@with_and_without_tls
@trio_test
async def test_everything_passes_in_order_while_both_directions_are_full(
    connection: Connection, buffer: int | None, lane: type[Pipe]
) -> None:
    async with spliced(connection, buffer=buffer, lane=lane) as it:
        received = {}

        async def take(stream: SocketStream) -> None:
            received[stream] = await receive(stream, len(BIG) * 2)

        async with trio.open_nursery() as nursery:
            for stream in (it.client, it.provider):
                nursery.start_soon(stream.send_all, BIG + BIG)
                nursery.start_soon(take, stream)
        sizes = {len(data) for data in received.values()}
        assert sizes == {2 * len(BIG)}
        if lane is Pipe:
            assert set(received.values()) == {BIG + BIG}
        await it.settle()
        assert since(it.inbound) is since(it.outbound) is None
        it.stop()


@with_and_without_tls
@trio_test
async def test_a_sink_that_takes_nothing_stops_its_source_and_no_byte_is_lost(
    connection: Connection,
) -> None:
    async with spliced(connection) as it, trio.open_nursery() as nursery:
        sent = trio.Event()

        async def flood() -> None:
            await it.provider.send_all(BIG)
            sent.set()

        nursery.start_soon(flood)
        await it.settle()
        assert not sent.is_set()
        assert since(it.outbound) == 0
        read = it.pipes[1].bytes
        received = received_now(it.client)
        assert 0 < read - len(received) <= CHUNK + 16384  # a chunk, and part of a TLS record
        assert it.pipes[1].bytes == read
        await it.client.send_all(HELLO)  # the other direction flows
        assert await it.provider.receive_some() == HELLO
        received += await receive(it.client, len(BIG) - len(received))
        assert received == BIG
        await sent.wait()
        await it.settle()
        assert since(it.outbound) is None
        it.stop()


@with_and_without_tls
@trio_test
async def test_a_message_that_goes_slowly_is_not_one_that_is_stuck(connection: Connection) -> None:
    """In the messages lane a whole message comes at once; its writing is seen to go on."""
    async with spliced(connection, lane=MessagePipe) as it, trio.open_nursery() as nursery:
        nursery.start_soon(it.client.send_all, BIG)
        await it.settle()
        taken = 0
        while it.inbound.writing_since is not None:
            assert trio.current_time() - it.inbound.writing_since < 30
            await trio.sleep(10)
            taken += len(await receive(it.provider, CHUNK))
            await it.settle()
        assert trio.current_time() > 100
        await receive(it.provider, len(BIG) - taken)
        it.stop()


@trio_test
async def test_the_message_lane_takes_a_large_message_in_large_chunks_and_others_in_small() -> None:
    sizes: list[int] = []

    class Noting(MessagePipe):
        def receive_data(self, data: bytes) -> bytes:
            sizes.append(len(data))
            return super().receive_data(data)

    large = Frame(BINARY, bytes(CHUNK * 2)).encode()
    small = Frame(TEXT, b"x").encode() * 10_000
    async with spliced(lane=Noting) as it, trio.open_nursery() as nursery:
        nursery.start_soon(it.client.send_all, large + small)
        assert await receive(it.provider, len(large + small)) == large + small
        it.stop()
    assert sum(sizes) == len(large + small)
    assert sizes[0] == 4096
    assert max(sizes) > 16 * 1024
    tail = sizes[next(i for i in range(len(sizes)) if sum(sizes[: i + 1]) >= len(large)) + 1 :]
    assert max(tail) <= 4096 + len(HELLO)  # the rest of a frame besides


# Early data


@with_and_without_tls
@trio_test
async def test_early_data_comes_first(connection: Connection) -> None:
    async with spliced(connection, early_data=(HELLO, WORLD)) as it:
        await it.client.send_all(WORLD)
        await it.provider.send_all(HELLO)
        assert await receive(it.provider, len(HELLO + WORLD)) == HELLO + WORLD
        assert await receive(it.client, len(HELLO + WORLD)) == WORLD + HELLO
        it.stop()


@trio_test
async def test_early_data_may_end_it() -> None:
    async with spliced(early_data=(HELLO + CLOSE, CLOSE)) as it:
        assert it.ended == [it.inbound, it.outbound]
    assert [pipe.state for pipe in it.pipes] == [State.CLOSING] * 2


@trio_test
async def test_what_openssl_has_decrypted_already_is_carried() -> None:
    def read_a_byte(it: Spliced) -> None:
        it.client.socket.send(HELLO)
        assert it.ours[0].socket.recv(1) == HELLO[:1]

    async with spliced(tls_pair, before=read_a_byte, early_data=(HELLO[:1], b"")) as it:
        await it.settle()
        assert received_now(it.provider) == HELLO
        it.stop()


@trio_test
async def test_what_is_decrypted_already_waits_for_early_data_that_is_not_taken() -> None:
    tail = HELLO * 100

    def read_a_byte(it: Spliced) -> None:
        it.client.socket.send(tail)
        assert it.ours[0].socket.recv(1) == tail[:1]

    early_data = BIG + tail[:1]
    async with spliced(tls_pair, before=read_a_byte, early_data=(early_data, b"")) as it:
        await it.settle()
        assert since(it.inbound) is not None
        assert await receive(it.provider, len(BIG + tail)) == BIG + tail
        it.stop()


@trio_test
async def test_writing_early_data_begins_now_however_long_the_reactor_had_nothing_to_do() -> None:
    async with running_reactor() as reactor:
        await trio.sleep(3600)
        near, client = unix_pair()
        far, provider = unix_pair()
        pipes = Pipe(masked=False, limits=Limits()), Pipe(masked=False, limits=Limits())
        early_data = (BIG, b"")
        async with splicing(reactor, near, far, pipes, early_data, lambda _: None) as flows:
            assert flows[0].writing_since == trio.current_time() == 3600
            assert flows[0].last_activity == flows[1].last_activity == 3600
            for flow in flows:
                flow.abort()
        for stream in (near, client, far, provider):
            await stream.aclose()


# Ends


@pytest.mark.parametrize("connection", [plain, tcp, tls_pair])
@trio_test
async def test_data_and_an_end_at_once(connection: Connection) -> None:
    async with spliced(connection) as it:
        await it.client.send_all(HELLO)
        await it.client.aclose()
        assert await it.provider.receive_some() == HELLO
        await it.settle()
        assert it.ended == [it.inbound]
        assert it.pipes[0].state is State.CLOSED
        await it.provider.aclose()
    assert it.pipes[1].state is State.CLOSED


@trio_test
async def test_a_close_ends_its_direction_only() -> None:
    async with spliced() as it:
        await it.client.send_all(HELLO + CLOSE + HELLO)
        await it.settle()
        assert it.ended == [it.inbound]
        assert await it.provider.receive_some() == HELLO + CLOSE
        await it.client.send_all(WORLD)  # unread from now on
        await it.provider.send_all(WORLD)
        assert await it.client.receive_some() == WORLD
        it.outbound.stop()


@trio_test
async def test_a_reset_is_known_from_an_orderly_end() -> None:
    async with spliced(tcp) as it:
        reset(it.provider)
        it.client.close()
        await it.settle()
        assert (it.outbound.source_was_reset, it.outbound.sink_was_reset) == (True, False)
        assert (it.inbound.source_was_reset, it.inbound.sink_was_reset) == (False, False)


# Stopping


@pytest.mark.parametrize("lane", [Pipe, MessagePipe])
@with_and_without_tls
@trio_test
async def test_stop_lets_what_was_read_be_written_and_the_frame_under_way_be_finished(
    connection: Connection, lane: type[Pipe]
) -> None:
    async with spliced(connection, lane=lane) as it, trio.open_nursery() as nursery:
        nursery.start_soon(it.provider.send_all, BIG + HELLO * 10_000)
        await it.settle()
        assert since(it.outbound) is not None
        it.stop()
        assert it.ended == [it.inbound]
        received = await receive(it.client, len(BIG))
        await it.settle()
        assert it.ended == [it.inbound, it.outbound]
        received += received_now(it.client)
        assert len(received) == it.pipes[1].bytes < len(BIG) + 4096
        assert received == (BIG + HELLO * 10_000)[: len(received)]
        assert it.pipes[1].can_inject
        await it.ours[0].send_all(b"usable")
        assert await it.client.receive_some() == b"usable"
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("size", [40, CHUNK, len(BIG)])
@pytest.mark.parametrize("by", ["client", "provider"])
@with_and_without_tls
@trio_test
async def test_inside_a_frame_stop_waits_for_its_rest_and_carries_nothing_after_it(
    connection: Connection, by: str, size: int
) -> None:
    frame = Frame(BINARY, BIG[:size]).encode()
    async with spliced(connection) as it, trio.open_nursery() as nursery:
        ends = (it.client, it.provider, it.ours[0], it.inbound, it.outbound)
        if by == "provider":
            ends = (it.provider, it.client, it.ours[1], it.outbound, it.inbound)
        source, sink, near, flow, other = ends
        await source.send_all(frame[:20])
        assert await sink.receive_some() == frame[:20]
        it.stop()
        assert it.ended == [other]
        await source.send_all(frame[20:30])
        assert await sink.receive_some() == frame[20:30]
        assert it.ended == [other]
        nursery.start_soon(source.send_all, frame[30:] + HELLO)
        assert await receive(sink, len(frame) - 30) == frame[30:]
        await it.settle()
        assert it.ended == [other, flow]
        assert received_now(sink) == b""
        assert flow.pipe.state is State.OPEN
        assert flow.pipe.can_inject
        assert await receive(near, len(HELLO)) == HELLO
        assert trio.current_time() == 0


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(HELLO, id="frame"),
        pytest.param(Frame(TEXT, b"hel", fin=False).encode(), id="fragment"),
        pytest.param(HELLO[:1], id="inside-a-header"),
        pytest.param(CLOSE[:-1], id="inside-a-control-frame"),
    ],
)
@trio_test
async def test_where_a_frame_may_follow_stop_waits_for_nothing(data: bytes) -> None:
    async with spliced() as it:
        await it.client.send_all(data)
        await it.settle()
        it.stop()
        assert it.ended == [it.inbound, it.outbound]
        assert it.pipes[0].can_inject


@trio_test
async def test_a_rest_that_does_not_come_in_time_is_cut_short() -> None:
    async with spliced() as it:
        await it.client.send_all(HELLO[:-1])
        await it.settle()
        it.stop()
    assert trio.current_time() == PATIENCE
    assert it.ended == [it.outbound, it.inbound]
    assert [pipe.can_inject for pipe in it.pipes] == [False, True]


@with_and_without_tls
@trio_test
async def test_a_source_that_ends_before_the_rest_is_not_waited_for(connection: Connection) -> None:
    async with spliced(connection) as it:
        await it.client.send_all(HELLO[:-1])
        await it.settle()
        it.stop()
        await it.client.aclose()
    assert trio.current_time() == 0
    assert it.pipes[0].state is State.CLOSED
    assert not it.pipes[0].can_inject


@trio_test
async def test_a_sink_that_breaks_before_the_rest_is_not_waited_for() -> None:
    async with spliced(tcp) as it:
        await it.client.send_all(HELLO[:-2])
        await it.settle()
        it.stop()
        it.ours[1].socket.shutdown(socket.SHUT_WR)
        await it.client.send_all(HELLO[-2:-1])
    assert trio.current_time() == 0
    assert not it.pipes[0].can_inject


@with_and_without_tls
@trio_test
async def test_what_is_not_taken_in_time_is_cut_short(connection: Connection) -> None:
    async with trio.open_nursery() as nursery:
        async with spliced(connection) as it:
            nursery.start_soon(flood, it.provider)
            await it.settle()
            it.stop()
        assert trio.current_time() == PATIENCE
        assert not it.pipes[1].can_inject
        with pytest.raises(trio.BrokenResourceError):
            await it.ours[0].send_all(b"")


@with_and_without_tls
@trio_test
async def test_abort_marks_what_was_cut_short(connection: Connection) -> None:
    async with spliced(connection) as it, trio.open_nursery() as nursery:
        nursery.start_soon(it.provider.send_all, BIG)
        await it.settle()
        it.outbound.abort()
        it.inbound.abort()
        assert it.ended == [it.outbound, it.inbound]
        assert [pipe.can_inject for pipe in it.pipes] == [True, False]
        assert since(it.outbound) is None
        with pytest.raises(trio.BrokenResourceError):
            await it.ours[0].send_all(b"never after half a frame")
        await it.ours[1].send_all(b"usable")
        assert await it.provider.receive_some() == b"usable"
        nursery.cancel_scope.cancel()


@with_and_without_tls
@trio_test
async def test_the_sockets_are_usable_afterwards(connection: Connection) -> None:
    ours, theirs = zip(await connection(), await connection(), strict=True)
    pipes = Pipe(masked=False, limits=Limits()), Pipe(masked=False, limits=Limits())
    async with running_reactor() as reactor:
        async with splicing(reactor, *ours, pipes, (b"", b""), lambda _: None) as flows:
            await theirs[0].send_all(HELLO)
            assert await theirs[1].receive_some() == HELLO
            for flow in flows:
                flow.stop()
            await theirs[0].send_all(WORLD)  # of which the relay reads nothing
            await settle(reactor)
        for near, far in zip(ours, theirs, strict=True):
            await near.send_all(b"from near")
            assert await far.receive_some() == b"from near"
        assert await ours[0].receive_some() == WORLD
        for stream in (*ours, *theirs):
            await stream.aclose()


@trio_test
async def test_stop_and_abort_after_the_end_change_nothing() -> None:
    async with spliced() as it:
        it.stop()
        for flow in (it.inbound, it.outbound):
            flow.stop()
            flow.abort()
    assert all(pipe.can_inject for pipe in it.pipes)


@trio_test
async def test_cancelled_it_leaves_the_reactor() -> None:
    ours, theirs = zip(unix_pair(), unix_pair(), strict=True)
    pipes = Pipe(masked=False, limits=Limits()), Pipe(masked=False, limits=Limits())
    async with running_reactor() as reactor:
        with trio.move_on_after(1) as scope:
            async with splicing(reactor, *ours, pipes, (BIG, b""), lambda _: None):
                await trio.sleep_forever()
        assert scope.cancelled_caught
        assert [pipe.can_inject for pipe in pipes] == [False, True]
    for stream in (*ours, *theirs):
        await stream.aclose()


# Faults


class Faulty(Pipe):
    """A pipe that has a fault, which one message brings out."""

    def receive_data(self, data: bytes) -> bytes:
        if data == WORLD:
            raise RuntimeError
        return super().receive_data(data)


@pytest.mark.parametrize("by", ["client", "provider"])
@trio_test
async def test_a_fault_of_a_pipe_ends_both_directions_and_comes_out(by: str) -> None:
    async with spliced(lane=Faulty, fails=True) as it:
        one, other = (it.client, it.provider) if by == "client" else (it.provider, it.client)
        await one.send_all(WORLD)
        await it.settle()
        assert len(it.ended) == 2
        assert all(pipe.can_inject for pipe in it.pipes)
        await other.send_all(HELLO)
        await it.settle()
        assert received_now(one) == b""


@trio_test
async def test_a_fault_cuts_short_what_is_being_written() -> None:
    async with spliced(lane=Faulty, fails=True) as it, trio.open_nursery() as nursery:
        nursery.start_soon(flood, it.provider)
        await it.settle()
        await it.client.send_all(WORLD)
        await it.settle()
        assert len(it.ended) == 2
        assert [pipe.can_inject for pipe in it.pipes] == [True, False]
        nursery.cancel_scope.cancel()


@trio_test
async def test_nothing_is_read_after_a_fault_in_the_same_batch() -> None:
    async with spliced(lane=Faulty, fails=True) as it:
        it.client.socket.send(WORLD)
        it.provider.socket.send(WORLD)
        await it.settle()
        assert sorted(received_now(near) for near in it.ours) == [b"", WORLD]


@trio_test
async def test_a_fault_in_early_data_comes_out() -> None:
    ours, theirs = zip(unix_pair(), unix_pair(), strict=True)
    pipes = Faulty(masked=False, limits=Limits()), Pipe(masked=False, limits=Limits())
    early_data = (WORLD, b"")
    async with running_reactor() as reactor:
        carrying = splicing(reactor, *ours, pipes, early_data, lambda _: None)
        with pytest.raises(RuntimeError):
            await carrying.__aenter__()
    for stream in (*ours, *theirs):
        await stream.aclose()


# Frames of the relay's own

PING_FRAME = Frame(PING, b"ours").encode()


@with_and_without_tls
@trio_test
async def test_a_frame_is_injected_and_is_no_activity(connection: Connection) -> None:
    async with spliced(connection) as it:
        await it.client.send_all(HELLO)
        assert await it.provider.receive_some() == HELLO
        before = it.inbound.last_activity
        await trio.sleep(1)
        for flow, sink in ((it.inbound, it.provider), (it.outbound, it.client)):
            assert flow.inject(PING_FRAME)
            assert await sink.receive_some() == PING_FRAME
        assert it.inbound.last_activity == before
        await it.client.send_all(WORLD)
        assert await it.provider.receive_some() == WORLD
        assert it.inbound.last_activity == before + 1
        it.stop()


@trio_test
async def test_no_frame_is_injected_inside_another() -> None:
    async with spliced() as it:
        await it.client.send_all(HELLO[:-1])
        await it.settle()
        assert not it.inbound.inject(PING_FRAME)
        await it.client.send_all(HELLO[-1:])
        await it.settle()
        assert it.inbound.inject(PING_FRAME)
        assert received_now(it.provider) == HELLO + PING_FRAME
        it.stop()


@with_and_without_tls
@trio_test
async def test_no_frame_is_injected_while_something_is_unsent(connection: Connection) -> None:
    async with spliced(connection) as it, trio.open_nursery() as nursery:
        nursery.start_soon(it.client.send_all, BIG)
        await it.settle()
        assert since(it.inbound) is not None
        assert not it.inbound.inject(PING_FRAME)
        assert await receive(it.provider, len(BIG)) == BIG
        await it.settle()
        assert it.inbound.inject(PING_FRAME)
        assert await it.provider.receive_some() == PING_FRAME
        it.stop()


@trio_test
async def test_no_frame_is_injected_once_it_ends() -> None:
    async with spliced() as it:
        it.inbound.stop()
        assert not it.inbound.inject(PING_FRAME)
        await it.provider.send_all(CLOSE)
        await it.settle()
        assert not it.outbound.inject(PING_FRAME)
    assert not it.inbound.inject(PING_FRAME)


@trio_test
async def test_a_frame_for_which_there_is_no_room_is_kept() -> None:
    """As what was written before has filled the buffer."""
    async with spliced() as it:
        filled = 0
        with suppress(BlockingIOError):
            while True:
                filled += it.ours[1].socket.send(bytes(1024))
        assert it.inbound.inject(PING_FRAME)
        assert since(it.inbound) is not None
        assert not it.inbound.inject(PING_FRAME)
        await it.client.send_all(HELLO)
        assert await receive(it.provider, filled) == bytes(filled)
        await it.settle()
        assert received_now(it.provider) == PING_FRAME + HELLO
        it.stop()


@trio_test
async def test_a_sink_that_breaks_while_a_frame_is_injected_ends_it() -> None:
    async with spliced(tcp) as it:
        it.ours[1].socket.shutdown(socket.SHUT_WR)
        assert not it.inbound.inject(PING_FRAME)
        assert it.ended == [it.inbound]
        assert not it.pipes[0].can_inject
        assert not it.inbound.inject(PING_FRAME)
        it.stop()
