"""Tests of relay.recent."""

from __future__ import annotations

from datetime import timedelta

import pytest

from relay.recent import Recent
from relay.records.store import Filter
from relay.session_record import Outcome
from tests.records.samples import BEGAN, a_record


def test_the_last_hundred_are_remembered() -> None:
    recent = Recent()
    records = [a_record(number) for number in range(103)]
    for each in records:
        recent.add(each)
    assert recent.last(Filter(), None) == records[3:]
    assert recent.last(Filter(), 2) == records[-2:]
    assert recent.one(records[0].id) is None
    assert recent.one(records[3].id) == records[3]
    assert recent.one(records[3].id[:-1] + "x") is None
    assert recent.one("") is None  # that would be all of them


@pytest.mark.parametrize(
    "wanted",
    [
        Filter(gateway="b/b"),
        Filter(provider="google"),
        Filter(model="gpt-x"),
        Filter(token="phone"),
        Filter(client_address="::1"),
        Filter(outcome="broken"),
        Filter(ended_by="relay"),
        Filter(part="PHON"),
        Filter(part="::1"),
        Filter(since=BEGAN + timedelta(minutes=1)),
        Filter(since=BEGAN + timedelta(minutes=1), until=BEGAN + timedelta(minutes=2)),
    ],
)
def test_a_filter(wanted: Filter) -> None:
    recent = Recent()
    other = a_record()
    fits = a_record(
        1,
        gateway="b/b",
        provider="google",
        model="gpt-x",
        token="phone",
        client_address="::1",
        outcome=Outcome.BROKEN,
        ended_by="relay",
    )
    recent.add(other)
    recent.add(fits)
    assert recent.last(wanted, None) == [fits]
    assert recent.last(Filter(until=BEGAN), None) == []
