"""Tests of relay.latency."""

from __future__ import annotations

from bisect import bisect_right

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.latency import BOUNDS, Latency, quantile


@given(st.integers(0, 10**10))
def test_a_time_is_counted_below_the_first_bound_that_it_does_not_reach(nanoseconds: int) -> None:
    latency = Latency()
    latency.add(nanoseconds)
    expected = [0] * (len(BOUNDS) + 1)
    expected[bisect_right(BOUNDS, nanoseconds / 1e9)] = 1
    assert latency.counts == expected


@pytest.mark.parametrize(
    ("counts", "share", "expected"),
    [
        ([], 0.5, None),
        ([0] * 17, 0.5, None),
        ([1, *[0] * 16], 0.99, BOUNDS[0]),
        ([1, 1, *[0] * 15], 0.5, BOUNDS[0]),
        ([1, 2, *[0] * 14], 0.5, BOUNDS[1]),
        ([98, *[0] * 15, 2], 0.5, BOUNDS[0]),
        ([98, *[0] * 15, 2], 0.99, BOUNDS[-1]),
    ],
)
def test_a_quantile_is_the_bound_of_a_bucket(
    counts: list[int], share: float, expected: float | None
) -> None:
    assert quantile(counts, share) == expected


@given(st.lists(st.integers(0, 1000), min_size=17, max_size=17), st.sampled_from([0.5, 0.95, 0.99]))
def test_a_quantile_is_the_first_bound_that_so_many_do_not_reach(
    counts: list[int], share: float
) -> None:
    found = quantile(counts, share)
    if not any(counts):
        assert found is None
        return
    assert found is not None
    bucket = BOUNDS.index(found)
    assert sum(counts[:bucket]) < share * sum(counts)
    assert bucket == len(BOUNDS) - 1 or sum(counts[: bucket + 1]) >= share * sum(counts)
