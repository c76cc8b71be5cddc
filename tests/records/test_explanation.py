"""Tests of relay.records.explanation."""

from __future__ import annotations

from typing import Any

import pytest

from relay.protocol import closing
from relay.records.explanation import explain, seconds, timeline
from relay.records.session_record import Direction, Outcome, Turn
from tests.records.samples import a_record

THREE_THOUSAND = Direction(close_code=3000, close_reason="insufficient_quota")
BROKEN = Outcome.BROKEN
ENDED = Outcome.ENDED


LOST = Direction(told_code=1011, told_reason="upstream connection lost")
REFUSED = Outcome.REFUSED
ABANDONED = Outcome.ABANDONED
NOTHING = Direction()


def by_client(code: int = 1000, last_activity: float | None = None) -> dict[str, Any]:
    """The client closed."""
    client = Direction(close_code=code, last_activity=last_activity)
    return {"ended_by": "client", "cause": "closed", "client": client}


def by_provider(cause: str, **changes: Any) -> dict[str, Any]:
    """The provider was the cause, and the client was told so."""
    return {"ended_by": "provider", "cause": cause, "outcome": BROKEN, "client": LOST, **changes}


def by_relay(cause: closing.Cause, **changes: Any) -> dict[str, Any]:
    """The relay was."""
    return {"ended_by": "relay", "cause": cause.name, "outcome": ENDED, **changes}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        # A Close
        (
            by_provider("closed", provider_side=THREE_THOUSAND),
            "the provider closed with 3000 insufficient_quota after 4.2 s",
        ),
        (by_client(1005), "the client closed without a code after 4.2 s"),
        (by_client(last_activity=3.5), "the client closed with 1000 after 3.5 s"),
        (
            by_client() | {"error": "bad"},
            "the client closed with 1000 after 4.2 s, and the provider broke the protocol (bad)",
        ),
        (
            by_client(last_activity=3.2) | {"cause": closing.CLOSE_TIMEOUT.name},
            "the client closed with 1000 after 3.2 s, and the provider did not answer",
        ),
        (
            by_provider(closing.CLOSE_TIMEOUT.name, provider_side=Direction(close_code=1000)),
            "the provider closed with 1000 after 4.2 s, and the client did not answer",
        ),
        # A code that accuses
        (
            by_client(1002),
            (
                "the client closed with 1002 after 4.2 s, which says that the provider sent what "
                "breaks the protocol"
            ),
        ),
        (
            by_client(1009) | {"lane": "messages"},
            "the client closed with 1009 after 4.2 s, which says that it got too big a message",
        ),
        (
            by_client(1007),
            (
                "the client closed with 1007 after 4.2 s, which says that the provider sent data "
                "that do not fit their type, such as text that is not UTF-8"
            ),
        ),
        (
            by_provider("closed", provider_side=Direction(close_code=1009)),
            (
                "the provider closed with 1009 after 4.2 s, which says that the client sent too "
                "big a message"
            ),
        ),
        # A client that may have had enough
        (
            by_client() | {"first_message": None, "provider_side": Direction(bytes=1234)},
            (
                "the client closed with 1000 after 4.2 s, when the provider had sent 1,234 bytes "
                "and no whole message"
            ),
        ),
        (
            by_client() | {"first_message": None, "provider_side": Direction(bytes=1)},
            (
                "the client closed with 1000 after 4.2 s, when the provider had sent 1 byte and "
                "no whole message"
            ),
        ),
        (
            by_client()
            | {"first_message": None, "provider_side": Direction(bytes=4, close_code=1000)},
            "the client closed with 1000 after 4.2 s, when the provider had sent no message",
        ),
        (
            by_client() | {"first_message": None, "provider_side": Direction(messages=1)},
            "the client closed with 1000 after 4.2 s, when the provider had sent no message",
        ),
        (
            by_client()
            | {
                "first_message": None,
                "provider_side": Direction(messages=1),
                "usage_missing": "not measured",
            },
            "the client closed with 1000 after 4.2 s",
        ),
        (
            by_client(last_activity=9.5) | {"provider_side": Direction(last_activity=4.5)},
            "the client closed with 1000 after 9.5 s, when the provider had sent nothing for 5 s",
        ),
        (
            by_client(last_activity=9.5) | {"provider_side": Direction(last_activity=4.6)},
            "the client closed with 1000 after 9.5 s",
        ),
        (
            by_client() | {"steps": {"head": 0.1, "upstream": 5.0}},
            (
                "the client closed with 1000 after 4.2 s, when the provider had taken 5 s to "
                "answer the opening"
            ),
        ),
        (
            by_client(last_activity=9.5)
            | {
                "steps": {"upstream": 6.0},
                "provider_side": Direction(last_activity=1.5),
                "cause": closing.CLOSE_TIMEOUT.name,
            },
            (
                "the client closed with 1000 after 9.5 s, and the provider, which had taken 6 s "
                "to answer the opening and had sent nothing for 8 s, did not answer"
            ),
        ),
        (
            by_client(last_activity=20)
            | {
                "steps": {"upstream": 6.0},
                "provider_side": Direction(slowest_message=5.5, waited=0.5, last_activity=10),
            },
            (
                "the client closed with 1000 after 20 s, when the provider had taken 6 s to answer "
                "the opening and had taken 5.5 s over one message and had sent nothing for 10 s"
            ),
        ),
        (
            by_client() | {"provider_side": Direction(slowest_message=5.5, waited=0.6)},
            "the client closed with 1000 after 4.2 s",
        ),
        (
            {"ended_by": "client", "cause": "vanished", "outcome": BROKEN, "first_message": None}
            | {"provider_side": NOTHING, "error": "by a reset"},
            (
                "the client vanished without a Close after 4.2 s, by a reset, when the provider "
                "had sent no message"
            ),
        ),
        # No Close
        (
            {"ended_by": "client", "cause": "vanished", "outcome": BROKEN},
            "the client vanished without a Close after 4.2 s",
        ),
        (
            by_provider("vanished"),
            (
                "the provider vanished without a Close after 4.2 s, and the client was told 1011 "
                "upstream connection lost"
            ),
        ),
        (
            by_provider(
                "vanished", client=Direction(close_code=1000, told_code=1000), error="by a reset"
            ),
            (
                "the provider vanished without a Close after 4.2 s, by a reset, and the client "
                "closed with 1000 before it was told"
            ),
        ),
        (
            {"ended_by": "client", "cause": "vanished", "outcome": BROKEN}
            | {"provider_side": THREE_THOUSAND},
            (
                "the client vanished without a Close after 4.2 s, and the provider closed with "
                "3000 insufficient_quota before it was told"
            ),
        ),
        (
            by_provider("vanished", client=NOTHING, error="in the middle of a frame"),
            (
                "the provider vanished without a Close after 4.2 s, in the middle of a frame, and "
                "the client got no Close"
            ),
        ),
        # A violation
        (
            by_provider("violation", error="bad bit", provider_side=Direction(told_code=1002)),
            (
                "the provider broke the protocol after 4.2 s (bad bit), and the client was told "
                "1011 upstream connection lost"
            ),
        ),
        (
            by_client() | {"cause": "violation", "error": "too big"},
            "the client broke the protocol or a limit after 4.2 s (too big) and was told nothing",
        ),
        (
            by_client()
            | {
                "cause": "violation",
                "error": "message too big",
                "client": Direction(told_code=1009, last_activity=2.5),
            },
            "the client broke a limit of the relay after 2.5 s (message too big) and was told 1009",
        ),
        (
            by_client()
            | {"cause": "violation", "error": "model", "client": Direction(told_code=1008)},
            "the client broke a rule of the gateway after 4.2 s (model) and was told 1008",
        ),
        # Nothing more
        (
            {"ended_by": "client", "cause": closing.CLIENT_STALLED.name, "outcome": BROKEN}
            | {"provider_side": Direction(last_activity=1.2)},
            "the client took nothing for 3 s, so the relay ended it after 4.2 s",
        ),
        (
            by_provider(closing.UPSTREAM_STALLED.name),
            (
                "the provider took nothing, so the relay ended it after 4.2 s, and the client was "
                "told 1011 upstream connection lost"
            ),
        ),
        (
            by_provider(closing.UPSTREAM_SILENT.name),
            (
                "the provider fell silent and answered no Ping, so the relay ended it after 4.2 "
                "s, and the client was told 1011 upstream connection lost"
            ),
        ),
        (
            by_provider(closing.UPSTREAM_LOST.name),
            (
                "the connection to the provider was lost after 4.2 s, and the client was told "
                "1011 upstream connection lost"
            ),
        ),
        # The relay
        (
            by_relay(closing.IDLE, client=NOTHING, provider_side=NOTHING),
            "the relay ended it after 4.2 s because no byte came from either side",
        ),
        (
            by_relay(closing.IDLE, client=NOTHING, provider_side=Direction(last_activity=1.2)),
            (
                "the relay ended it after 4.2 s because no byte came from either side for 3 s, "
                "the last from the provider"
            ),
        ),
        (
            by_relay(
                closing.IDLE,
                client=Direction(last_activity=2.2),
                provider_side=Direction(last_activity=1.2),
            ),
            (
                "the relay ended it after 4.2 s because no byte came from either side for 2 s, "
                "the last from the client"
            ),
        ),
        (
            by_relay(closing.IDLE, client=Direction(last_activity=2.2), provider_side=NOTHING),
            (
                "the relay ended it after 4.2 s because no byte came from either side for 2 s, "
                "the last from the client"
            ),
        ),
        (
            by_relay(closing.operator(""), error="over budget"),
            "the operator ended it after 4.2 s: over budget",
        ),
        (
            by_relay(closing.policy(""), error="maximum duration reached"),
            "the relay ended it after 4.2 s: maximum duration reached",
        ),
        (
            by_relay(closing.FAULT, error="KeyError"),
            "the relay ended it after 4.2 s because of a fault of its own (KeyError)",
        ),
        # No session at all
        (
            {"outcome": REFUSED, "ended_by": "relay", "status": 403, "code": 2010, "error": "no"},
            "the relay refused it with 403, code 2010: no",
        ),
        (
            {"outcome": REFUSED, "ended_by": "relay", "status": 504, "code": 2101, "error": "slow"}
            | {"steps": {"head": 0.5, "connect": 1.0, "unfinished": 10.0}},
            "slow, so the relay refused it after 11.5 s with 504, code 2101",
        ),
        (
            {"outcome": REFUSED, "ended_by": "provider", "status": 429, "error": "busy"},
            "the provider refused it with 429",
        ),
        (
            {"outcome": REFUSED, "status": 0, "error": "it was told to stop"},
            "the relay gave it up during the opening: it was told to stop",
        ),
        (
            {"outcome": ABANDONED, "steps": {"head": 0.5, "authorise": 0.5, "unfinished": 3.0}},
            (
                "the client left during the opening after 4 s, when the provider had not been "
                "reached for 3 s"
            ),
        ),
        (
            {"outcome": ABANDONED, "steps": {"head": 0.5, "connect": 0.5, "unfinished": 3.0}},
            (
                "the client left during the opening after 4 s, when the provider had not answered "
                "for 3 s"
            ),
        ),
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
        (0.25, "the client's request had come, after 250 ms"),
        (0.75, "connected to the provider, after 500 ms"),
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


