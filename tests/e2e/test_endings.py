"""How sessions end on real sockets, with TLS on both legs: the rows of docs/closing.md."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
import trio

from relay.protocol import PING, Limits, Pipe, Timeouts
from relay.testing.frames import Frame, close
from tests.e2e import drivers
from tests.e2e.drivers import in_every_driver, with_the_guide
from tests.e2e.support import Ends, end_first, open_session
from tests.support import AWAY, IDLE, LOST, Ended, Peer, from_both_sides, real_clock

in_both_lanes = pytest.mark.parametrize("lane", ["verbatim", "messages"])

_HELLO = Frame(0x1, b"hello")


def _sides(ends: Ends, by: str) -> tuple[Peer, Peer]:
    """The peer of that name, and the other."""
    both = (ends.client, ends.provider)
    return both if by == "client" else both[::-1]


async def _are_over(*peers: Peer) -> None:
    """Nothing more comes, and the connections end in order."""
    for peer in peers:
        assert await peer.receive_rest() == b""
        await trio.aclose_forcefully(peer.stream)


async def _are_told(ends: Ends, close: Frame) -> None:
    """Both sides are told that, answer, and end."""
    for peer in (ends.provider, ends.client):
        assert await peer.answer_close() == close
    await end_first(ends.provider)
    await _are_over(ends.client)


async def _begin_frame(one: Peer, other: Peer, size: int) -> bytes:
    """One side sends a part of a frame of so many bytes, which the other gets; return the rest."""
    frame = one.encode(Frame(0x2, bytes(size)))
    await one.stream.send_all(frame[:500])
    assert await other.receive_bytes(500) == frame[:500]
    return frame[500:]


async def _hears_nothing(peer: Peer) -> None:
    """Nothing comes, for as long as is needed to see that it is not under way."""
    with trio.move_on_after(0.2) as waiting:
        await peer.receive()
    assert waiting.cancelled_caught


async def _was_reset(peer: Peer) -> None:
    with pytest.raises(trio.BrokenResourceError) as caught:
        await peer.receive_rest()
    error: BaseException | None = caught.value
    while error is not None and not isinstance(error, ConnectionResetError):
        error = error.__cause__
    assert error is not None


@in_both_lanes
@from_both_sides
@with_the_guide
@real_clock
async def test_a_peer_that_vanishes(by: str, lane: str, driver: str, tmp_path: Path) -> None:
    async with open_session(driver, tmp_path, lane=lane) as ends:
        one, other = _sides(ends, by)
        await one.send(_HELLO)
        await one.end()
        assert await other.receive() == _HELLO
        assert await other.answer_close() == (AWAY if by == "client" else LOST)
        await (end_first(other) if by == "client" else _are_over(other))


@in_both_lanes
@with_the_guide
@real_clock
async def test_a_client_that_vanishes_while_it_is_written_to(
    lane: str, driver: str, tmp_path: Path
) -> None:
    async with open_session(driver, tmp_path, lane=lane) as ends:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ends.provider.send, Frame(0x2, bytes(10_000_000)))
            await ends.client.receive_bytes(500)
            await trio.aclose_forcefully(ends.client.stream)  # with bytes unread: a reset
        assert await ends.provider.answer_close() == AWAY
        await end_first(ends.provider)


@in_both_lanes
@with_the_guide
@real_clock
async def test_silence(lane: str, driver: str, tmp_path: Path) -> None:
    timeouts = Timeouts(idle=0.1)
    async with open_session(driver, tmp_path, lane=lane, timeouts=timeouts) as ends:
        await _are_told(ends, IDLE)


@with_the_guide
@real_clock
async def test_the_longest_duration(driver: str, tmp_path: Path) -> None:
    async with open_session(driver, tmp_path, timeouts=Timeouts(max_duration=0.1)) as ends:
        assert await ends.provider.answer_close() == AWAY
        assert await ends.client.answer_close() == close(1008, "maximum duration reached")
        await end_first(ends.provider)
        await _are_over(ends.client)


@in_both_lanes
@in_every_driver
@real_clock
async def test_a_drain(lane: str, driver: str, tmp_path: Path) -> None:
    async with open_session(driver, tmp_path, lane=lane) as ends, trio.open_nursery() as nursery:
        nursery.start_soon(ends.under_test.drain)
        await _are_told(ends, AWAY)


@from_both_sides
@in_every_driver
@real_clock
async def test_a_drain_in_the_middle_of_a_frame(by: str, driver: str, tmp_path: Path) -> None:
    async with open_session(driver, tmp_path) as ends, trio.open_nursery() as nursery:
        one, other = _sides(ends, by)
        rest = await _begin_frame(one, other, 100_000)
        nursery.start_soon(ends.under_test.drain)
        await _hears_nothing(one)
        await one.stream.send_all(rest + one.encode(_HELLO))
        assert await other.receive_bytes(len(rest)) == rest
        await _are_told(ends, AWAY)


@from_both_sides
@in_every_driver
@real_clock
async def test_a_drain_in_a_frame_that_is_never_finished(
    by: str, driver: str, tmp_path: Path
) -> None:
    timeouts = Timeouts(close=0.3)
    async with (
        open_session(driver, tmp_path, timeouts=timeouts) as ends,
        trio.open_nursery() as nursery,
    ):
        one, other = _sides(ends, by)
        await _begin_frame(one, other, 1000)
        nursery.start_soon(ends.under_test.drain)
        assert await one.receive() == AWAY
        await _was_reset(other)


@in_every_driver
@real_clock
async def test_the_hard_end_of_a_drain(driver: str, tmp_path: Path) -> None:
    timeouts = Timeouts(drain=0.1, close=600)
    async with open_session(driver, tmp_path, timeouts=timeouts) as ends:
        await ends.under_test.drain()
        for peer in (ends.provider, ends.client):
            assert await peer.receive() == AWAY  # it does not answer
            with pytest.raises((Ended, trio.BrokenResourceError)):
                await peer.receive()


@from_both_sides
@with_the_guide
@real_clock
async def test_a_fault_of_ours_is_blamed_on_nobody(
    by: str, driver: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def show_control(_pipe: Pipe, opcode: int, *_args: object) -> None:
        assert opcode != PING

    monkeypatch.setattr(Pipe, "_show_control", show_control)
    monkeypatch.setattr(drivers, "_no_faults", contextlib.nullcontext)
    async with open_session(driver, tmp_path) as ends:
        await (ends.client if by == "client" else ends.provider).send(Frame(PING))
        await _are_told(ends, close(1011, "internal error"))


@from_both_sides
@with_the_guide
@real_clock
async def test_a_close_that_is_not_answered(by: str, driver: str, tmp_path: Path) -> None:
    async with open_session(driver, tmp_path, timeouts=Timeouts(close=0.3)) as ends:
        one, other = _sides(ends, by)
        await one.send(close(4000, "bye"))
        assert await other.receive() == close(4000, "bye")
        for peer in (one, other):
            with pytest.raises((Ended, trio.BrokenResourceError)):
                await peer.receive()


@in_every_driver
@real_clock
async def test_a_provider_that_answers_a_close_and_does_not_end(
    driver: str, tmp_path: Path
) -> None:
    """Its client leaves that to it (RFC 6455 7.1.1), but not for ever."""
    timeouts = Timeouts(max_duration=0.1, close=0.3)
    async with open_session(driver, tmp_path, timeouts=timeouts) as ends:
        assert await ends.provider.receive() == AWAY
        with contextlib.suppress(trio.BrokenResourceError):
            await ends.provider.send(AWAY)
        with pytest.raises((Ended, trio.BrokenResourceError)):
            await ends.provider.receive()


@in_both_lanes
@pytest.mark.parametrize(
    ("frame", "code"),
    [
        pytest.param(Frame(0x3), 1002, id="reserved-opcode"),
        pytest.param(Frame(0x2, missing=1025), 1009, id="too-big"),
        pytest.param(Frame(0x8, b"\x03\xe8\xff"), 1007, id="reason-not-utf-8"),
    ],
)
@from_both_sides
@with_the_guide
@real_clock
async def test_a_violation(
    by: str, frame: Frame, code: int, lane: str, driver: str, tmp_path: Path
) -> None:
    limits = Limits(max_message_size=1024)
    async with open_session(driver, tmp_path, lane=lane, limits=limits) as ends:
        one, other = _sides(ends, by)
        await one.send(_HELLO, frame, _HELLO)
        assert await other.receive() == _HELLO
        told = AWAY if by == "client" else close(1011, "upstream protocol error")
        assert await other.answer_close() == told
        assert (await one.answer_close()).payload[:2] == code.to_bytes(2, "big")
        await _are_over(ends.provider, ends.client)


@in_both_lanes
@with_the_guide
@real_clock
async def test_the_answers_to_what_came_before_a_violation(
    lane: str, driver: str, tmp_path: Path
) -> None:
    async with open_session(driver, tmp_path, lane=lane) as ends:
        await ends.client.send(_HELLO, Frame(0x3))
        assert await ends.provider.receive() == _HELLO
        assert await ends.provider.receive() == AWAY
        await ends.provider.send(Frame(0x1, b"answer"), AWAY)
        assert await ends.client.receive() == Frame(0x1, b"answer")
        assert (await ends.client.answer_close()).payload[:2] == (1002).to_bytes(2, "big")
        await _are_over(ends.provider, ends.client)


@with_the_guide
@real_clock
async def test_a_violation_to_which_the_provider_says_nothing(driver: str, tmp_path: Path) -> None:
    async with open_session(driver, tmp_path, timeouts=Timeouts(close=0.3)) as ends:
        await ends.client.send(Frame(0x3))
        assert await ends.provider.receive() == AWAY
        assert (await ends.client.answer_close()).payload[:2] == (1002).to_bytes(2, "big")
        await _are_over(ends.client)
        await _was_reset(ends.provider)


async def _flood(peer: Peer) -> None:
    message = peer.encode(Frame(0x2, bytes(1_000_000)))
    try:
        while True:
            await peer.stream.send_all(message)
    except trio.BrokenResourceError:
        pass


@with_the_guide
@real_clock
async def test_a_flood_that_the_relay_ends(driver: str, tmp_path: Path) -> None:
    async with (
        open_session(driver, tmp_path, timeouts=Timeouts(max_duration=0.3)) as ends,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(_flood, ends.provider)
        while (frame := await ends.client.receive()).opcode == 0x2:
            assert len(frame.payload) == 1_000_000
        assert frame == close(1008, "maximum duration reached")
        nursery.cancel_scope.cancel()


@with_the_guide
@real_clock
async def test_a_violation_while_the_other_side_is_inside_a_frame(
    driver: str, tmp_path: Path
) -> None:
    async with open_session(driver, tmp_path) as ends:
        frame = ends.client.encode(Frame(0x2, bytes(1000)))
        await ends.client.stream.send_all(frame[:500])
        assert await ends.provider.receive_bytes(500) == frame[:500]
        await ends.provider.send(_HELLO, Frame(0x3))
        assert await ends.client.receive() == _HELLO
        await _hears_nothing(ends.provider)
        await ends.client.stream.send_all(frame[500:])
        assert await ends.provider.receive_bytes(508) == frame[500:]
        assert (await ends.provider.answer_close()).payload[:2] == (1002).to_bytes(2, "big")
        assert await ends.client.answer_close() == close(1011, "upstream protocol error")
        await _are_over(ends.provider, ends.client)


@in_both_lanes
@from_both_sides
@with_the_guide
@real_clock
async def test_a_peer_that_takes_nothing(by: str, lane: str, driver: str, tmp_path: Path) -> None:
    timeouts = Timeouts(write=0.5)
    async with (
        open_session(driver, tmp_path, lane=lane, timeouts=timeouts) as ends,
        trio.open_nursery() as nursery,
    ):
        one, other = _sides(ends, by)
        nursery.start_soon(_flood, other)
        told = (1001, "client stalled") if by == "client" else (1011, "upstream stalled")
        assert await other.receive() == close(*told)
        await _was_reset(one)
        nursery.cancel_scope.cancel()
