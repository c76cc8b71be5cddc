"""How long chunks stay in the relay: a histogram that costs next to nothing to keep."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from time import perf_counter_ns as clock

__all__ = ["BOUNDS", "SHORTEST", "Latency", "clock", "quantile"]

SHORTEST = 14  # bits: 2**14 nanoseconds
_BUCKETS = 16

BOUNDS: tuple[float, ...] = tuple(2 ** (SHORTEST + number) / 1e9 for number in range(_BUCKETS))
"""Upper bounds of the buckets, in seconds: 16.4 µs, and twice as much from each to the next, up to
half a second. What took longer is counted after the last one."""


class Latency:
    """The times of one session, both directions together."""

    __slots__ = ("counts",)

    def __init__(self) -> None:
        self.counts = [0] * (_BUCKETS + 1)
        """By bucket."""

    def add(self, nanoseconds: int) -> None:
        """Count one chunk."""
        try:
            self.counts[(nanoseconds >> SHORTEST).bit_length()] += 1
        except IndexError:
            self.counts[-1] += 1


def quantile(counts: Sequence[int], share: float) -> float | None:
    """The time that a share of the chunks took at most, in seconds; None if there were none.

    It is the upper bound of a bucket; the last bound stands for all that is longer, too.

    Args:
        counts: By bucket, as of :class:`Latency`.
        share: From 0 to 1.
    """
    counted = list(accumulate(counts))
    wanted = share * counted[-1] if counted else 0.0
    if not wanted:
        return None
    return BOUNDS[min(bisect_left(counted, wanted), len(BOUNDS) - 1)]
