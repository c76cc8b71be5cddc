"""Tests of relay.latency."""

from __future__ import annotations

from bisect import bisect_right

from hypothesis import given
from hypothesis import strategies as st

from relay.latency import BOUNDS, Latency


@given(st.integers(0, 10**10))
def test_a_time_is_counted_below_the_first_bound_that_it_does_not_reach(nanoseconds: int) -> None:
    latency = Latency()
    latency.add(nanoseconds)
    expected = [0] * (len(BOUNDS) + 1)
    expected[bisect_right(BOUNDS, nanoseconds / 1e9)] = 1
    assert latency.counts == expected
