"""Tests of relay.records.standing: who is waited for, and since when."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from relay.live_sessions import Glance, LiveState
from relay.protocol.frames import TEXT
from relay.protocol.timeouts import Timeouts
from relay.records.session_record import Direction
from relay.records.standing import standing
from relay.testing.frames import Frame, close
from tests.played_session import PlayedSession, open_session, session
from tests.records.samples import a_record
from tests.support import Variant, in_every_variant, in_portable_variants, trio_test

HELLO = Frame(TEXT, b"hello")
OPENING, CLOSING, TALKING = LiveState.OPENING, LiveState.CLOSING, LiveState.TALKING


@pytest.mark.parametrize(
    ("steps", "sentence"),
    [
        ({"head": 1.0}, "the relay has looked at the request for 3 s"),
        ({"head": 0.5, "authorise": 0.5}, "waiting for a connection to the provider for 3 s"),
        ({"connect": 1.0}, "waiting for the provider's answer to the opening for 3 s"),
        (
            {"connect": 0.5, "upstream": 0.5},
            "waiting for the client to take its 101 for 3 s",
        ),
    ],
)
def test_an_opening_in_words(steps: dict[str, float], sentence: str) -> None:
    record = a_record(status=0, steps=steps)
    assert standing(Glance(record, OPENING, 4.0), record) == sentence


@pytest.mark.parametrize(
    ("client", "provider", "first_message", "sentence"),
    [
        (
            *(4.0, 8.0, 1.0),
            "the client has sent nothing for 6 s, and the provider has sent nothing for 2 s",
        ),
        (
            *(9.5, 4.0, 1.0),
            "the provider has sent nothing for 6 s, and the client is sending",
        ),
        (9.5, 9.9, 1.0, "both sides are sending"),
        (
            *(9.5, None, None),
            "the provider has sent nothing since the 101, 10 s ago, and the client is sending",
        ),
        (
            *(None, 9.9, None),
            (
                "the client has sent nothing since the 101, 10 s ago, and "
                "the provider has sent 40 bytes and no whole message since the 101, 10 s ago"
            ),
        ),
    ],
)
def test_who_is_silent_in_words(
    client: float | None, provider: float | None, first_message: float | None, sentence: str
) -> None:
    record = a_record(
        duration=10.0,
        first_message=first_message,
        client=Direction(bytes=100, last_activity=client),
        provider_side=Direction(bytes=40, last_activity=provider),
    )
    assert standing(Glance(record, TALKING, 10.0), record) == sentence


def test_whole_messages_are_not_spoken_of_where_nobody_counts_them() -> None:
    record = a_record(
        duration=10.0,
        first_message=None,
        usage_missing="not measured",
        client=Direction(last_activity=9.5),
        provider_side=Direction(bytes=40, last_activity=9.5),
    )
    assert standing(Glance(record, TALKING, 10.0), record) == "both sides are sending"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"client": Direction(close_code=1000, last_activity=7.0)},
            "the client closed with 1000, and the provider has not answered for 3 s",
        ),
        (
            {"provider_side": Direction(close_code=1005, last_activity=7.0)},
            "the provider closed without a code, and the client has not answered for 3 s",
        ),
        (
            {"client": Direction(close_code=1000), "lingered": 2.0},
            "the client has gone for 2 s, and the end of the provider's response is awaited",
        ),
        ({}, "it is ending"),
    ],
)
def test_one_that_closes_in_words(changes: dict[str, Any], sentence: str) -> None:
    sides: dict[str, Any] = {"client": Direction(), "provider_side": Direction()}
    record = a_record(duration=10.0, **(sides | changes))
    assert standing(Glance(record, CLOSING, 10.0), record) == sentence


def of(play: PlayedSession) -> str:
    """How the only session stands."""
    (seen,) = play.server.glances()
    found = play.server.live.find(seen.record.id)
    assert found is not None
    return standing(*found)


@trio_test
async def test_while_it_is_opening() -> None:
    async with session(connects=False) as play:
        await play.request()
        await wait_all_tasks_blocked()
        await trio.sleep(2)
        assert of(play) == "waiting for a connection to the provider for 2 s"
        await play.client.end()
        await play.ended.wait()


@in_every_variant
@trio_test
async def test_while_it_is_open(variant: Variant) -> None:
    async with open_session(variant) as play:
        await trio.sleep(4)
        nothing = "has sent nothing since the 101, 4 s ago"
        assert of(play) == f"the client {nothing}, and the provider {nothing}"
        await play.provider.send(HELLO)
        assert await play.client.receive() == HELLO
        await trio.sleep(2)
        await play.client.send(HELLO)
        assert await play.provider.receive() == HELLO
        assert of(play) == "the provider has sent nothing for 2 s, and the client is sending"
        await trio.sleep(3)
        assert of(play) == (
            "the provider has sent nothing for 5 s, and the client has sent nothing for 3 s"
        )
        await play.client.send(close(1000))
        await play.provider.receive()
        await trio.sleep(1)
        assert of(play) == "the client closed with 1000, and the provider has not answered for 1 s"
        await play.provider.send(close(1000))
        await play.provider.end()
        await play.client.receive()
        await play.client.end()


@in_portable_variants
@trio_test
async def test_a_side_that_takes_nothing(variant: Variant) -> None:
    async with open_session(variant, tight=True, timeouts=Timeouts(write=30)) as play:
        await play.client.send(HELLO)
        await trio.sleep(8)
        assert of(play) == "the provider has taken nothing for 8 s"
        await play.provider.send(HELLO)
        await trio.sleep(2)
        assert of(play) == "the provider has taken nothing for 10 s"
        assert await play.provider.receive() == HELLO
        await wait_all_tasks_blocked()
        assert of(play) == "the client has taken nothing for 2 s"
        assert await play.client.receive() == HELLO
        await wait_all_tasks_blocked()
        assert of(play) == "both sides are sending"
        await play.close()
