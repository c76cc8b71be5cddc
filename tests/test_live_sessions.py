"""Tests of relay.live_sessions: what a session is seen to do, until it has ended."""

from __future__ import annotations

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from relay.live_sessions import Glance, LiveState
from relay.protocol import closing, policy
from relay.protocol.frames import TEXT
from relay.records.session_record import Outcome, SessionRecord
from relay.testing.frames import Frame, close
from tests.played_session import PlayedSession, open_session, session
from tests.support import Variant, in_every_variant, trio_test

HELLO = Frame(TEXT, b"hello")
REFUSED = Outcome.REFUSED


def seen(play: PlayedSession) -> Glance:
    """What the only session does."""
    (glance,) = play.server.glances()
    return glance


def record_of(play: PlayedSession) -> tuple[Glance, SessionRecord]:
    """The same, looked up by its id."""
    found = play.server.live.find(seen(play).record.id)
    assert found is not None
    return found


@trio_test
async def test_an_opening_is_seen_once_its_client_is_known() -> None:
    async with session(connects=False) as play:
        assert list(play.server.glances()) == []
        await trio.sleep(1)
        await play.request()
        await wait_all_tasks_blocked()
        await trio.sleep(2)
        its, record = record_of(play)
        assert (its.state, record.status, record.provider) == (LiveState.OPENING, 0, "openai")
        assert list(record.steps) == ["head", "authorise"]
        glance = seen(play)
        assert (glance.duration, glance.silent_for, glance.talks) == (3, None, None)
        play.may_connect.set()
        await play.accept()
        await play.client.receive_head()
        assert record_of(play)[1].status == 101
        assert seen(play).state is LiveState.SILENT
        await play.close()
        await play.ended.wait()
        assert list(play.server.glances()) == []


@pytest.mark.parametrize("refused", [True, False], ids=["refused", "abandoned"])
@trio_test
async def test_an_opening_that_comes_to_nothing_is_forgotten(refused: bool) -> None:
    async with session(connects=False) as play:
        await play.request()
        await wait_all_tasks_blocked()
        assert seen(play).state is LiveState.OPENING
        if refused:
            play.may_connect.set()
            await play.provider.receive_head()
            busy = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
            await play.provider.stream.send_all(busy)
            assert (await play.client.receive_head()).startswith(b"HTTP/1.1 503")
            assert list(play.server.glances()) == []
        await play.client.end()
        await play.ended.wait()
        assert list(play.server.glances()) == []


@trio_test
async def test_strangers_are_not_seen() -> None:
    async with session(authentication_required=True) as play:
        await play.request()
        assert (await play.client.receive_head()).startswith(b"HTTP/1.1 401")
        assert list(play.server.glances()) == []
        await play.client.end()


@in_every_variant
@trio_test
async def test_who_talks(variant: Variant) -> None:
    async with open_session(variant) as play:
        await trio.sleep(5)
        assert seen(play)[1:5] == (LiveState.SILENT, 5, None, 5)
        await play.client.send(HELLO)
        assert await play.provider.receive() == HELLO
        await trio.sleep(0.9)
        assert (seen(play).state, seen(play).talks) == (LiveState.TALKING, "client")
        await play.provider.send(HELLO)
        assert await play.client.receive() == HELLO
        assert seen(play).talks == "both"
        await trio.sleep(0.5)
        glance = seen(play)
        assert (glance.talks, glance.silent_for) == ("provider", 0.5)
        assert (glance.messages_in, glance.messages_out) == (1, 1)
        assert (glance.bytes_in, glance.bytes_out) == (11, 7)
        await trio.sleep(0.5)
        assert (seen(play).state, seen(play).talks) == (LiveState.SILENT, None)
        await play.close()


@in_every_variant
@trio_test
async def test_a_session_that_closes_is_seen_to_until_both_sides_have(variant: Variant) -> None:
    async with open_session(variant) as play:
        await play.client.send(close(1000))
        await play.provider.receive()
        assert seen(play).state is LiveState.CLOSING
        await play.provider.send(close(1000))
        await play.provider.end()
        await play.client.receive()
        await wait_all_tasks_blocked()
        assert list(play.server.glances()) == []
        await play.client.end()


@trio_test
async def test_an_operator_ends_one_by_its_id() -> None:
    async with open_session() as play:
        assert not play.server.live.end("another", policy("over budget"))
        assert play.server.live.find("another") is None
        assert play.server.live.end(seen(play).record.id, policy("over budget"))
        assert seen(play).state is LiveState.CLOSING
        assert await play.client.answer_close() == close(1008, "over budget")
        await play.provider.answer_close()
        await play.provider.end()
        await play.client.end()


@trio_test
async def test_an_operator_ends_an_opening() -> None:
    async with session(connects=False) as play:
        await play.request()
        await wait_all_tasks_blocked()
        assert play.dialled
        play.server.live.end_all(closing.DRAINING)  # it finds out by itself
        session_id = seen(play).record.id
        assert play.server.live.end(session_id, closing.operator("over budget"))
        answer = await play.client.receive_answer()
        assert answer.status == 403
        assert b"over budget" in answer.body
        assert not play.dialling
        assert not play.server.live.end(session_id, closing.operator("again"))
        await play.client.end()
    (record,) = play.records
    assert (record.outcome, record.ended_by, record.error) == (REFUSED, "relay", "over budget")


@trio_test
async def test_an_opening_that_has_its_answer_cannot_be_ended_any_more() -> None:
    async with session(tight=True) as play:
        await play.request()
        await play.accept()
        await wait_all_tasks_blocked()  # the 101 is being sent
        glance = seen(play)
        assert glance.state is LiveState.OPENING
        assert not play.server.live.end(glance.record.id, closing.operator("too late"))
        await play.client.receive_head()
        await play.close()
