"""Hostile frames and floods in open sessions: over both drivers, in both lanes, from both sides.

The frames are the core's own list (``protocol/hostile_frames.py``); here they go through a whole
session, over sockets where the driver has them.
"""

from __future__ import annotations

from contextlib import suppress
from ipaddress import ip_address

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from relay.protocol import Limits, Timeouts
from relay.protocol.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT
from relay.testing.frames import MASKING_KEY, Frame, close, decode, delivered
from relay.testing.hostile_frames import (
    ACCEPTED,
    COMPRESSED,
    INVALID_TEXT,
    REJECTED,
    Accepted,
    Rejected,
    mirror,
)
from tests.played_session import PlayedSession, open_session, sides
from tests.support import (
    AWAY,
    IDLE,
    LOST,
    Ended,
    Peer,
    Variant,
    from_both_sides,
    in_every_variant,
    trio_test,
)

BROKEN = close(1011, "upstream protocol error")


def as_sent(data: bytes, by: str) -> bytes:
    """Bytes of the list, which are a client's, as that side sends them."""
    return data if by == "client" else mirror(data)


async def see_end(play: PlayedSession, by: str, code: int) -> list[Frame]:
    """One side is told of its violation and the other that it is over; what the other got before.

    Nothing follows what they are told.
    """
    one, other = sides(play, by)
    told = AWAY if by == "client" else BROKEN
    received = []
    while (frame := await other.receive()).opcode != CLOSE:
        received.append(frame)
    assert frame == told
    await other.send(frame)
    assert (await one.answer_close()).payload[:2] == code.to_bytes(2, "big")
    await play.client.end()
    await play.provider.end()
    assert one.unread == other.unread == b""
    return received


@in_every_variant
@from_both_sides
@pytest.mark.parametrize("case", [*REJECTED, *COMPRESSED], ids=lambda case: case.name)
@trio_test
async def test_nothing_of_a_violation_arrives(variant: Variant, by: str, case: Rejected) -> None:
    accepted = as_sent(case.accepted, by)
    async with open_session(variant) as play:
        one, _ = sides(play, by)
        await one.stream.send_all(accepted + as_sent(case.broken, by))
        received = await see_end(play, by, case.close_code)
    if not variant.messages_lane:
        assert received == decode(accepted, masked=by == "client")
    else:  # a message that was not whole has not been sent
        assert delivered(received) == delivered(decode(accepted, masked=by == "client"))
    assert (play.record["by"], play.faults) == (by, [])


@in_every_variant
@from_both_sides
@pytest.mark.parametrize("case", ACCEPTED, ids=lambda case: case.name)
@trio_test
async def test_what_only_looks_hostile_arrives(variant: Variant, by: str, case: Accepted) -> None:
    data = as_sent(case.data, by)
    expected = delivered(decode(data, masked=by == "client"))
    async with open_session(variant) as play:
        one, other = sides(play, by)
        await one.stream.send_all(data + as_sent(case.discarded, by)[: len(case.discarded)])
        received: list[Frame] = []
        while delivered(received) != expected:
            received.append(await other.receive())
        if case.close is None:
            assert await other.hears_nothing()
            await one.send(close(1000))
            received.append(await other.receive())
        await other.send(received[-1])  # the answer
        assert await one.receive() == received[-1]
        await play.provider.end()
        await play.client.end()
    assert (play.record["cause"], play.faults) == ("closed", [])


@in_every_variant
@from_both_sides
@pytest.mark.parametrize("data", INVALID_TEXT.values(), ids=INVALID_TEXT)
@trio_test
async def test_text_that_is_not_utf_8_is_judged_where_messages_are_read(
    variant: Variant, by: str, data: bytes
) -> None:
    sent = as_sent(data, by)
    async with open_session(variant) as play:
        one, other = sides(play, by)
        await one.stream.send_all(sent)
        if variant.messages_lane:
            assert delivered(await see_end(play, by, 1007)) == []
        else:
            assert await other.receive_bytes(len(sent)) == sent
            await play.close()
    assert play.faults == []


# Floods


@in_every_variant
@from_both_sides
@trio_test
async def test_too_many_fragments_end_the_session_at_the_limit(variant: Variant, by: str) -> None:
    async with open_session(variant, limits=Limits(max_fragments=1000)) as play:
        one, _ = sides(play, by)
        tiny = Frame(CONTINUATION, b"x", fin=False)
        await one.send(Frame(BINARY, fin=False), *[tiny] * 1500)
        received = await see_end(play, by, 1009)
    assert len(received) == (0 if variant.messages_lane else 1000)


@in_every_variant
@from_both_sides
@pytest.mark.parametrize(
    "frame",
    [Frame(PING, b"p" * 125), Frame(PONG), Frame(TEXT), Frame(BINARY, b"x")],
    ids=["ping", "pong", "empty", "tiny"],
)
@trio_test
async def test_a_flood_arrives_whole_and_the_other_direction_goes_on(
    variant: Variant, by: str, frame: Frame
) -> None:
    count = 3000
    async with open_session(variant) as play:
        one, other = sides(play, by)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(one.send, *[frame] * count)
            await other.send(Frame(TEXT, b"meanwhile"))
            assert await one.receive() == Frame(TEXT, b"meanwhile")
            for _ in range(count):
                assert await other.receive() == frame
        await play.close()
    assert play.faults == []


