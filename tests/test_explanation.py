"""Tests of relay.explanation."""

from __future__ import annotations

from typing import Any

import pytest

from relay.explanation import explain, seconds, timeline
from relay.protocol import closing
from relay.session_record import Direction, Outcome, Turn
from tests.records.samples import a_record

THREE_THOUSAND = Direction(close_code=3000, close_reason="insufficient_quota")
BROKEN = Outcome.BROKEN
ENDED = Outcome.ENDED


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"ended_by": "provider", "cause": "closed", "provider_side": THREE_THOUSAND},
            "the provider closed with 3000 insufficient_quota after 4.2 s",
        ),
        (
            {"ended_by": "client", "cause": "closed", "client": Direction(close_code=1005)},
            "the client closed without a code after 4.2 s",
        ),
        (
            {"ended_by": "client", "cause": "vanished", "outcome": BROKEN},
            "the client vanished without a Close after 4.2 s",
        ),
        (
            {
                "ended_by": "provider",
                "cause": "violation",
                "outcome": BROKEN,
                "error": "bad bit",
                "provider_side": Direction(told_code=1002, told_reason="bad bit"),
            },
            "the provider broke the protocol after 4.2 s (bad bit) and was told 1002 bad bit",
        ),
        (
            {
                "ended_by": "client",
                "cause": "violation",
                "outcome": BROKEN,
                "error": "message too big",
                "client": Direction(),
            },
            "the client broke the protocol after 4.2 s (message too big) and was told nothing",
        ),
        (
            {"ended_by": "client", "cause": closing.CLOSE_TIMEOUT.name},
            "the client closed with 1000 after 4.2 s, and the provider did not answer",
        ),
        (
            {"ended_by": "relay", "cause": closing.CLIENT_STALLED.name, "outcome": BROKEN},
            "the client took nothing any more after 4.2 s",
        ),
        (
            {"ended_by": "relay", "cause": closing.IDLE.name, "outcome": ENDED},
            "the relay ended it after 4.2 s because no byte came from either side",
        ),
        (
            {
                "ended_by": "relay",
                "cause": "policy",
                "outcome": ENDED,
                "error": "maximum duration reached",
            },
            "the relay ended it after 4.2 s: maximum duration reached",
        ),
        (
            {
                "outcome": Outcome.REFUSED,
                "ended_by": "relay",
                "status": 403,
                "code": 2010,
                "error": "the provider xai is not allowed here",
            },
            "the relay refused it with 403, code 2010: the provider xai is not allowed here",
        ),
        (
            {"outcome": Outcome.REFUSED, "ended_by": "provider", "status": 429},
            "the provider refused it with 429",
        ),
        (
            {"outcome": Outcome.REFUSED, "status": 0, "error": "it was told to stop"},
            "the relay gave it up during the opening: it was told to stop",
        ),
        (
            {"ended_by": "client", "cause": "closed", "error": "bad"},
            "the client closed with 1000 after 4.2 s, and the provider broke the protocol (bad)",
        ),
        (
            {"ended_by": "relay", "cause": closing.FAULT.name, "error": "KeyError"},
            "the relay ended it after 4.2 s because of a fault of its own (KeyError)",
        ),
        ({"outcome": Outcome.ABANDONED}, "the client left during the opening"),
    ],
)
def test_the_ending_in_words(changes: dict[str, Any], sentence: str) -> None:
    assert explain(a_record(duration=4.2, **changes)) == sentence


@pytest.mark.parametrize(
    "cause",
    [
        *(closing.IDLE, closing.DRAINING, closing.RESTARTING, closing.FAULT),
        *(closing.CLIENT_STALLED, closing.UPSTREAM_STALLED),
        *(closing.CLIENT_LOST, closing.UPSTREAM_LOST, closing.CLOSE_TIMEOUT),
        *(closing.CLIENT_SILENT, closing.UPSTREAM_SILENT),
    ],
)
def test_every_cause_has_words_of_its_own(cause: closing.Cause) -> None:
    sentence = explain(a_record(duration=4.2, ended_by="relay", cause=cause.name))
    assert "after 4.2 s:" not in sentence


def test_what_happened_when() -> None:
    record = a_record(
        steps={"head": 0.25, "connect": 0.5},
        first_message=0.25,
        first_audio=1.25,
        duration=10.0,
        turns=[
            Turn(1.0, 1.25, 2.25),
            Turn(3.25, ended=4.25, interrupted=True),
            Turn(5.25),
        ],
        cause="closed",
    )
    assert timeline(record) == [
        (0.25, "head, 250 ms"),
        (0.75, "connect, 500 ms"),
        (0.75, "open, by api.openai.com:443"),
        (1.0, "first message of the provider"),
        (1.75, "turn 1 began"),
        (2.0, "first audio of the provider"),
        (2.0, "turn 1: first audio"),
        (3.0, "turn 1 ended"),
        (4.0, "turn 2 began"),
        (5.0, "turn 2 was interrupted"),
        (6.0, "turn 3 began"),
        (10.75, "the client closed with 1000 after 10 s"),
    ]


def test_what_was_heard_without_the_client_comes_after_its_end() -> None:
    record = a_record(
        steps={},
        first_message=None,
        first_audio=None,
        turns=[Turn(4.0, ended=11.0)],
        ended_by="client",
        duration=12.0,
        lingered=2.0,
        cause="closed",
    )
    assert timeline(record)[1:] == [
        (4.0, "turn 1 began"),
        (10.0, "the client closed with 1000 after 10 s"),
        (11.0, "turn 1 ended"),
        (12.0, "the provider was heard for another 2 s"),
    ]


def test_of_a_refused_session_only_the_opening_happened() -> None:
    record = a_record(outcome=Outcome.REFUSED, status=429, ended_by="provider", steps={"head": 0.1})
    assert timeline(record)[1:] == [(0.1, "the provider refused it with 429")]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((0.0004321, "0.432 ms"), (0.25, "250 ms"), (4.2, "4.2 s"), (59.94, "59.9 s")),
        *((61.0, "1 min 1 s"), (3600.0, "1 h 0 min"), (7384.0, "2 h 3 min")),
    ],
)
def test_times_for_people(value: float, text: str) -> None:
    assert seconds(value) == text


def test_an_open_session_has_no_end() -> None:
    record = a_record()
    assert timeline(record, ended=False) == timeline(record)[:-1]
