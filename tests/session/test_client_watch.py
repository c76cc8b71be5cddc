"""Tests of relay.session.client_watch: what whole sessions do not reach."""

from __future__ import annotations

import pytest
import trio
from trio.testing import memory_stream_pair, wait_all_tasks_blocked

from relay.protocol import Refused
from relay.session.client_watch import ClientWatch
from tests.support import trio_test


@trio_test
async def test_what_was_done_is_given_back_if_nobody_wants_it_any_more() -> None:
    given_back: list[str] = []

    async def run() -> str:
        with trio.CancelScope(shield=True):
            await trio.sleep(2)
        return "a connection"

    async def give_back(outcome: str) -> None:
        given_back.append(outcome)

    client, _ = memory_stream_pair()
    with trio.move_on_after(1) as scope:
        await ClientWatch(client).during(run, give_back)
    assert scope.cancelled_caught
    assert given_back == ["a connection"]


@trio_test
async def test_a_second_act_goes_on_where_the_first_left_off() -> None:
    client, peer = memory_stream_pair()
    watch = ClientWatch(client)
    await peer.send_all(b"one")
    await watch.during(wait_all_tasks_blocked)
    await peer.send_all(b"two")
    await watch.during(wait_all_tasks_blocked)
    assert watch.early_data == b"onetwo"


@trio_test
async def test_a_refusal_is_in_no_group() -> None:
    async def run() -> None:
        raise Refused(402, 2003, "no money")

    client, _ = memory_stream_pair()
    with pytest.raises(Refused, match="no money"):
        await ClientWatch(client).during(run)


@trio_test
async def test_what_runs_is_ended_with_a_refusal_and_given_back() -> None:
    given_back: list[str] = []

    async def run() -> str:
        assert watch.refuse(Refused(403, 2010, "over budget"))
        return "a connection"

    async def give_back(outcome: str) -> None:
        given_back.append(outcome)

    client, _ = memory_stream_pair()
    watch = ClientWatch(client)
    assert not watch.refuse(Refused(403, 2010, "nothing runs yet"))
    with pytest.raises(Refused, match="over budget"):
        await watch.during(run, give_back)
    assert given_back == ["a connection"]
    assert not watch.refuse(Refused(403, 2010, "nothing runs any more"))
