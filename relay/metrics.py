"""Metrics for Prometheus: what has been, counted when a session ends, and what is, when asked.

Nothing here is touched while messages flow. Every label has few values: names are those of the
configuration and of the price table, and all others are ``other``, since clients choose them.
"""

from __future__ import annotations

import time
from collections import Counter as Tally
from collections.abc import Iterable, Iterator
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from relay.latency import BOUNDS
from relay.live_sessions import Glance, LiveState
from relay.prices import Prices
from relay.records.session_record import Direction, Outcome, SessionRecord

__all__ = ["CONTENT_TYPE_LATEST", "Live", "Metrics", "close_class"]

_OTHER = "other"
_OPENING = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_AUDIO = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10)
_LONG = (1, 5, 15, 60, 180, 600, 1800, 3600, 7200)
_WHO = ("gateway", "provider")


class Writer(Protocol):
    """What brings records to a sink, as far as it is counted."""

    written: int
    lost: int

    @property
    def name(self) -> str:
        """The sink's."""

    @property
    def waiting(self) -> int:
        """Records that are not written yet."""


class Live(Protocol):
    """What can be asked of a running server."""

    def glances(self) -> Iterable[Glance]:
        """What each session that is open or being opened is doing."""

    def is_draining(self) -> bool:
        """Whether it opens no more sessions."""

    def writers(self) -> Iterable[Writer]:
        """What brings records to where they go."""


class Metrics:
    """All metrics of a relay.

    Args:
        live: Asked at each scrape.
        prices: Name the models that have labels of their own.
    """

    def __init__(self, live: Live, prices: Prices) -> None:
        self.prices = prices
        self._registry = registry = CollectorRegistry()
        self._sessions = Counter(
            "relay_sessions",
            "Sessions that ended, and openings of authenticated clients that led to none.",
            (*_WHO, "outcome"),
            registry=registry,
        )
        self._durations = Histogram(
            "relay_session_duration_seconds",
            "From the 101 to the end.",
            _WHO,
            buckets=_LONG,
            registry=registry,
        )
        self._steps = Histogram(
            "relay_opening_seconds",
            "What each step of an opening took.",
            ("step",),
            buckets=_OPENING,
            registry=registry,
        )
        self._first_audio = Histogram(
            "relay_first_audio_seconds",
            "From the 101 to the provider's first audio.",
            ("provider",),
            buckets=_AUDIO,
            registry=registry,
        )
        self._turn_audio = Histogram(
            "relay_turn_first_audio_seconds",
            "From the beginning of a turn to its first audio.",
            ("provider",),
            buckets=_AUDIO,
            registry=registry,
        )
        self._backpressure = Counter(
            "relay_backpressure_seconds",
            "Time in which a receiver held up its sender, in sessions that ended.",
            (*_WHO, "direction"),
            registry=registry,
        )
        self._usage = Counter(
            "relay_usage", "What providers did.", (*_WHO, "model", "unit"), registry=registry
        )
        self._cost = Counter(
            "relay_cost_dollars",
            "What that cost, where prices are known.",
            (*_WHO, "model"),
            registry=registry,
        )
        self._unpriced = Counter(
            "relay_unpriced_sessions",
            "Sessions whose cost is not wholly known.",
            _WHO,
            registry=registry,
        )
        self._closes = Counter(
            "relay_closes",
            "Close frames: what a side sent, and what it was sent.",
            ("side", "way", "code"),
            registry=registry,
        )
        self._refusals = Counter(
            "relay_refusals",
            "Openings that were refused.",
            ("by", "status", "code"),
            registry=registry,
        )
        started = Gauge("relay_started_seconds", "When it began, in Unix time.", registry=registry)
        started.set(time.time())
        self._scraped = _Scraped(live)
        registry.register(self._scraped)
        PlatformCollector(registry=registry)
        ProcessCollector(registry=registry)

    def exposition(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self._registry)

    def refused(self, by: str, status: int, code: int | None) -> None:
        """Count a refusal, by the ``relay`` or the ``provider``, of whoever it was."""
        self._refusals.labels(by, str(status), "none" if code is None else str(code)).inc()

    def ended(self, record: SessionRecord) -> None:
        """Count what a record says; also one that nobody keeps."""
        who = record.gateway, record.provider or _OTHER
        self._sessions.labels(*who, record.outcome.value).inc()
        for step, took in record.steps.items():
            self._steps.labels(step).observe(took)
        if record.outcome in {Outcome.REFUSED, Outcome.ABANDONED}:
            return
        self._durations.labels(*who).observe(record.duration)
        if record.first_audio is not None:
            self._first_audio.labels(who[1]).observe(record.first_audio)
        for turn in record.turns:
            if turn.first_audio is not None:
                self._turn_audio.labels(who[1]).observe(turn.first_audio - turn.began)
        for direction, side in (("inbound", record.client), ("outbound", record.provider_side)):
            self._backpressure.labels(*who, direction).inc(side.waited)
            self._scraped.add(who, direction, side)
        self._scraped.add_latency(who[1], record.added_latency)
        self._count_usage(who, record)
        for side_name, side in (("client", record.client), ("provider", record.provider_side)):
            self._closes.labels(side_name, "sent", close_class(side.close_code)).inc()
            self._closes.labels(side_name, "received", close_class(side.told_code)).inc()

    def _count_usage(self, who: tuple[str, str], record: SessionRecord) -> None:
        if record.cost is None:
            self._unpriced.labels(*who).inc()
        for work in record.usage or ():
            model = self.prices.name_of(record.provider, work.model) or _OTHER
            for unit, count in work.usage.counted().items():
                self._usage.labels(*who, model, unit).inc(float(count))
            if work.cost is not None:
                self._cost.labels(*who, model).inc(float(work.cost))


