"""Tests of relay.top.columns."""

from __future__ import annotations

from typing import Any

import pytest

from relay.top.columns import COLUMNS, counts, size
from relay.top.live import read_live
from tests.top.fakes import Relay, row


def _cells(*, before: bool = False, **changes: Any) -> dict[str, str]:
    """What stands under each heading."""
    relay = Relay(sessions=[row(1)])
    first = read_live(relay._live()) if before else None
    relay.sessions, relay.seconds = [row(1, **changes)], 2
    (session,) = read_live(relay._live(), first).sessions
    return {column.heading: column.cell(session).plain for column in COLUMNS}


def test_a_session() -> None:
    assert _cells(before=True, bytes_in=2048 + 20480) == {
        "state": "talking: client",
        "provider": "openai",
        "model": "gpt-realtime-1",
        "gateway": "acct/main",
        "token": "web",
        "client": "192.0.2.7",
        "age": "1 min 15 s",
        "in": "22 KiB",
        "in/s": "10 KiB",
        "out": "10 B",
        "out/s": "0 B",
        "msg in": "1,234",
        "msg out": "5",
        "added ms p50/p99": "0.128 / 2",
        "session": "019aaf00-0000-7000",
    }


def test_what_is_not_known() -> None:
    cells = _cells(model=None, token=None, client_address="", added_latency=None)
    names = ("model", "token", "client", "in/s", "out/s", "added ms p50/p99")
    assert [cells[name] for name in names] == ["-"] * 6


@pytest.mark.parametrize(
    ("state", "talks", "silent_for", "shown"),
    [
        ("talking", "both", 0.1, "talking: both"),
        ("talking", None, 0.1, "talking"),
        ("silent", None, 12.4, "silent 12 s"),
        ("silent", None, 75, "silent 1 min 15 s"),
        ("opening", None, None, "opening"),
        ("closing", "client", 0.1, "closing"),
    ],
)
def test_states(state: str, talks: str | None, silent_for: float | None, shown: str) -> None:
    assert _cells(state=state, talks=talks, silent_for=silent_for)["state"] == shown


def test_what_strangers_wrote_steers_no_terminal() -> None:
    assert _cells(model="\x1b[2J[red]m\n")["model"] == "\\x1b[2J[red]m\\n"


def test_only_what_the_relay_can_sort_by_is_sorted_by() -> None:
    sorts = [column.sort for column in COLUMNS if column.sort]
    assert set(sorts) <= {
        *("began_at", "gateway", "provider", "state", "bytes_in", "bytes_out"),
        *("messages_in", "messages_out", "added_latency", "duration"),
    }
    assert len(sorts) == len(set(sorts))


def test_counts() -> None:
    live = read_live(Relay(sessions=[row(1), row(2, state="silent")])._live())
    assert counts(live) == "2 live: 0 opening, 1 talking, 1 silent, 0 closing"


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (999.6, "0.976 KiB"),
        (1024, "1 KiB"),
        (1536, "1.5 KiB"),
        (123 * 1024, "123 KiB"),
        (5 * 1024**3, "5 GiB"),
        (5000 * 1024**4, "5000 TiB"),
    ],
)
def test_sizes(count: float, shown: str) -> None:
    assert size(count) == shown
