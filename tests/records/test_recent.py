"""Tests of relay.records.recent."""

from __future__ import annotations

from relay.records.filter import Filter
from relay.records.recent import Recent
from tests.records.samples import a_record


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


def test_the_newest_that_fit_are_found() -> None:
    recent = Recent()
    other, first, second = a_record(), a_record(1, token="phone"), a_record(2, token="phone")
    for each in (first, other, second):
        recent.add(each)
    assert recent.last(Filter(token="phone"), None) == [first, second]
    assert recent.last(Filter(token="phone"), 1) == [second]
