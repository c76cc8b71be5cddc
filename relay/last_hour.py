"""What a relay did in the last hour, in steps of ten seconds: for plots.

Counted when a session opens or ends, and looked at once a step: nothing of it is touched while
messages flow.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

import trio

from relay.latency import quantile
from relay.live_sessions import Glance, LiveState
from relay.records.session_record import Outcome, SessionRecord, Turn

__all__ = ["STEP", "LastHour", "Refusal", "Step"]

STEP = 10.0
"""Seconds."""

_STEPS = 360
_AT_ONCE = 100  # sessions that are looked at before others have their turn


class Refusal(NamedTuple):
    """What an opening was refused with."""

    by: str
    """``relay`` or ``provider``."""
    status: int
    code: int | None


@dataclass(slots=True)
class Step:
    """What happened in ten seconds. Times are seconds; None where there was nothing to time."""

    ended_at: float
    """Unix time."""
    sessions: int
    """Open at its end."""
    openings: int
    """Sessions that got their 101."""
    ended: int
    bytes_in: int
    bytes_out: int
    refusals: Mapping[Refusal, int]
    first_audio: tuple[float | None, float | None]
    """From the beginning of a turn to its first audio: half, and 95 % of them, took no longer."""
    added_latency: tuple[float | None, float | None, float | None]
    """Likewise from the reading of a chunk to its writing: half, 95 % and 99 %."""


@dataclass(slots=True)
class _Totals:
    """Of all sessions since the relay began."""

    bytes_in: int = 0
    bytes_out: int = 0
    latency: list[int] = field(default_factory=list)

    def add(self, bytes_in: int, bytes_out: int, latency: Sequence[int]) -> None:
        self.bytes_in += bytes_in
        self.bytes_out += bytes_out
        if latency:
            known = self.latency or [0] * len(latency)
            self.latency = [old + new for old, new in zip(known, latency, strict=True)]


class Live(Protocol):
    """What can be asked of the sessions of a running server."""

    def glances(self) -> Iterable[Glance]:
        """What each that is open or being opened is doing."""


class LastHour:
    """Knows it while :meth:`run` runs.

    Args:
        live: The sessions.
    """

    def __init__(self, live: Live) -> None:
        self._live = live
        self.steps: deque[Step] = deque(maxlen=_STEPS)
        """The oldest first."""
        self._openings = 0
        self._ended = 0
        self._refusals: Counter[Refusal] = Counter()
        self._waits: list[float] = []
        self._of_ended = _Totals()
        self._before = _Totals()
        self._looked_at = trio.current_time()

    def opened(self) -> None:
        """Count a session that has its 101."""
        self._openings += 1

    def refused(self, by: str, status: int, code: int | None) -> None:
        """Count a refusal, of whoever it was."""
        self._refusals[Refusal(by, status, code)] += 1

    def ended(self, record: SessionRecord) -> None:
        """Count a session that was open."""
        if record.outcome in {Outcome.REFUSED, Outcome.ABANDONED}:
            return
        self._ended += 1
        latency = record.added_latency
        self._of_ended.add(record.client.bytes, record.provider_side.bytes, latency)
        opened_at = trio.current_time() - record.duration
        self._waits += _waits(opened_at, record.turns, record.first_audio, self._looked_at)

    async def run(self) -> None:
        """Look once a step, until cancelled."""
        while True:
            await trio.sleep_until(self._looked_at + STEP)
            await self._look()

    async def _look(self) -> None:
        # Sessions end while this goes on. They are counted here, and no more in this step.
        since, self._looked_at = self._looked_at, trio.current_time()
        openings, ended, refusals = self._openings, self._ended, self._refusals
        waits, self._waits = self._waits, []
        self._openings, self._ended, self._refusals = 0, 0, Counter()
        totals = replace(self._of_ended)
        is_open = 0
        for number, each in enumerate(self._live.glances(), 1):
            if each.state is not LiveState.OPENING:
                is_open += 1
                totals.add(each.bytes_in, each.bytes_out, each.latency)
                opened_at = trio.current_time() - each.duration
                waits += _waits(opened_at, each.turns, each.first_audio, since)
            if number % _AT_ONCE == 0:
                await trio.lowlevel.checkpoint()
        before, self._before = self._before, totals
        known = before.latency or [0] * len(totals.latency)
        latency = [new - old for new, old in zip(totals.latency, known, strict=True)]
        waits.sort()
        self.steps.append(
            Step(
                ended_at=time.time(),
                sessions=is_open,
                openings=openings,
                ended=ended,
                bytes_in=totals.bytes_in - before.bytes_in,
                bytes_out=totals.bytes_out - before.bytes_out,
                refusals=refusals,
                first_audio=(_quantile(waits, 0.5), _quantile(waits, 0.95)),
                added_latency=(
                    quantile(latency, 0.5),
                    quantile(latency, 0.95),
                    quantile(latency, 0.99),
                ),
            )
        )


def _waits(
    opened_at: float, turns: Sequence[Turn], first_audio: float | None, since: float
) -> Iterator[float]:
    """How long clients waited for audio that has come since a moment."""
    if not turns and first_audio is not None and opened_at + first_audio > since:
        yield first_audio
    for turn in reversed(turns):
        if turn.ended is not None and opened_at + turn.ended <= since:
            return
        if turn.first_audio is not None and opened_at + turn.first_audio > since:
            yield turn.first_audio - turn.began


def _quantile(values: Sequence[float], share: float) -> float | None:
    """Of values in their order."""
    return values[min(len(values) - 1, int(len(values) * share))] if values else None