def test_what_a_side_sent_last_is_told_unless_it_ended_the_session() -> None:
    client, provider = Direction(last_activity=2.0), Direction(last_activity=3.0)
    sides: dict[str, Any] = {"client": client, "provider_side": provider, "steps": {}}
    bare: dict[str, Any] = {
        "first_message": None,
        "first_audio": None,
        "turns": [],
        "duration": 5.0,
    }
    idle = timeline(a_record(ended_by="relay", cause=closing.IDLE.name, **sides, **bare))
    assert idle[1:-1] == [
        (2.0, "last bytes of the client before the end"),
        (3.0, "last bytes of the provider before the end"),
    ]
    vanished = timeline(a_record(ended_by="provider", cause="vanished", **sides, **bare))
    assert vanished[1:-1] == [(2.0, "last bytes of the client before the end")]
    sides["client"] = Direction(close_code=1000, last_activity=4.0)
    timed_out = a_record(ended_by="client", cause=closing.CLOSE_TIMEOUT.name, **sides, **bare)
    assert timeline(timed_out)[1:] == [
        (3.0, "last bytes of the provider before the end"),
        (4.0, explain(timed_out)),
        (5.0, "the provider had not answered for 1 s"),
    ]


@pytest.mark.parametrize(
    ("of_the_provider", "last"),
    [
        ({"first_message": 3.1}, 3.1),
        ({"first_audio": 3.1}, 3.1),
        ({"turns": [Turn(1.0, first_audio=3.1)]}, 3.1),
        ({"turns": [Turn(1.0, ended=3.1)]}, 3.1),
        ({"turns": [Turn(1.0, ended=3.1, interrupted=True)]}, 3.0),  # perhaps by the client
        ({"turns": [Turn(3.1)]}, 3.0),  # likewise
        ({"first_message": 5.1}, 3.0),  # after the end
    ],
)
def test_nothing_of_the_provider_comes_after_its_last_bytes(
    of_the_provider: dict[str, Any], last: float
) -> None:
    record = a_record(
        **{"first_message": None, "first_audio": None, "turns": [], "steps": {}}
        | by_client(last_activity=5.0)
        | {"duration": 6.0, "provider_side": Direction(last_activity=3.0)}
        | of_the_provider
    )
    shown = timeline(record)
    (moment,) = [each for each in shown if each[1] == "last bytes of the provider before the end"]
    assert moment[0] == last
    assert last < 3.1 or shown[-2] == moment