def close_class(code: int | None) -> str:
    """A close code as a label: those of RFC 6455 and its registry as they are."""
    if code is None:
        return "none"
    if code in range(1000, 1015):
        return str(code)
    return f"{code // 1000}xxx" if code in range(3000, 5000) else _OTHER


class _Scraped(Collector):
    """What is, when it is asked for; and totals that grow while sessions are open."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._totals: dict[str, Tally[tuple[str, str, str]]] = {
            "bytes": Tally(),
            "messages": Tally(),
        }
        self._latency: dict[str, list[int]] = {}

    def add(self, who: tuple[str, str], direction: str, side: Direction) -> None:
        """Count a direction of a session that has ended."""
        self._totals["bytes"][*who, direction] += side.bytes
        self._totals["messages"][*who, direction] += side.messages

    def add_latency(self, provider: str, counts: Iterable[int]) -> None:
        """Count the chunks of a session that has ended."""
        known = self._latency.setdefault(provider, [0] * (len(BOUNDS) + 1))
        for number, count in enumerate(counts):
            known[number] += count

    def collect(self) -> Iterator[Metric]:
        """What Prometheus is told."""
        sessions: Tally[tuple[str, str]] = Tally()
        totals = {name: tally.copy() for name, tally in self._totals.items()}
        for each in self._live.glances():
            if each.state is LiveState.OPENING:
                continue
            who = each.record.gateway, each.record.provider
            sessions[who] += 1
            inbound, outbound = (*who, "inbound"), (*who, "outbound")
            totals["bytes"][inbound] += each.bytes_in
            totals["bytes"][outbound] += each.bytes_out
            totals["messages"][inbound] += each.messages_in
            totals["messages"][outbound] += each.messages_out
        is_open = GaugeMetricFamily("relay_sessions_open", "Sessions that are open.", labels=_WHO)
        for who, count in sessions.items():
            is_open.add_metric(who, count)
        yield is_open
        for name, help_text in (
            ("bytes", "Bytes carried, frame headers included."),
            ("messages", "Messages carried."),
        ):
            family = CounterMetricFamily(f"relay_{name}", help_text, labels=(*_WHO, "direction"))
            for labels, count in totals[name].items():
                family.add_metric(labels, count)
            yield family
        yield self._latency_family()
        draining = GaugeMetricFamily("relay_draining", "1 while no session may open any more.")
        draining.add_metric((), self._live.is_draining())
        yield draining
        yield from self._records()

    def _latency_family(self) -> Metric:
        family = HistogramMetricFamily(
            "relay_added_latency_seconds",
            "From the reading of a chunk to its writing, in sessions that ended.",
            labels=("provider",),
        )
        for provider, counts in self._latency.items():
            total = 0
            buckets = []
            for bound, count in zip((*BOUNDS, "+Inf"), counts, strict=True):
                total += count
                buckets.append((str(bound), total))
            family.add_metric((provider,), buckets, sum_value=None)
        return family

    def _records(self) -> Iterator[Metric]:
        waiting = GaugeMetricFamily(
            "relay_records_waiting", "Records that are not written yet.", labels=("sink",)
        )
        written = CounterMetricFamily(
            "relay_records_written", "Records that were written.", labels=("sink",)
        )
        lost = CounterMetricFamily(
            "relay_records_lost", "Records that never will be written.", labels=("sink",)
        )
        for writer in self._live.writers():
            waiting.add_metric((writer.name,), writer.waiting)
            written.add_metric((writer.name,), writer.written)
            lost.add_metric((writer.name,), writer.lost)
        yield from (waiting, written, lost)
