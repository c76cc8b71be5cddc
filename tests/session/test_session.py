"""Open sessions: what they carry, how much they hold, and how long they may last."""

from __future__ import annotations

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from relay.protocol import Pipe, Timeouts
from relay.protocol.frames import BINARY, CONTINUATION, PING, PONG, TEXT
from relay.testing.frames import Frame, close, encode
from tests.played_session import PlayedSession, open_session, session
from tests.support import (
    AWAY,
    MESSAGES,
    Peer,
    Variant,
    in_every_variant,
    in_portable_variants,
    in_verbatim_variants,
    trio_test,
)

CHUNK = Frame(BINARY, b"0123456789abcdef" * 4096)
both_directions = pytest.mark.parametrize("inbound", [True, False], ids=["inbound", "outbound"])


def ends(play: PlayedSession, *, inbound: bool) -> tuple[Peer, Peer]:
    """Who sends in a direction, and who receives."""
    return (play.client, play.provider) if inbound else (play.provider, play.client)


@in_every_variant
@trio_test
async def test_messages_and_control_frames_pass_in_order_both_ways(variant: Variant) -> None:
    frames = [
        Frame(TEXT, "grüße".encode()),
        Frame(BINARY, bytes(range(256))),
        Frame(PING, b"ping"),
        Frame(PONG),
        Frame(BINARY, b""),
        Frame(TEXT, b"x" * 70_000),
    ]
    async with open_session(variant) as play:
        for source, sink in ((play.client, play.provider), (play.provider, play.client)):
            for frame in frames:
                await source.send(frame)
            assert [await sink.receive() for _ in frames] == frames
        await play.close()
    assert (play.record["messages_in"], play.record["messages_out"]) == (4, 4)


@in_every_variant
@trio_test
async def test_frames_pass_however_they_are_cut(variant: Variant) -> None:
    frames = [Frame(TEXT, b"first"), Frame(PING, b"!"), Frame(BINARY, b"s" * 200)]
    async with open_session(variant) as play:
        for source, sink in ((play.client, play.provider), (play.provider, play.client)):
            for byte in source.encode(*frames):
                await source.stream.send_all(bytes([byte]))
                await wait_all_tasks_blocked()
            assert [await sink.receive() for _ in frames] == frames
        await play.close()


@in_verbatim_variants
@trio_test
async def test_the_verbatim_lane_changes_no_byte(variant: Variant) -> None:
    frames = [
        Frame(TEXT, b"fragm", fin=False),
        Frame(PING, b"between"),
        Frame(CONTINUATION, b"ented"),
        Frame(TEXT, b"\xff is no UTF-8"),
    ]
    keys = [b"\0\0\0\0", b"\xff\xff\xff\xff", b"abcd", b"\x01\x02\x03\x04"]
    inbound = b"".join(encode([each], key) for each, key in zip(frames, keys, strict=True))
    async with open_session(variant) as play:
        await play.client.stream.send_all(inbound)
        assert await play.provider.receive_bytes(len(inbound)) == inbound
        outbound = encode(frames)
        await play.provider.stream.send_all(outbound)
        assert await play.client.receive_bytes(len(outbound)) == outbound
        await play.close()
    assert play.record["bytes_out"] == len(outbound + encode([close(1000)]))


@trio_test
async def test_the_messages_lane_masks_anew_and_joins_fragments() -> None:
    async with open_session(MESSAGES) as play:
        sent = play.client.encode(
            Frame(TEXT, b"fragm", fin=False), Frame(PING, b"!"), Frame(CONTINUATION, b"ented")
        )
        await play.client.stream.send_all(sent)
        assert await play.provider.receive() == Frame(PING, b"!")
        assert await play.provider.receive() == Frame(TEXT, b"fragmented")
        await play.client.send(Frame(BINARY, b"\0" * 16))
        received = await play.provider.receive_bytes(22)
        assert received[:2] == b"\x82\x90"
        assert received[6:] != play.client.encode(Frame(BINARY, b"\0" * 16))[6:]
        await play.close()


