"""Tests of the recorder: what tests/e2e/records does not reach."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import cast

import pytest
import trio

from relay.drivers.carrier import Carrier
from relay.prices import Prices
from relay.protocol import (
    Identity,
    Limits,
    Pipe,
    Secret,
    authorise,
    by_name,
    closing,
    ending,
    examine,
)
from relay.protocol.frames import TEXT
from relay.records.explanation import explain
from relay.records.recorder import Recorder
from relay.records.session_record import Outcome, SessionRecord
from relay.testing.frames import Frame, close
from relay.testing.handshakes import upgrade
from tests.played_session import CREDENTIAL, TARGET
from tests.protocol.handshakes import a_gateway, a_token, read
from tests.support import trio_test

MASK = b"\1\2\3\4"
FREE = Prices("none", {})
STORED = "the-stored-key"


class Play:
    """A recorder, and the two directions of its session."""

    def __init__(self, *lines: str) -> None:
        opening = examine(read(upgrade(TARGET, CREDENTIAL, *lines)), by_name())
        identity = Identity(a_gateway(), a_token(metadata={"team": "voice"}))
        admission = authorise(identity, opening.target, opening.credentials, by_name())
        query = opening.target.query
        recorder = Recorder("id", datetime.now(UTC), identity, opening, "openai", "192.0.2.7")
        recorder.authorised(admission, query, [Secret(STORED.encode())])
        meter = recorder.measure(admission, query, None)
        self.inbound = Pipe(masked=True, limits=Limits(), observer=meter.inbound)
        self.outbound = Pipe(masked=False, limits=Limits(), observer=meter.outbound)
        recorder.opened("192.0.2.1:443", "verbatim", {"head": 0.25}, compressed=False)
        self.recorder = recorder

    def client(self, frame: Frame) -> None:
        """The client sends it."""
        self.inbound.receive_data(frame.encode(MASK))

    def provider(self, frame: Frame) -> None:
        """The provider does."""
        self.outbound.receive_data(frame.encode())

    def says(self, **event: object) -> None:
        """The provider sends an event."""
        self.provider(Frame(TEXT, json.dumps(event).encode()))

    def end(
        self, first: Pipe | None, cause: closing.Cause = closing.PEERS, prices: Prices = FREE
    ) -> SessionRecord:
        """Both directions have ended."""
        end = ending(self.inbound, self.outbound, cause, MASK)
        return self.recorder.ended(cause, first, self.inbound, self.outbound, end, prices)


@trio_test
async def test_a_reason_holds_nothing_that_a_store_or_a_terminal_obeys() -> None:
    play = Play()
    play.client(close(4000, "a\0b\x1b[2J"))
    play.provider(close(4000))
    assert play.end(play.inbound).client.close_reason == "a\\x00b\\x1b[2J"


@pytest.mark.parametrize("secret", ["sk-of-the-client", "rly_" + "x" * 43, STORED])
@trio_test
async def test_a_reason_with_a_secret_is_not_shown(secret: str) -> None:
    play = Play()
    play.client(close(4000, f"with {secret}"))
    play.provider(close(4000, "no secret"))
    record = play.end(play.inbound)
    assert (record.client.close_reason, record.provider_side.told_reason) == ("...", "...")
    assert record.provider_side.close_reason == record.client.told_reason == "no secret"


@trio_test
async def test_a_user_agent_is_cut_and_hidden() -> None:
    assert len(Play(f"User-Agent: {'a' * 300}").recorder.record.user_agent) == 256
    assert Play("User-Agent: x sk-of-the-client").recorder.record.user_agent == "..."
    longer = "a" * 250 + "sk-of-the-client"
    assert Play(f"User-Agent: {longer}").recorder.record.user_agent == "..."
    assert Play().recorder.record.user_agent == ""


@trio_test
async def test_an_open_session_is_shown_as_far_as_it_has_got() -> None:
    play = Play()
    await trio.sleep(2)
    play.says(type="session.created", session={"model": "another"})
    play.says(type="response.created", response={"id": "r"})
    shown = play.recorder.snapshot(play.inbound, play.outbound)
    assert (shown.duration, shown.first_message, shown.model) == (2.0, 2.0, "gpt-realtime")
    assert (shown.provider_side.messages, shown.client.messages) == (2, 0)
    assert [turn.ended for turn in shown.turns] == [None]
    assert play.recorder.record.duration == 0  # what is written at the end is another one
    assert play.recorder.record.provider_side.messages == 0


@trio_test
async def test_an_open_session_shows_no_secret_that_a_turn_names_as_its_model() -> None:
    play = Play()
    response = {"id": "r", "status": "completed", "model": STORED, "usage": {"input_tokens": 1}}
    play.says(type="response.done", response=response)
    shown = play.recorder.snapshot(play.inbound, play.outbound)
    assert [turn.model for turn in shown.turns] == ["..."]


@pytest.mark.parametrize(
    ("priced", "cost"), [(("gpt-realtime", "gpt-x"), Decimal(5)), (("gpt-realtime",), None)]
)
@trio_test
async def test_a_sum_with_an_unknown_price_is_unknown(
    priced: tuple[str, ...], cost: Decimal | None
) -> None:
    play = Play()
    for model, tokens in (("gpt-realtime", 2), ("gpt-x", 3)):
        usage = {"input_tokens": tokens}
        response = {"id": model, "status": "completed", "model": model, "usage": usage}
        play.says(type="response.done", response=response)
    prices = Prices(
        "test", {"openai": {model: {"input_text_tokens": Fraction(1)} for model in priced}}
    )
    record = play.end(play.inbound, closing.IDLE, prices)
    assert record.cost == cost
    assert record.usage is not None
    costs = {work.model: work.cost for work in record.usage}
    assert costs == {"gpt-realtime": Decimal(2), "gpt-x": None if cost is None else Decimal(3)}
    assert [turn.cost for turn in record.turns] == [Decimal(2), costs["gpt-x"]]


@trio_test
async def test_who_could_not_be_written_to_may_have_said_why() -> None:
    """Its Close comes after the write to it has failed: it did not vanish."""
    play = Play()
    play.outbound.send_failed()
    play.client(close(4000, "enough"))
    record = play.end(play.outbound)
    assert (record.cause, record.ended_by, record.outcome) == (
        "closed",
        "client",
        Outcome.COMPLETED,
    )
    assert explain(record).startswith("the client closed with 4000 enough after 0 ms")


@trio_test
async def test_who_could_not_be_written_to_and_said_nothing_has_vanished() -> None:
    play = Play()
    play.inbound.send_failed()
    play.outbound.receive_data(b"")
    record = play.end(play.inbound)
    assert (record.cause, record.ended_by, record.outcome) == (
        "vanished",
        "provider",
        Outcome.BROKEN,
    )


class Carrying:
    """A carrier of which a test says what it has seen."""

    def __init__(self, pipe: Pipe, *, source_was_reset: bool, sink_was_reset: bool) -> None:
        self.pipe = pipe
        self.source_was_reset = source_was_reset
        self.sink_was_reset = sink_was_reset
        self.waited = 0.0


@pytest.mark.parametrize(
    ("before", "read", "written", "how"),
    [
        (b"", False, False, None),
        (b"", True, False, "by a reset"),
        (b"", False, True, "by a reset"),
        (Frame(TEXT, b"text", fin=False).encode(), False, False, "in the middle of a message"),
        (Frame(TEXT, b"text").encode()[:-1], False, False, "in the middle of a frame"),
        (b"\x81", True, False, "by a reset in the middle of a frame"),
    ],
)
@trio_test
async def test_how_a_side_has_vanished(
    before: bytes, read: bool, written: bool, how: str | None
) -> None:
    play = Play()
    play.outbound.receive_data(before)
    play.outbound.receive_data(b"")
    play.recorder.carriers = cast(
        "tuple[Carrier, Carrier]",
        (
            Carrying(play.inbound, source_was_reset=False, sink_was_reset=written),
            Carrying(play.outbound, source_was_reset=read, sink_was_reset=True),
        ),
    )
    assert play.end(play.outbound).error == how


@dataclass
class Active:
    """A side."""

    last_activity: float


@trio_test
async def test_the_last_activity_is_that_before_the_end_and_not_an_answer_to_it() -> None:
    play = Play()
    client, provider = Active(0), Active(0)
    play.recorder.active = client, provider
    shown = play.recorder.snapshot(play.inbound, play.outbound)
    assert shown.client.last_activity is shown.provider_side.last_activity is None
    play.says(type="session.created")
    provider.last_activity = 1
    shown = play.recorder.snapshot(play.inbound, play.outbound)
    assert (shown.client.last_activity, shown.provider_side.last_activity) == (None, 1)
    play.client(close(1000))
    client.last_activity = 4
    play.recorder.ending()
    play.provider(close(1000))
    provider.last_activity = 5
    play.recorder.ending()
    record = play.end(play.inbound)
    assert (record.client.last_activity, record.provider_side.last_activity) == (4, 1)


@trio_test
async def test_a_close_that_was_not_written_was_not_told() -> None:
    play = Play()
    play.provider(close(1000))
    play.outbound.send_failed()  # it is in the chunk that the client did not take
    record = play.end(None, closing.CLIENT_STALLED)
    assert record.provider_side.close_code == 1000
    assert record.client.told_code is None


@trio_test
async def test_a_violation_in_the_closing_handshake_is_told_of() -> None:
    play = Play()
    play.client(close(1000))
    play.outbound.receive_data(b"\xf0\0")
    record = play.end(play.inbound)
    assert record.outcome is Outcome.COMPLETED
    assert record.error
    assert explain(record).endswith(f", and the provider broke the protocol ({record.error})")


@trio_test
async def test_of_two_violations_the_first_is_told() -> None:
    play = Play()
    play.outbound.receive_data(b"\xf0\0")
    play.inbound.receive_data(b"\x8b\x80")
    record = play.end(play.outbound)
    assert record.ended_by == "provider"
    assert record.error == str(play.outbound.error) != str(play.inbound.error)


@trio_test
async def test_several_faults_at_once_are_named_by_the_first() -> None:
    play = Play()
    play.recorder.faulted(ExceptionGroup("", [ExceptionGroup("", [KeyError("words")]), OSError()]))
    assert play.end(None, closing.FAULT).error == "KeyError"
