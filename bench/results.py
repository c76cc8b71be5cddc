"""What a run of the benchmark found: the shape of its JSON.

There is one ``Row`` for each cell, with and without TLS, of each peer. The table, the plots and the
bars are made from the rows alone, so every judgement can be made again from the JSON.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

__all__ = [
    "FEW_OPEN",
    "HOUR_KEPT",
    "IDLE",
    "LOOPBACK",
    "MANY_OPEN",
    "NGINX",
    "NOBODY_LOOKS",
    "NONE_STALLED",
    "NO_ADMIN",
    "OPENED_AND_CLOSED",
    "PACED",
    "PAGES_OPEN",
    "PAGE_ASKS",
    "PAGE_OPEN",
    "RELAY",
    "RELAY_AUDIO",
    "RELAY_MESSAGES",
    "RELAY_RECORDED",
    "STALLED",
    "TOP_ASKS",
    "TOP_OPEN",
    "Cell",
    "Group",
    "Header",
    "Measure",
    "Report",
    "Row",
    "Unit",
    "Value",
    "Verdict",
    "beside",
    "openings",
    "read",
    "rounds",
    "write",
]

Group = Literal["rounds", "pacing", "sessions", "opening", "watching"]
Unit = Literal["us", "ms", "KiB", "1/s", "sessions", "messages", "descriptors", "ratio", "%"]

Measure = Literal[
    "cpu",  # of the peer's processes, per round trip; in openings, per opening
    "p50",  # of the latency of a round trip; in openings, of the time to the 101 or to an act
    "p90",
    "p99",
    "p999",
    "max",
    "late_p99",  # how much later than due the load generator itself sent
    "added_p50",  # the latency less that of loopback in the same turn
    "added_p99",
    "throughput",  # round trips a second
    "lost",  # messages that were sent and not answered
    "sessions",  # open at once; in OPENED_AND_CLOSED, opened in all
    "memory",  # per idle session
    "held",  # all that the peer holds for one stalled session
    "achieved",  # openings a second that ended in a 101
    "failed",  # openings that did not
    "memory_growth",  # per session opened and closed
    "descriptor_growth",  # over all sessions opened and closed
    "more_cpu",  # than the same traffic takes while nobody looks
    "cpu_a_second",  # of the peer's processes, for what is done beside the traffic
]

# Peers that others are compared with, by their keys in bench.peers.ALL.
LOOPBACK = "loopback"
NGINX = "nginx"
RELAY = "relay"
RELAY_MESSAGES = "relay-messages"
RELAY_AUDIO = "relay-audio"
RELAY_RECORDED = "relay-recorded"

Cell = str
PACED: Cell = "paced"
IDLE: Cell = "idle"
FEW_OPEN: Cell = "10 open"
MANY_OPEN: Cell = "many open"
NONE_STALLED: Cell = "none stalled"
STALLED: Cell = "one stalled"
OPENED_AND_CLOSED: Cell = "opened and closed"

# bench.watching: spans of traffic, by who looks at its sessions,
NO_ADMIN: Cell = "no admin listener"
NOBODY_LOOKS: Cell = "nobody looks"
PAGE_OPEN: Cell = "one page"
TOP_OPEN: Cell = "relay top"
PAGES_OPEN: Cell = "20 pages"
# and what looking takes by itself.
HOUR_KEPT: Cell = "the last hour, kept"
PAGE_ASKS: Cell = "one page's requests"
TOP_ASKS: Cell = "relay top's requests"


def rounds(connections: int, size: int) -> Cell:
    """The cell of a closed loop with this many connections and bytes a message."""
    return f"{connections} x {size} B" if size < 1024 else f"{connections} x {size // 1024} KiB"


def openings(rate: int) -> Cell:
    """The cell in which this many sessions a second are opened."""
    return f"{rate} openings/s"


def beside(who: Cell, sessions: int) -> Cell:
    """The cell in which one more session talks, while somebody looks at so many that do not."""
    return f"{who}, {sessions:,} silent"


@dataclass(frozen=True, slots=True)
class Value:
    """The median over the runs, and what each run gave."""

    value: float
    unit: Unit
    runs: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One cell of one peer; ``missing`` says why there are no values."""

    group: Group
    cell: Cell
    tls: bool
    """On both legs."""
    peer: str
    values: dict[Measure, Value]
    load_cpu: float | None = None
    """CPU time of the load generator (the echo included) as a share of one core's."""
    missing: str | None = None
    note: str | None = None
    """What a reader has to know about the values, or about one that is not there."""


@dataclass(frozen=True, slots=True)
class Header:
    """What the figures depend on."""

    date: str
    """ISO 8601, UTC."""
    interpreter: str
    machine: str
    cores: str
    """Which cores the load generator and the peers had."""
    versions: dict[str, str]
    runs: int
    seconds: float
    """The length of one run of one cell."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A bar that the relay is held to, and what it reached."""

    bar: str
    tls: bool
    at_most: float | None
    at_least: float | None
    unit: Unit
    found: float | None
    met: bool | None
    """None, as ``found``, when this run did not measure it."""


@dataclass(frozen=True, slots=True)
class Report:
    """A whole run."""

    header: Header
    rows: tuple[Row, ...]
    verdicts: tuple[Verdict, ...]


_REPORT = TypeAdapter(Report)


def write(report: Report, path: Path) -> None:
    """Write the run as JSON."""
    path.write_bytes(_REPORT.dump_json(report, indent=2) + b"\n")


def read(path: Path) -> Report:
    """Read a run again; pydantic's ``ValidationError`` if the file is not of this shape."""
    return _REPORT.validate_json(path.read_bytes())
