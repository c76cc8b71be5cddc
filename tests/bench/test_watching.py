"""Spans in turns, what each is compared with, and shares of what the traffic takes."""

import pytest

from bench.load import Latency, PacedResult
from bench.peers.relay import RECORDED, UNWATCHED
from bench.processes import BenchError
from bench.results import HOUR_KEPT, NO_ADMIN, NOBODY_LOOKS, PAGE_ASKS, PAGE_OPEN, PAGES_OPEN
from bench.watching import Run, in_turns, share_rows, span_rows


def span(peer_cpu: float, *, lost: int = 0, longest: float = 5) -> PacedResult:
    return PacedResult(
        messages=1000,
        lost=lost,
        ended=0,
        seconds=2,
        cpu=1,
        peer_cpu=peer_cpu,
        latency=Latency(1, 2, 3, 4, longest),
        lateness=Latency(1, 2, 3, 4, 5),
    )


def test_spans_take_turns_and_none_always_follows_the_same() -> None:
    ran: list[str] = []

    def kind(name: str) -> Run:
        def run() -> PacedResult:
            ran.append(name)
            return span(1)

        return run

    spans = in_turns({name: kind(name) for name in "abcd"}, 4)
    assert {cell: len(results) for cell, results in spans.items()} == dict.fromkeys("abcd", 4)
    assert "".join(ran) == "abcddcbaabcddcba"


def test_a_span_that_lost_messages_says_nothing() -> None:
    with pytest.raises(BenchError, match="nobody looks: 3 of 1000 messages were lost"):
        in_turns({NOBODY_LOOKS: lambda: span(1, lost=3)}, 2)


def test_each_span_is_compared_with_nobody_of_its_own_turn() -> None:
    spans = {
        NO_ADMIN: [span(0.99), span(1.98), span(4)],
        NOBODY_LOOKS: [span(1), span(2, longest=9), span(4)],
        PAGE_OPEN: [span(1.02), span(2.02), span(3)],
        PAGES_OPEN: [span(1.2), span(2.6), span(4.4)],
    }
    alone, nobody, page, pages = span_rows(spans, NOBODY_LOOKS)
    assert [each.peer for each in (alone, nobody)] == [UNWATCHED.name, RECORDED.name]
    assert page.values["more_cpu"].runs == pytest.approx((2, 1, -25))
    assert page.values["more_cpu"].value == pytest.approx(1)
    assert page.values["cpu"].value == pytest.approx(2020)
    assert list(nobody.values["max"].runs) == [5, 9, 5]
    assert [each.note for each in (nobody, page, pages)] == [
        None,
        "CPU -25.0% to +2.0% over 3 turns",
        "CPU +10.0% to +30.0% over 3 turns, at the median +1.00% for each page",
    ]


def test_what_takes_time_beside_the_traffic_is_a_share_of_it() -> None:
    spans = {NOBODY_LOOKS: [span(0.2), span(0.8), span(1)]}  # 0.4 of a core, at the median
    kept, asked = share_rows({HOUR_KEPT: [0.001], PAGE_ASKS: [0.004, 0.006, 0.1]}, spans)
    assert kept.values["cpu_a_second"].value == pytest.approx(1)
    assert kept.values["more_cpu"].value == pytest.approx(0.25)
    assert asked.values["more_cpu"].value == pytest.approx(1.5)
    assert (asked.cell, asked.peer, asked.group) == (PAGE_ASKS, RECORDED.name, "watching")
    assert kept.note == "the traffic takes 40% of a core"
