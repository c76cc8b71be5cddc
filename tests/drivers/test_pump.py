"""One direction of an open session: order, pace, and how it stops."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import lockstep_stream_pair, memory_stream_pair, wait_all_tasks_blocked

from relay.drivers.pump import Pump
from relay.link import reset
from relay.protocol import Limits, MessagePipe, Pipe, State
from relay.protocol.frames import BINARY, PING, TEXT
from relay.testing.frames import Frame, close
from tests.support import Pair, trio_test
from tests.test_link import tcp_pair

FRAME = Frame(TEXT, b"hello").encode()
OTHER = Frame(TEXT, b"world").encode()


class Direction:
    """A pump from ``source`` to ``sink``, which are the far ends of its streams."""

    def __init__(self, pair: Pair, lane: type[Pipe]) -> None:
        near_source, self.source = pair()
        near_sink, self.sink = pair()
        self.pipe = lane(masked=False, limits=Limits())
        self.ended: list[Pump] = []
        self.pump = Pump(near_source, near_sink, self.pipe, self.ended.append)


@asynccontextmanager
async def running(
    pair: Pair = memory_stream_pair, *, early_data: bytes = b"", lane: type[Pipe] = Pipe
) -> AsyncIterator[Direction]:
    """A direction that runs; it must have ended when the block is left."""
    direction = Direction(pair, lane)
    with trio.fail_after(1):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(direction.pump.run, early_data)
            yield direction
    assert direction.ended == [direction.pump]


@trio_test
async def test_early_data_comes_first() -> None:
    async with running(early_data=FRAME) as it:
        await it.source.send_all(OTHER)
        await wait_all_tasks_blocked()
        assert await it.sink.receive_some() == FRAME + OTHER
        await it.source.aclose()
    assert it.pipe.state is State.CLOSED


@pytest.mark.parametrize(
    ("lost", "early_data", "known"),
    [("none", b"", (False, False)), ("source", b"", (True, False)), ("sink", FRAME, (False, True))],
)
@trio_test
async def test_a_reset_is_known_from_an_orderly_end(
    lost: str, early_data: bytes, known: tuple[bool, bool]
) -> None:
    (source, far_source), (sink, far_sink) = await tcp_pair(), await tcp_pair()
    async with source, sink, far_source, far_sink:
        pump = Pump(source, sink, Pipe(masked=False, limits=Limits()), lambda _: None)
        if lost == "none":
            await far_source.aclose()
        else:
            await reset({"source": far_source, "sink": far_sink}[lost])
        await pump.run(early_data)
    assert (pump.source_was_reset, pump.sink_was_reset) == known


@trio_test
async def test_early_data_that_ends_the_direction_is_all_that_is_carried() -> None:
    async with running(early_data=FRAME + close(1000).encode()) as it:
        await it.source.send_all(OTHER)
    assert await it.sink.receive_some() == FRAME + close(1000).encode()
    assert it.pipe.state is State.CLOSING


@pytest.mark.parametrize(
    ("data", "state"),
    [
        (close(1000).encode(), State.CLOSING),
        (b"\xff", State.FAILED),
        (b"", State.CLOSED),
    ],
)
@trio_test
async def test_it_ends_when_its_pipe_does(data: bytes, state: State) -> None:
    async with running() as it:
        await it.source.send_all(FRAME + data)
        if not data:
            await it.source.aclose()
    assert it.pipe.state is state
    assert it.pipe.can_inject


@trio_test
async def test_a_connection_that_broke_has_ended() -> None:
    async with running(lockstep_stream_pair) as it:
        await it.pump._source.aclose()
    assert it.pipe.state is State.CLOSED


@trio_test
async def test_a_sink_that_broke_ends_it_and_nothing_may_be_injected() -> None:
    async with running() as it:
        await it.sink.aclose()
        await it.source.send_all(FRAME)
    assert it.pipe.state is State.OPEN
    assert not it.pipe.can_inject


@trio_test
async def test_it_reads_no_more_than_was_written() -> None:
    async with running(lockstep_stream_pair) as it:
        await it.source.send_all(FRAME)
        with trio.move_on_after(0.5) as patience:
            await it.source.send_all(OTHER)
        assert patience.cancelled_caught
        it.pump.abort()


@trio_test
async def test_it_says_when_bytes_moved_and_since_when_it_writes() -> None:
    async with running(lockstep_stream_pair) as it:
        times = [(it.pump.last_activity, it.pump.writing_since)]
        await trio.sleep(0.1)
        await it.source.send_all(FRAME)
        await trio.sleep(0.1)
        times.append((it.pump.last_activity, it.pump.writing_since))
        await it.sink.receive_some()
        await trio.sleep(0.1)
        times.append((it.pump.last_activity, it.pump.writing_since))
        it.pump.stop()
    assert times == [(0, None), (0.1, 0.1), (0.2, None)]


@trio_test
async def test_a_long_message_is_written_in_pieces_so_that_progress_shows() -> None:
    message = Frame(BINARY, b"0123456789abcdef" * 4096)  # 64 KiB
    async with running(lockstep_stream_pair, lane=MessagePipe) as it:
        await it.source.send_all(message.encode())
        received = b""
        while len(received) < len(message.encode()):
            await trio.sleep(0.1)
            assert it.pump.writing_since is not None
            assert trio.current_time() - it.pump.writing_since < 0.11
            received += await it.sink.receive_some(64 * 1024)
        assert received == message.encode()
        await it.source.aclose()


@trio_test
async def test_stop_while_reading_ends_it_at_a_frame_boundary() -> None:
    async with running() as it:
        await wait_all_tasks_blocked()
        it.pump.stop()
    assert it.pipe.state is State.OPEN
    assert it.pipe.can_inject


@trio_test
async def test_stop_while_writing_lets_the_write_finish_and_reads_no_more() -> None:
    async with running(lockstep_stream_pair) as it:
        await it.source.send_all(FRAME)
        await wait_all_tasks_blocked()
        it.pump.stop()
        await wait_all_tasks_blocked()
        assert not it.ended
        assert await it.sink.receive_some() == FRAME
    assert it.pipe.can_inject


@trio_test
async def test_inside_a_frame_stop_waits_for_its_rest_and_carries_nothing_after_it() -> None:
    async with running(lockstep_stream_pair) as it:
        for part in (FRAME[:3], FRAME[3:4]):
            await it.source.send_all(part)
            assert await it.sink.receive_some() == part
            it.pump.stop()
            await wait_all_tasks_blocked()
            assert not it.ended
        async with trio.open_nursery() as nursery:
            nursery.start_soon(it.source.send_all, FRAME[4:] + OTHER)
            assert await it.sink.receive_some() == FRAME[4:]
            await wait_all_tasks_blocked()
            assert it.ended
            assert await it.pump._source.receive_some() == OTHER
    assert it.pipe.state is State.OPEN
    assert it.pipe.can_inject


@trio_test
async def test_stop_while_writing_a_part_of_a_frame_lets_the_rest_follow() -> None:
    frame = Frame(BINARY, bytes(200_000)).encode()
    async with running(lockstep_stream_pair) as it, trio.open_nursery() as nursery:
        nursery.start_soon(it.source.send_all, frame + OTHER)
        await wait_all_tasks_blocked()
        it.pump.stop()
        received = b""
        while len(received) < len(frame):
            received += await it.sink.receive_some()
        assert received == frame
        await wait_all_tasks_blocked()
        assert it.ended
        nursery.cancel_scope.cancel()
    assert it.pipe.can_inject


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(FRAME, id="frame"),
        pytest.param(Frame(TEXT, b"hel", fin=False).encode(), id="fragment"),
        pytest.param(FRAME[:1], id="inside-a-header"),
        pytest.param(close(1000).encode()[:-1], id="inside-a-control-frame"),
    ],
)
@trio_test
async def test_where_a_frame_may_follow_stop_waits_for_nothing(data: bytes) -> None:
    async with running() as it:
        await it.source.send_all(data)
        await wait_all_tasks_blocked()
        it.pump.stop()
    assert it.pipe.state is State.OPEN
    assert it.pipe.can_inject


@trio_test
async def test_abort_ends_the_wait_for_the_rest_of_a_frame() -> None:
    async with running() as it:
        await it.source.send_all(FRAME[:-1])
        await wait_all_tasks_blocked()
        it.pump.stop()
        await wait_all_tasks_blocked()
        assert not it.ended
        it.pump.abort()
    assert it.pipe.state is State.OPEN
    assert not it.pipe.can_inject


@pytest.mark.parametrize("lost", ["source", "sink"])
@trio_test
async def test_a_side_that_is_lost_before_the_rest_is_not_waited_for(lost: str) -> None:
    async with running() as it:
        await it.source.send_all(FRAME[:-2])
        await wait_all_tasks_blocked()
        it.pump.stop()
        await wait_all_tasks_blocked()
        if lost == "source":
            await it.source.aclose()
        else:
            await it.sink.aclose()
            await it.source.send_all(FRAME[-2:-1])
    assert it.pipe.state is (State.CLOSED if lost == "source" else State.OPEN)
    assert not it.pipe.can_inject


class StoppingSource(trio.abc.ReceiveStream):
    """A source whose data have come when the pump is told to stop, though it has not run since."""

    def __init__(self, data: bytes) -> None:
        self.pump: Pump | None = None
        self._data = data

    async def receive_some(self, max_bytes: int | None = None) -> bytes:  # noqa: ARG002
        await trio.lowlevel.checkpoint()
        assert self.pump is not None
        self.pump.stop()
        data, self._data = self._data, b""
        return data

    async def aclose(self) -> None:
        """Nothing to close."""


@pytest.mark.parametrize("data", [FRAME, FRAME[:-1], b""])
@trio_test
async def test_what_was_read_when_it_is_told_to_stop_is_still_written(data: bytes) -> None:
    near_sink, sink = memory_stream_pair()
    source, pipe = StoppingSource(data), Pipe(masked=False, limits=Limits())
    source.pump = Pump(source, near_sink, pipe, lambda _: None)
    await source.pump.run(b"")
    await near_sink.aclose()
    assert await sink.receive_some() == data
    assert pipe.can_inject is (data != FRAME[:-1])
    assert pipe.state is (State.OPEN if data == FRAME else State.CLOSED)  # its rest was asked for


@trio_test
async def test_abort_leaves_a_write_unfinished() -> None:
    async with running(lockstep_stream_pair) as it:
        await it.source.send_all(FRAME)
        await wait_all_tasks_blocked()
        it.pump.abort()
    assert it.pipe.state is State.OPEN
    assert not it.pipe.can_inject


@trio_test
async def test_cancellation_during_a_write_leaves_it_unfinished() -> None:
    direction = Direction(lockstep_stream_pair, Pipe)
    with trio.move_on_after(1) as scope:
        await direction.pump.run(FRAME)
    assert scope.cancelled_caught
    assert not direction.pipe.can_inject


# Frames of the relay's own

PING_FRAME = Frame(PING, b"ours").encode()


@trio_test
async def test_a_frame_is_injected_and_is_no_activity() -> None:
    async with running() as it:
        await it.source.send_all(FRAME)
        assert await it.sink.receive_some() == FRAME
        await trio.sleep(0.1)
        for _ in range(2):
            assert it.pump.inject(PING_FRAME)
            assert await it.sink.receive_some() == PING_FRAME
        assert it.pump.last_activity == 0
        await it.source.send_all(OTHER)
        assert await it.sink.receive_some() == OTHER
        assert it.pump.last_activity == 0.1
        await it.source.aclose()
    assert it.pipe.state is State.CLOSED


@pytest.mark.parametrize("data", [FRAME, FRAME[:-1], close(1000).encode()])
@trio_test
async def test_a_frame_is_injected_before_what_has_come_already(data: bytes) -> None:
    async with running() as it:
        await wait_all_tasks_blocked()
        await it.source.send_all(data)
        assert it.pump.inject(PING_FRAME)  # though its task is about to run
        await wait_all_tasks_blocked()
        assert await it.sink.receive_some() == PING_FRAME + data
        await it.source.aclose()


@trio_test
async def test_a_frame_is_injected_before_the_end() -> None:
    async with running() as it:
        await wait_all_tasks_blocked()
        assert isinstance(it.source, trio.StapledStream)
        it.source.send_stream.close()
        assert it.pump.inject(PING_FRAME)
    assert await it.sink.receive_some() == PING_FRAME
    assert it.pipe.state is State.CLOSED


@trio_test
async def test_no_frame_is_injected_inside_another() -> None:
    async with running() as it:
        await it.source.send_all(FRAME[:-1])
        await wait_all_tasks_blocked()
        assert not it.pump.inject(PING_FRAME)
        await it.source.send_all(FRAME[-1:])
        await wait_all_tasks_blocked()
        assert it.pump.inject(PING_FRAME)
        await wait_all_tasks_blocked()
        assert await it.sink.receive_some() == FRAME + PING_FRAME
        it.pump.stop()


@trio_test
async def test_no_frame_is_injected_while_one_is_written_or_after_the_end() -> None:
    async with running(lockstep_stream_pair) as it:
        await it.source.send_all(FRAME)
        await wait_all_tasks_blocked()
        assert not it.pump.inject(PING_FRAME)
        assert await it.sink.receive_some() == FRAME
        await wait_all_tasks_blocked()
        assert it.pump.inject(PING_FRAME)
        assert not it.pump.inject(PING_FRAME)  # it is not even begun
        await wait_all_tasks_blocked()
        assert not it.pump.inject(PING_FRAME)
        it.pump.stop()
        assert await it.sink.receive_some() == PING_FRAME
    assert not it.pump.inject(PING_FRAME)
    assert it.pipe.can_inject


@trio_test
async def test_no_frame_is_injected_after_a_close() -> None:
    async with running() as it:
        await it.source.send_all(close(1000).encode())
    assert not it.pump.inject(PING_FRAME)


@trio_test
async def test_a_sink_that_breaks_while_a_frame_is_injected_ends_it() -> None:
    async with running() as it:
        await wait_all_tasks_blocked()
        await it.sink.aclose()
        assert it.pump.inject(PING_FRAME)
    assert not it.pipe.can_inject
    assert not it.pump.inject(PING_FRAME)


@trio_test
async def test_a_frame_that_is_cut_short_is_followed_by_nothing() -> None:
    async with running(lockstep_stream_pair) as it:
        await wait_all_tasks_blocked()
        assert it.pump.inject(PING_FRAME)
        await wait_all_tasks_blocked()
        it.pump.abort()
    assert not it.pipe.can_inject


# How much is read at once


@trio_test
async def test_the_message_lane_is_asked_how_much_it_takes() -> None:
    sizes: list[int] = []

    class Noting(MessagePipe):
        def receive_data(self, data: bytes) -> bytes:
            sizes.append(len(data))
            return super().receive_data(data)

    frames = FRAME * 10_000
    async with running(lane=Noting) as it:
        await it.source.send_all(frames)
        await it.source.aclose()
        taken = b""
        while len(taken) < len(frames):
            taken += await it.sink.receive_some()
    assert taken == frames
    assert max(sizes) < 4096 + len(FRAME)  # the rest of a frame besides
