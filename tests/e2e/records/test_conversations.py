"""A conversation with each double: every field of its record, by what went over the wire."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from wsproto.events import CloseConnection

from relay.doubles import DOUBLES
from relay.latency import BOUNDS
from relay.prices import built_in_prices
from relay.protocol import CATALOGUE
from relay.records.explanation import explain, seconds
from relay.records.session_record import Outcome, SessionRecord
from tests.doubles.peer import Peer
from tests.e2e.records.conversations import CLOCK, CONVERSATIONS, Conversation, Said, Used
from tests.e2e.records.expectation import Moment, Within, check, direction, turn, work
from tests.e2e.records.wire import Heard, Tapped
from tests.e2e.records.world import AGENT, GATEWAY, Client, World, cost_of, in_both_drivers, world
from tests.support import real_clock

BYE = (3001, "bye")
METADATA = '{"user": "anna", "n": 1, "share": 0.5, "beta": true, "team": "not the token\'s"}'
FOLLOWS_ANOTHER = {  # sessions of another connection, or in other versions of the same API
    "/v1/live/sessions/{session}/attach",
    "/v1/live/sessions/{session}/fork",
    "/openai/v1/live/sessions/{session}/attach",
    "/v0/evi/chat/{chat}/connect",
    "/v2/{language}",
    "/v1/realtime",  # Inworld's, which its double does not play
    "/v1/{account}/{gateway}/workers-ai",  # is configured, with the account's name
}

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
PRICES = f"{built_in_prices().version}+relay.toml"


def test_there_is_a_conversation_with_each_double_and_each_endpoint() -> None:
    held = {(each.provider, each.endpoint) for each in CONVERSATIONS}
    assert {provider for provider, _ in held} == set(DOUBLES)
    for provider in CATALOGUE:
        for endpoint in provider.endpoints:
            versions = re.sub(r"\.v1(alpha|beta1?)?\.(?=Gen|Llm)", ".v1.", endpoint.path)
            others = {re.sub(r"\.v1(alpha|beta1?)?\.(?=Gen|Llm)", ".v1.", p) for _, p in held}
            constrained = endpoint.path.endswith("Constrained")
            assert versions in others or constrained or endpoint.path in FOLLOWS_ANOTHER


async def hold(conversation: Conversation, peer: Peer) -> tuple[int, str]:
    """Say it all, and close; the Close that came."""
    await conversation.talk(peer)
    if conversation.closes == "client":
        await peer.transmit(CloseConnection(*BYE))
    while not isinstance(event := await peer.next(), CloseConnection):
        pass
    if conversation.closes == "provider":
        await peer.transmit(event.response())
    assert await peer.stream.receive_some() == b""
    return event.code, event.reason or ""


@in_both_drivers
@pytest.mark.parametrize("conversation", CONVERSATIONS, ids=str)
@real_clock
async def test_the_record_of_a_conversation(
    conversation: Conversation, driver: str, tmp_path: Path
) -> None:
    its = conversation
    before = datetime.now(UTC)
    async with world(tmp_path, its.provider, driver) as here:
        client = await here.connect()
        lines = (
            ("cf-aig-metadata", METADATA),
            ("cf-aig-otel-trace-id", TRACE),
            ("cf-aig-otel-parent-span-id", PARENT),
        )
        answer = await client.open(f"/v1/{GATEWAY}/{its.provider}{its.target}", *lines)
        assert answer == (101, b"")
        close = await hold(its, client.peer)
        assert close == (BYE if its.closes == "client" else its.close)
    record = here.record
    lasted = (datetime.now(UTC) - before).total_seconds()
    check(record, expected(its, here, client, record, before, lasted))
    check_order(record)
    said = f"{close[0]} {close[1]}".rstrip()
    closer = record.client if its.closes == "client" else record.provider_side
    assert closer.last_activity is not None
    assert explain(record) == (
        f"the {its.closes} closed with {said} after {seconds(closer.last_activity)}"
    )
    check_metrics(here, record)


def expected(
    its: Conversation,
    here: World,
    client: Client,
    record: SessionRecord,
    before: datetime,
    lasted: float,
) -> Mapping[str, Any]:
    """What the record has to say, by the bytes at both ends and by what was asked for."""
    (double,) = here.doubles
    inbound, outbound = sent(client.tapped, double, verbatim=its.lane == "verbatim")
    whenever = Within(0, record.duration)
    used = None if its.used is None else with_clock(its.used, record.duration)
    return {
        "id": client.log_id,
        "began_at": Moment(before, lasted),
        "gateway": "acct/main",
        "provider": its.provider,
        "endpoint": its.endpoint,
        "model": its.model,
        "token": "web",
        "client_address": "127.0.0.1",
        "user_agent": AGENT,
        "metadata": {
            "user": "anna",
            "n": 1,
            "share": 0.5,
            "beta": True,
            "team": "voice",  # the token's, over the client's
            "tier": 1,
        },
        "upstream": here.upstream,
        "lane": its.lane,
        "compressed": False,
        "trace_id": TRACE,
        "parent_span_id": PARENT,
        "lingered": 0.0,
        "prices": None if record.usage is None else PRICES,
        "turns_dropped": 0,
        "steps": dict.fromkeys(
            ("head", "authorise", "connect", "upstream", "answer"), Within(0, lasted)
        ),
        "status": 101,
        "code": None,
        "first_message": Within(0, record.duration),
        "first_audio": Within(0, record.duration) if its.audio else None,
        "duration": Within(0, lasted),
        "client": direction(
            inbound, outbound.close, Within(0, lasted), Within(0, lasted), whenever
        ),
        "provider_side": direction(
            outbound, inbound.close, Within(0, lasted), Within(0, lasted), whenever
        ),
        "added_latency": [Within(0)] * (len(BOUNDS) + 1),
        "usage": None
        if used is None
        else [
            work(model=model, usage=dict(each), cost=cost_of(each)) for model, each in used.items()
        ],
        "usage_missing": its.missing,
        "cost": None if used is None else sum(map(cost_of, used.values()), Decimal(0)),
        "turns": [expected_turn(each, its, record.duration) for each in its.turns],
        "outcome": Outcome.COMPLETED,
        "ended_by": its.closes,
        "cause": "closed",
        "error": None,
    }


def expected_turn(said: Said, its: Conversation, duration: float) -> Mapping[str, Any]:
    """A row of a turn; the model of a turn is named when it ends, if the provider names it."""
    return turn(
        began=Within(0, duration),
        first_audio=Within(0, duration) if said.audio else None,
        ended=Within(0, duration) if said.ended else None,
        interrupted=said.interrupted,
        model=its.model if said.ended else None,
        usage=None if said.used is None else dict(said.used),
        cost=None if said.used is None else cost_of(said.used),
    )


def sent(client: Tapped, double: Tapped, *, verbatim: bool) -> tuple[Heard, Heard]:
    """What the client and the double sent, which is what the other one got."""
    inbound = Heard.of(client.sent, masked=True)
    outbound = Heard.of(double.sent, masked=False)
    received = Heard.of(double.received, masked=True), Heard.of(client.received, masked=False)
    if verbatim:
        assert received == (inbound, outbound)
    else:
        assert [each.messages for each in received] == [inbound.messages, outbound.messages]
    return inbound, outbound


def with_clock(used: Mapping[str | None, Used], duration: float) -> Mapping[str | None, Used]:
    """With the time that the session took, to the millisecond, where it is to stand."""
    lasted = round(Decimal(duration), 3)
    return {
        model: {unit: lasted if count is CLOCK else count for unit, count in each.items()}
        for model, each in used.items()
    }


def check_order(record: SessionRecord) -> None:
    """What cannot have been before what it follows from."""
    assert record.first_message is not None
    if record.first_audio is not None:
        assert record.first_message <= record.first_audio
    for each in record.turns:
        assert each.began <= (each.first_audio or each.began) <= (each.ended or record.duration)
    assert [each.began for each in record.turns] == sorted(each.began for each in record.turns)
    spoken = [each.first_audio for each in record.turns if each.first_audio is not None]
    assert not spoken or spoken[0] == record.first_audio
    # Chunks were written, and none more than there were frames and reads.
    assert 2 <= sum(record.added_latency) <= record.client.frames + record.provider_side.bytes


def check_metrics(here: World, record: SessionRecord) -> None:
    """The totals are those of the one record."""
    assert here.metric("relay_sessions_total") == 1
    assert here.metric("relay_messages_total") == sum(
        side.messages for side in (record.client, record.provider_side)
    )
    assert here.metric("relay_bytes_total") == sum(
        side.bytes for side in (record.client, record.provider_side)
    )
    assert here.metric("relay_cost_dollars_total") == pytest.approx(float(record.cost or 0))
    assert here.metric("relay_unpriced_sessions_total") == (record.cost is None)
