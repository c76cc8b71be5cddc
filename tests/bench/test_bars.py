"""The bars: met, missed or not measured, by medians or by the worst run."""

from collections.abc import Sequence

import pytest

from bench.bars import judge
from bench.results import (
    MANY_OPEN,
    NGINX,
    OPENED_AND_CLOSED,
    PACED,
    PAGE_ASKS,
    PAGE_OPEN,
    RELAY,
    RELAY_RECORDED,
    Measure,
    Row,
    Verdict,
    openings,
    rounds,
)
from tests.bench.figures import every_row, row

_SMALL = rounds(32, 256)


def verdict(rows: Sequence[Row], bar: str, *, tls: bool = False) -> Verdict:
    """The one of these rows on that bar."""
    (found,) = (each for each in judge(rows) if (each.bar, each.tls) == (bar, tls))
    return found


def test_without_rows_nothing_is_measured() -> None:
    verdicts = judge([])
    assert len(verdicts) == 37
    assert {(each.found, each.met) for each in verdicts} == {(None, None)}


def test_a_run_with_all_cells_judges_all_bars_but_those_of_a_search_that_was_too_short() -> None:
    unjudged = {each.bar for each in judge(tuple(every_row(1.0))) if each.met is None}
    assert unjudged == {"memory kept per session, after 100,000", "descriptors kept after 100,000"}


@pytest.mark.parametrize(("ours", "met"), [(12.5, True), (12.6, False)])
def test_a_bar_against_nginx_compares_medians_up_to_the_limit(ours: float, met: bool) -> None:
    rows = [row(_SMALL, NGINX, {"cpu": (10, 2, 90)}), row(_SMALL, RELAY, {"cpu": (1, ours, 99)})]
    found = verdict(rows, "CPU per round trip, 32 x 256 B, against nginx")
    assert found.found == ours / 10
    assert (found.at_most, found.at_least, found.met) == (1.25, None, met)


def test_plain_figures_say_nothing_about_tls() -> None:
    rows = [row(_SMALL, NGINX, {"cpu": (10,)}), row(_SMALL, RELAY, {"cpu": (10,)})]
    found = verdict(rows, "CPU per round trip, 32 x 256 B, against nginx", tls=True)
    assert (found.at_most, found.found, found.met) == (1.3, None, None)


@pytest.mark.parametrize("theirs", [[], [row(_SMALL, NGINX, {"cpu": (0,)})]])
def test_without_figures_of_nginx_there_is_no_ratio(theirs: list[Row]) -> None:
    rows = [row(_SMALL, RELAY, {"cpu": (10,)}), *theirs]
    assert verdict(rows, "CPU per round trip, 32 x 256 B, against nginx").met is None


@pytest.mark.parametrize(
    ("cell", "measure", "bar"),
    [
        (PACED, "lost", "messages lost, realtime pacing"),
        (openings(500), "failed", "failed openings, of 500/s"),
    ],
)
def test_what_must_not_happen_must_not_in_any_run(cell: str, measure: Measure, bar: str) -> None:
    once = verdict([row(cell, RELAY, {measure: (0, 0, 3)})], bar)
    never = verdict([row(cell, RELAY, {measure: (0, 0, 0)})], bar)
    assert (once.found, once.met) == (3, False)
    assert (never.found, never.met) == (0, True)


@pytest.mark.parametrize(("open_at_once", "met"), [(9000, True), (8999, False)])
def test_some_bars_ask_for_at_least_so_much(open_at_once: int, met: bool) -> None:
    found = verdict([row(MANY_OPEN, RELAY, {"sessions": (open_at_once,)})], "sessions at once")
    assert (found.at_most, found.at_least, found.met) == (None, 9000, met)


@pytest.mark.parametrize(("opened", "met"), [(2000, None), (100_000, False)])
def test_a_leak_is_judged_after_enough_sessions(opened: int, met: bool | None) -> None:
    rows = [row(OPENED_AND_CLOSED, RELAY, {"sessions": (opened,), "memory_growth": (1,)})]
    assert verdict(rows, "memory kept per session, after 100,000").met is met


@pytest.mark.parametrize(("share", "met"), [(2.0, True), (2.1, False)])
def test_looking_is_judged_by_its_requests_and_not_by_spans_that_differ(
    share: float, met: bool
) -> None:
    rows = [
        row(PAGE_OPEN, RELAY_RECORDED, {"more_cpu": (-30, 1, 50)}),
        row(PAGE_ASKS, RELAY_RECORDED, {"more_cpu": (0.1, share, 99)}),
    ]
    found = verdict(rows, "CPU for one page that is open, 1,000 sessions")
    assert (found.found, found.met) == (share, met)
