"""Which sessions a filter lets through."""

from __future__ import annotations

from datetime import timedelta

import pytest

from relay.records.filter import Filter
from relay.records.session_record import Outcome
from relay.session_id import new_session_id
from tests.records.samples import BEGAN, a_record

_ID = new_session_id()


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
        Filter(id=_ID),
        Filter(part=_ID[24:].upper()),
        Filter(part="PHON"),
        Filter(part="::1"),
        Filter(since=BEGAN + timedelta(minutes=1)),
        Filter(since=BEGAN + timedelta(minutes=1), until=BEGAN + timedelta(minutes=2)),
        Filter(gateway="b/b", token="phone", part="x"),
    ],
)
def test_one_session_fits_and_another_does_not(wanted: Filter) -> None:
    one = a_record(
        1,
        id=_ID,
        gateway="b/b",
        provider="google",
        model="gpt-x",
        token="phone",
        client_address="::1",
        outcome=Outcome.BROKEN,
        ended_by="relay",
    )
    assert wanted.fits(one)
    assert not wanted.fits(a_record())


def test_a_session_ends_a_span_before_it() -> None:
    assert not Filter(until=BEGAN).fits(a_record())
    assert Filter(since=BEGAN).fits(a_record())


def test_a_part_does_not_reach_from_one_member_into_the_next() -> None:
    assert not Filter(part="web" + "gpt").fits(a_record(token="web", model="gpt"))
