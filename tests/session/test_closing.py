"""Closing handshakes that a peer begins: what passes, and how both connections end."""

from __future__ import annotations

import pytest
import trio

from relay.protocol import Timeouts
from relay.protocol.frames import PING, TEXT
from relay.testing.frames import Frame, close
from tests.played_session import open_session, sides
from tests.support import Variant, from_both_sides, in_every_variant, trio_test


@in_every_variant
@from_both_sides
@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (1000, ""),
        (1000, "done"),
        (1001, "ciao"),
        (None, ""),
        (1011, "provider's own words"),
        (1014, "bad gateway"),
        (3000, ""),
        (4999, "é" * 61),
    ],
)
@trio_test
async def test_a_close_and_its_answer_pass_verbatim_and_both_connections_end(
    variant: Variant, by: str, code: int | None, reason: str
) -> None:
    async with open_session(variant) as play:
        one, other = sides(play, by)
        began = trio.current_time()
        await one.send(close(code, reason))
        assert await other.receive() == close(code, reason)
        await other.send(close(4321, "the answer"))
        assert await one.receive() == close(4321, "the answer")
        await play.provider.end()  # the server ends first (RFC 6455 7.1.1)
        assert await play.client.receive_rest() == b""
        await play.client.end()
    assert play.ended_at == began
    assert play.reset_sides == set()
    assert (play.record["by"], play.record["cause"]) == (by, "closed")
    told = {"client": play.record["upstream_close"], "provider": play.record["client_close"]}
    assert told.pop(by) == (code or 1005)
    assert list(told.values()) == [4321]
    assert "the answer" not in str(play.log)  # a reason can quote a key


@in_every_variant
@trio_test
async def test_both_sides_close_at_once(variant: Variant) -> None:
    async with open_session(variant) as play:
        await play.client.send(close(1000, "mine"))
        await play.provider.send(close(1001, "no, mine"))
        assert await play.provider.receive() == close(1000, "mine")
        assert await play.client.receive() == close(1001, "no, mine")
        await play.provider.end()
        await play.client.end()
    assert play.ended_at == 0


@in_every_variant
@from_both_sides
@trio_test
async def test_what_follows_a_close_is_dropped(variant: Variant, by: str) -> None:
    async with open_session(variant) as play:
        one, other = sides(play, by)
        storm = [Frame(TEXT, b"after"), close(3000, "again"), Frame(PING)] * 1000
        await one.send(Frame(TEXT, b"before"), close(1000), *storm)
        await one.send(*storm)
        assert await other.receive() == Frame(TEXT, b"before")
        assert await other.receive() == close(1000)
        assert await other.hears_nothing()
        await other.send(close(1000))
        assert await one.receive() == close(1000)
        await one.send(*storm)
        assert await other.hears_nothing()
        await play.provider.end()
        await play.client.end()
    assert not play.faults
    assert play.reset_sides == set()


@in_every_variant
@from_both_sides
@trio_test
async def test_the_other_side_may_still_speak_after_a_close(variant: Variant, by: str) -> None:
    async with open_session(variant) as play:
        one, other = sides(play, by)
        await one.send(close(1000))
        await other.receive()
        await other.send(Frame(TEXT, b"last words"))
        assert await one.receive() == Frame(TEXT, b"last words")
        await other.send(close(1000))
        await one.receive()
        await play.provider.end()
        await play.client.end()
    assert play.ended_at == 0


@in_every_variant
@from_both_sides
@trio_test
async def test_a_close_that_is_not_answered_ends_both_connections(
    variant: Variant, by: str
) -> None:
    async with open_session(variant, timeouts=Timeouts(close=5)) as play:
        one, other = sides(play, by)
        await one.send(close(1000))
        assert await other.receive() == close(1000)
        await trio.sleep(4)
        await other.send(Frame(TEXT, b"no answer"))  # nor does it win time
        assert await one.receive() == Frame(TEXT, b"no answer")
        assert await other.receive_rest() == b""
        assert trio.current_time() == 5
        assert await one.receive_rest() == b""
        await play.provider.end()
        await play.client.end()
    assert play.record["cause"] == "close timeout"
    assert play.record["by"] == by


@in_every_variant
@from_both_sides
@trio_test
async def test_who_keeps_talking_after_the_closing_handshake_is_cut_off(
    variant: Variant, by: str
) -> None:
    async with open_session(variant, timeouts=Timeouts(close=5)) as play:
        one, other = sides(play, by)
        await one.send(close(1000))
        await other.answer_close()
        await other.end()

        async def talk() -> None:
            while True:
                await one.send(Frame(TEXT, b"and another thing"))
                await trio.sleep(2)

        with pytest.raises(trio.BrokenResourceError):
            await talk()
        await one.end()
    assert play.ended_at == 5
