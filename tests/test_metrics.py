"""Tests of relay.metrics."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

import pytest
from prometheus_client.parser import text_string_to_metric_families

from relay.live_sessions import Glance, LiveState
from relay.metrics import Metrics, close_class
from relay.prices import Prices
from relay.protocol.usage import Usage
from relay.records.session_record import Direction, Outcome, SessionRecord, Turn, Work
from tests.records.samples import a_record

PRICES = Prices("test", {"openai": {"gpt-realtime*": {"input_audio_tokens": Fraction(1)}}})


@dataclass
class Writer:
    name: str = "store"
    waiting: int = 2
    written: int = 5
    lost: int = 1


@dataclass
class Relay:
    """A server that says of itself what a test wants."""

    open: list[Glance] = field(default_factory=list)
    draining: bool = False

    def glances(self) -> Iterable[Glance]:
        return self.open

    def is_draining(self) -> bool:
        return self.draining

    def writers(self) -> Iterable[Writer]:
        return [Writer()]


class Samples:
    """What Prometheus reads, by name and the values of the labels."""

    def __init__(self, metrics: Metrics) -> None:
        self._samples = {
            (sample.name, *sorted(sample.labels.values())): sample.value
            for family in text_string_to_metric_families(metrics.exposition().decode())
            for sample in family.samples
        }

    def __getitem__(self, wanted: tuple[str, ...]) -> float:
        name, *values = wanted
        return self._samples[(name, *sorted(values))]

    def names(self) -> set[str]:
        return {key[0] for key in self._samples}


def counted(*records: SessionRecord, live: Relay | None = None) -> Samples:
    metrics = Metrics(live or Relay(), PRICES)
    for record in records:
        metrics.ended(record)
    return Samples(metrics)


def test_what_a_session_was_is_counted_when_it_ends() -> None:
    found = counted(
        a_record(
            duration=12.5,
            first_audio=0.25,
            client=Direction(messages=3, bytes=1000, waited=0.5, close_code=1000),
            provider_side=Direction(messages=7, bytes=9000, told_code=1000),
            added_latency=(2, 1) + (0,) * 14 + (1,),
            usage=(
                Work("gpt-realtime-2", Usage(input_audio_tokens=4), Decimal(4)),
                Work("unheard-of", Usage(session_seconds=Decimal("1.5"))),
            ),
            cost=None,
            turns=[Turn(1.0, first_audio=1.25), Turn(2.0)],
        ),
        a_record(duration=0.5, cost=Decimal(1)),
    )
    who = ("acct/main", "openai")
    assert found["relay_sessions_total", *who, "completed"] == 2
    assert found["relay_session_duration_seconds_bucket", *who, "1.0"] == 1
    assert found["relay_session_duration_seconds_sum", *who] == 13
    assert found["relay_opening_seconds_bucket", "connect", "0.025"] == 2
    assert found["relay_first_audio_seconds_bucket", "openai", "0.2"] == 0
    assert found["relay_first_audio_seconds_bucket", "openai", "0.3"] == 2
    assert found["relay_turn_first_audio_seconds_count", "openai"] == 2
    assert found["relay_bytes_total", *who, "inbound"] == 2000
    assert found["relay_messages_total", *who, "outbound"] == 7
    assert found["relay_backpressure_seconds_total", *who, "inbound"] == 0.5
    assert found["relay_added_latency_seconds_bucket", "openai", "1.6384e-05"] == 2
    assert found["relay_added_latency_seconds_bucket", "openai", "3.2768e-05"] == 3
    assert found["relay_added_latency_seconds_bucket", "openai", "+Inf"] == 4
    assert found["relay_usage_total", *who, "gpt-realtime*", "input_audio_tokens"] == 7
    assert found["relay_usage_total", *who, "other", "session_seconds"] == 2.75
    assert found["relay_cost_dollars_total", *who, "gpt-realtime*"] == pytest.approx(4.000224)
    assert found["relay_unpriced_sessions_total", *who] == 1
    assert found["relay_closes_total", "client", "sent", "1000"] == 2
    assert found["relay_closes_total", "provider", "received", "1000"] == 2
    assert found["relay_closes_total", "provider", "sent", "none"] == 2


def test_what_never_opened_has_an_outcome_and_steps_and_no_more() -> None:
    found = counted(a_record(outcome=Outcome.REFUSED, provider=""))
    assert found["relay_sessions_total", "acct/main", "other", "refused"] == 1
    assert found["relay_opening_seconds_count", "connect"] == 1
    assert "relay_bytes_total" not in found.names()


def test_totals_grow_while_sessions_are_open() -> None:
    talking = Glance(
        a_record(),
        LiveState.TALKING,
        1.0,
        bytes_in=10,
        bytes_out=20,
        messages_in=1,
        messages_out=2,
    )
    opening = Glance(a_record(), LiveState.OPENING, 1.0)
    live = Relay([talking, opening, talking], draining=True)
    found = counted(a_record(), live=live)
    who = ("acct/main", "openai")
    assert found["relay_sessions_open", *who] == 2
    assert found["relay_bytes_total", *who, "inbound"] == 1020
    assert found["relay_messages_total", *who, "outbound"] == 4
    assert found["relay_draining",] == 1


def test_refusals_are_counted_of_whoever_they_were() -> None:
    metrics = Metrics(Relay(), PRICES)
    metrics.refused("relay", 401, 2009)
    metrics.refused("relay", 401, 2009)
    metrics.refused("provider", 429, None)
    found = Samples(metrics)
    assert found["relay_refusals_total", "relay", "401", "2009"] == 2
    assert found["relay_refusals_total", "provider", "429", "none"] == 1


def test_the_sinks_of_records_are_watched() -> None:
    found = counted()
    assert found["relay_records_waiting", "store"] == 2
    assert found["relay_records_written_total", "store"] == 5
    assert found["relay_records_lost_total", "store"] == 1


@pytest.mark.parametrize(
    ("code", "label"),
    [
        *((None, "none"), (1000, "1000"), (1005, "1005"), (1014, "1014"), (1015, "other")),
        *((2999, "other"), (3000, "3xxx"), (4999, "4xxx"), (5000, "other"), (0, "other")),
    ],
)
def test_close_codes_have_few_labels(code: int | None, label: str) -> None:
    assert close_class(code) == label
