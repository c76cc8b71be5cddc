"""Sessions whose peers compress for each other, and those in which they may not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from relay.protocol import Limits
from relay.protocol.frames import BINARY, CONTINUATION, PING, TEXT
from relay.testing.frames import Frame, close
from relay.testing.strategies import compress
from tests.played_session import PlayedSession, error_of, session, sides
from tests.support import (
    AWAY,
    Variant,
    from_both_sides,
    in_every_variant,
    in_verbatim_variants,
    trio_test,
)

OFFER = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"
ANSWER = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=12"
FAILED = close(1011, "upstream protocol error")
COMPRESSED = Frame(TEXT, compress(b"over and over, " * 20), rsv1=True)


@asynccontextmanager
async def compressing(
    variant: Variant, *, limits: Limits | None = None
) -> AsyncIterator[PlayedSession]:
    """An open session that has negotiated it."""
    async with session(variant, compression=True, limits=limits) as play:
        await play.request(OFFER)
        assert OFFER.encode() in await play.accept(ANSWER)
        assert ANSWER.encode() in await play.client.receive_head()
        yield play


async def see_violation(play: PlayedSession, by: str, code: int) -> None:
    """Both sides are told, and end."""
    one, other = sides(play, by)
    assert await other.answer_close() == (AWAY if by == "client" else FAILED)
    assert (await one.answer_close()).payload[:2] == code.to_bytes(2)
    await play.client.end()
    await play.provider.end()


# Carried through


@in_verbatim_variants
@from_both_sides
@trio_test
async def test_compressed_messages_arrive_as_they_were_sent(variant: Variant, by: str) -> None:
    frames = [
        COMPRESSED,
        Frame(BINARY, b"not compressed"),
        Frame(BINARY, b"\xf2\x48", fin=False, rsv1=True),
        Frame(PING, b"between"),
        Frame(CONTINUATION, b"\xcd\xc9\xc9\x07\x00"),
        Frame(BINARY, bytes(range(256)) * 300, rsv1=True),  # in several chunks
        COMPRESSED,
    ]
    async with compressing(variant) as play:
        one, other = sides(play, by)
        for frame in frames:
            await one.send(frame)
            assert await other.receive() == frame
        await one.send(*frames)
        assert [await other.receive() for _ in frames] == frames
        await play.close()


@in_verbatim_variants
@trio_test
async def test_a_compressed_message_may_come_before_the_session_is_open(variant: Variant) -> None:
    async with session(variant, compression=True) as play:
        await play.request(OFFER)
        await play.accept(ANSWER, early_data=play.provider.encode(COMPRESSED))
        await play.client.receive_head()
        assert await play.client.receive() == COMPRESSED
        await play.close()


@in_verbatim_variants
@from_both_sides
@trio_test
async def test_a_limit_is_on_what_is_sent_of_a_message(variant: Variant, by: str) -> None:
    size = len(COMPRESSED.payload)
    async with compressing(variant, limits=Limits(max_message_size=size)) as play:
        one, other = sides(play, by)
        await one.send(COMPRESSED)
        assert await other.receive() == COMPRESSED
        await one.send(COMPRESSED._replace(missing=1))
        await see_violation(play, by, 1009)


# The bit that says so (RFC 7692 6)


@in_verbatim_variants
@from_both_sides
@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(Frame(CONTINUATION, b"a", rsv1=True), id="continuation"),
        pytest.param(Frame(PING, b"a", rsv1=True), id="control-frame"),
        pytest.param(Frame(0x20 | TEXT, b"a"), id="rsv2"),
        pytest.param(Frame(0x10 | TEXT, b"a", rsv1=True), id="rsv1-and-rsv3"),
    ],
)
@trio_test
async def test_no_other_frame_is_marked_as_compressed(
    variant: Variant, by: str, frame: Frame
) -> None:
    begun = Frame(TEXT, b"begun", fin=False, rsv1=True)
    async with compressing(variant) as play:
        one, other = sides(play, by)
        await one.send(begun, frame)
        assert await other.receive() == begun
        await see_violation(play, by, 1002)
    assert play.record["by"] == by


@in_every_variant
@from_both_sides
@pytest.mark.parametrize("compression", [True, False])
@trio_test
async def test_nothing_is_compressed_that_was_not_negotiated(
    variant: Variant, by: str, compression: bool
) -> None:
    async with session(variant, compression=compression) as play:
        await play.request(OFFER)
        await play.accept()
        assert b"extensions" not in (await play.client.receive_head()).lower()
        one, other = sides(play, by)
        await one.send(Frame(TEXT, b"before"), COMPRESSED)
        assert await other.receive() == Frame(TEXT, b"before")
        await see_violation(play, by, 1002)


# Not negotiated


@in_every_variant
@trio_test
async def test_nothing_is_offered_unless_the_gateway_says_so(variant: Variant) -> None:
    async with session(variant) as play:
        await play.request(OFFER)
        assert b"extensions" not in (await play.accept()).lower()
        await play.client.receive_head()
        await play.close()


@in_every_variant
@trio_test
async def test_nothing_is_offered_where_the_message_lane_reads(
    variant: Variant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the gateway asks for that lane or the path does, which is known once connected."""
    if not variant.messages_lane:
        monkeypatch.setattr("relay.session.upstream_opening.is_private_path", lambda _: False)
    async with session(variant, compression=True) as play:
        await play.request(OFFER)
        assert b"extensions" not in (await play.accept()).lower()
        assert b"extensions" not in (await play.client.receive_head()).lower()
        await play.close()


@in_every_variant
@pytest.mark.parametrize("compression", [True, False])
@trio_test
async def test_a_provider_that_accepts_what_it_was_not_offered_is_502(
    variant: Variant, compression: bool
) -> None:
    async with session(variant, compression=compression) as play:
        await play.request(*([OFFER] if not compression else []))
        await play.accept(ANSWER)
        assert error_of(await play.client.receive_answer()) == (502, 2100)