def test_a_message_that_came_with_the_providers_close_was_before_it() -> None:
    sides = {"provider_side": Direction(last_activity=3.0, close_code=1000)}
    bare: dict[str, Any] = {"first_audio": None, "turns": [], "steps": {}}
    record = a_record(first_message=3.1, duration=6.0, **by_provider("closed", **sides), **bare)
    assert timeline(record)[1:] == [
        (3.1, "first message of the provider"),
        (3.1, "the provider closed with 1000 after 3.1 s"),
    ]


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ({"proxy": 1.0, "connect": 1.0}, "connected to the proxy, after 1 s"),
        ({"unfinished": 1.0}, "the opening got no further, after 1 s"),
        ({"of a later relay": 1.0}, "of a later relay, after 1 s"),
    ],
)
def test_steps_in_words(steps: dict[str, float], words: str) -> None:
    record = a_record(outcome=REFUSED, ended_by="relay", steps=steps)
    assert words in [what for _, what in timeline(record)]


def test_a_provider_that_refuses_has_answered() -> None:
    steps = {"connect": 1.0, "unfinished": 2.0}
    record = a_record(outcome=REFUSED, ended_by="provider", status=429, steps=steps)
    assert timeline(record)[1:] == [
        (3.0, "the provider answered with 429, after 2 s"),
        (3.0, "the provider refused it with 429"),
    ]


def test_what_was_heard_without_the_client_comes_after_its_end() -> None:
    record = a_record(
        steps={},
        first_message=0.0,
        first_audio=None,
        turns=[Turn(4.0, ended=11.0)],
        ended_by="client",
        duration=12.0,
        lingered=2.0,
        cause="closed",
    )
    assert timeline(record)[2:] == [
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
        *((0.9994, "999 ms"), (0.9996, "1 s")),
        *((61.0, "1 min 1 s"), (3600.0, "1 h 0 min"), (7384.0, "2 h 3 min")),
    ],
)
def test_times_for_people(value: float, text: str) -> None:
    assert seconds(value) == text


def test_an_open_session_has_no_end() -> None:
    record = a_record()
    assert timeline(record, ended=False) == timeline(record)[:-1]
