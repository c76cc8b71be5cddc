"""How long chunks stay in the relay: a histogram that costs next to nothing to keep."""

from __future__ import annotations

from time import perf_counter_ns as clock

__all__ = ["BOUNDS", "SHORTEST", "Latency", "clock"]

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