@in_every_variant
@from_both_sides
@trio_test
async def test_who_floods_with_pings_and_reads_no_pongs_is_read_no_more(
    variant: Variant, by: str
) -> None:
    """What the relay cannot get rid of it does not go on reading; then the session ends."""
    ping = Frame(PING, b"p" * 125)
    taken = 0
    async with open_session(variant, tight=True, timeouts=Timeouts(write=30)) as play:
        one, other = sides(play, by)

        async def flood() -> None:
            nonlocal taken
            with suppress(trio.BrokenResourceError):
                while True:
                    await one.send(*[ping] * 100)
                    taken += 100

        async def answer() -> None:
            with suppress(trio.BrokenResourceError, Ended):
                while (frame := await other.receive()).opcode == PING:
                    await other.send(Frame(PONG, frame.payload))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(flood)
            nursery.start_soon(answer)
            await play.ended.wait()
            nursery.cancel_scope.cancel()
    assert 30 <= (play.ended_at or 0) <= 35
    assert taken < 20_000  # what sockets hold
    assert play.faults == []


@in_every_variant
@from_both_sides
@trio_test
async def test_a_storm_of_closes_is_one_close(variant: Variant, by: str) -> None:
    async with open_session(variant) as play:
        one, other = sides(play, by)
        await one.send(close(1000, "first"), *[close(4000, "more")] * 1000)
        assert await other.answer_close() == close(1000, "first")
        assert await one.receive() == close(1000, "first")
        assert await other.hears_nothing()
        await play.provider.end()
        await play.client.end()
    assert play.record["cause"] == "closed"


@in_every_variant
@from_both_sides
@trio_test
async def test_a_half_closed_peer_has_ended_and_is_sent_nothing_more(
    variant: Variant, by: str
) -> None:
    async with open_session(variant) as play:
        one, other = sides(play, by)
        assert isinstance(one.stream, trio.abc.HalfCloseableStream)
        await one.send(Frame(TEXT, b"last words"))
        await one.stream.send_eof()
        assert await other.receive() == Frame(TEXT, b"last words")
        assert await other.receive() == (AWAY if by == "client" else LOST)
        await other.send(Frame(TEXT, b"not heard"), close(1000))
        assert await one.receive_rest() == b""
        await play.client.end()
        await play.provider.end()
    assert play.ended_at == 0
    assert play.record["by"] == by


@in_every_variant
@from_both_sides
@pytest.mark.parametrize("start", [b"\x82", b"\x82\xff", b"\x88\x85\0\0\0\0\x03"], ids=bytes.hex)
@trio_test
async def test_a_frame_that_stops_in_its_header_is_waited_for_as_long_as_silence(
    variant: Variant, by: str, start: bytes
) -> None:
    async with open_session(variant, timeouts=Timeouts(idle=60, close=5)) as play:
        one, other = sides(play, by)
        await one.stream.send_all(as_header(start, by))
        await wait_all_tasks_blocked()
        assert await other.answer_close() == IDLE
        assert trio.current_time() == 60
        assert await one.receive() == IDLE
        await play.client.end()
        await play.provider.end()
    assert play.record["cause"] == "idle timeout"


def as_header(start: bytes, by: str) -> bytes:
    """The beginning of a client's frame as that side sends it."""
    return start if by == "client" else start[:1] + bytes(each & 0x7F for each in start[1:2])


# The client's masking keys


async def masking_keys(peer: Peer, count: int) -> list[bytes]:
    """The keys of the next frames, all of which have less than 126 bytes."""
    keys = []
    for _ in range(count):
        head = await peer.receive_bytes(6)
        await peer.receive_bytes(head[1] & 0x7F)
        keys.append(head[2:])
    return keys


@in_every_variant
@pytest.mark.parametrize(
    ("address", "in_the_clear"),
    [("192.0.2.1", True), ("2001:db8::1", True), ("127.0.0.1", False), ("::1", False)],
)
@trio_test
async def test_no_masking_key_of_a_client_is_seen_on_a_path_in_the_clear(
    variant: Variant, address: str, in_the_clear: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not with messages, nor with control frames, the Close included (RFC 6455 5.3, 10.3)."""
    monkeypatch.setattr("relay.link.peer_address", lambda _: ip_address(address))
    frames = [Frame(TEXT, b"hello"), Frame(BINARY), Frame(PING, b"p"), Frame(PONG)]
    async with open_session(variant) as play:
        await play.client.send(*frames, close(1000))
        keys = await masking_keys(play.provider, len(frames) + 1)
        await play.provider.send(close(1000))
        await play.provider.end()
        assert await play.client.receive() == close(1000)
        await play.client.end()
    if in_the_clear or variant.messages_lane:
        assert MASKING_KEY not in keys
        assert len(set(keys)) == len(keys)
    else:
        assert set(keys) == {MASKING_KEY}