@in_every_variant
@trio_test
async def test_a_flood_of_tiny_frames_takes_short_turns(
    variant: Variant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking at them costs, and meanwhile nobody else is served."""
    turns: list[int] = []
    receive_data = Pipe.receive_data

    def noting(self: Pipe, data: bytes) -> bytes:
        turns.append(len(data))
        return receive_data(self, data)

    monkeypatch.setattr(Pipe, "receive_data", noting)
    async with open_session(variant) as play:
        tiny = play.client.encode(Frame(TEXT, b"")) * 10_000
        large = play.client.encode(CHUNK) * 4
        for data in (tiny, tiny, large):
            await play.client.stream.send_all(data)
            assert len(await play.provider.receive_bytes(len(data))) == len(data)
        seen = turns.copy()
        await play.close()
    assert max(seen[1:10]) == 4096
    assert max(seen[10:]) > 16 * 1024  # and whoever stops it has long ones again


@in_portable_variants
@both_directions
@trio_test
async def test_a_sink_that_takes_nothing_stops_its_source_after_two_chunks(
    variant: Variant, inbound: bool
) -> None:
    async with open_session(variant, tight=True) as play:
        source, sink = ends(play, inbound=inbound)
        accepted = 0

        async def flood() -> None:
            nonlocal accepted
            while True:
                await source.send(CHUNK)
                accepted += 1

        async with trio.open_nursery() as nursery:
            nursery.start_soon(flood)
            await wait_all_tasks_blocked()
            assert accepted <= 2
            taken = accepted
            assert await sink.receive() == CHUNK  # and it goes on when the sink does
            await wait_all_tasks_blocked()
            assert accepted > taken
            nursery.cancel_scope.cancel()
        play.scope.cancel()


@in_portable_variants
@both_directions
@trio_test
async def test_the_other_direction_flows_while_one_is_stuck(
    variant: Variant, inbound: bool
) -> None:
    async with open_session(variant, tight=True) as play:
        source, sink = ends(play, inbound=inbound)
        opened_at = trio.current_time()
        await source.send(Frame(TEXT, b"stuck"))
        for _ in range(29):  # up to write_timeout
            await trio.sleep(1)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(sink.send, Frame(TEXT, b"flows"))
                assert await source.receive() == Frame(TEXT, b"flows")
        assert trio.current_time() == opened_at + 29
        assert play.ended_at is None
        play.scope.cancel()


@in_portable_variants
@both_directions
@trio_test
async def test_a_slow_sink_is_not_a_stuck_one(variant: Variant, inbound: bool) -> None:
    """One megabyte in one message, of which 64 KiB are taken every 20 seconds."""
    message = Frame(BINARY, CHUNK.payload * 16)
    async with open_session(variant, tight=True, timeouts=Timeouts(write=30)) as play:
        source, sink = ends(play, inbound=inbound)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(source.send, message)
            received = b""
            while len(received) < len(message.payload):
                await trio.sleep(20)
                received += await sink.stream.receive_some(64 * 1024)
        assert play.ended_at is None
        play.scope.cancel()


@in_every_variant
@pytest.mark.parametrize("opcode", [TEXT, PING])
@both_directions
@trio_test
async def test_any_frame_in_either_direction_keeps_a_session_from_being_idle(
    variant: Variant, inbound: bool, opcode: int
) -> None:
    async with open_session(variant, timeouts=Timeouts(idle=60)) as play:
        source, sink = ends(play, inbound=inbound)
        for _ in range(5):
            await trio.sleep(59)
            await source.send(Frame(opcode, b"here"))
            assert await sink.receive() == Frame(opcode, b"here")
        last = trio.current_time()
        for peer in (play.client, play.provider):
            assert await peer.answer_close() == close(1001, "idle timeout")
            assert trio.current_time() == last + 60
        await play.client.end()
        await play.provider.end()
    assert play.record["cause"] == "idle timeout"
    assert play.record["by"] == "relay"


@in_every_variant
@trio_test
async def test_a_session_ends_at_its_maximum_duration_whatever_it_carries(
    variant: Variant,
) -> None:
    async with open_session(variant, timeouts=Timeouts(max_duration=90)) as play:
        opened_at = trio.current_time()
        for _ in range(8):
            await trio.sleep(10)
            await play.client.send(Frame(TEXT, b"still here"))
            await play.provider.receive()
        assert await play.client.answer_close() == close(1008, "maximum duration reached")
        assert await play.provider.answer_close() == AWAY
        assert trio.current_time() == opened_at + 90
        await play.client.end()
        await play.provider.end()
    assert play.record["cause"] == "policy"


@trio_test
async def test_the_trace_that_a_client_names_is_recorded_and_not_passed_on() -> None:
    trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    async with session() as play:
        await play.request(f"traceparent: 00-{trace}-{parent}-01", "tracestate: a=1")
        asked = await play.accept()
        await play.client.receive_head()
        (seen,) = play.server.glances()
        assert (seen.record.trace_id, seen.record.parent_span_id) == (trace, parent)
        assert b"trace" not in asked.lower()
        await play.close()
