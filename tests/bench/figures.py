"""A run with figures for every peer and cell, without a measurement."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from bench.peers import ALL
from bench.results import (
    FEW_OPEN,
    HOUR_KEPT,
    IDLE,
    MANY_OPEN,
    NO_ADMIN,
    NOBODY_LOOKS,
    NONE_STALLED,
    OPENED_AND_CLOSED,
    PACED,
    PAGE_ASKS,
    PAGE_OPEN,
    PAGES_OPEN,
    STALLED,
    TOP_ASKS,
    TOP_OPEN,
    Cell,
    Group,
    Header,
    Measure,
    Row,
    Unit,
    Value,
    beside,
    openings,
    rounds,
)

HEADER = Header(
    date="2026-01-01T00:00:00+00:00",
    interpreter="CPython 3.13.0",
    machine="2 x a processor, 8.0 GiB, Linux 6.1",
    cores="the load generator has core 0, each peer core 1",
    versions={"nginx": "1.31.3", "relay": "0.1.0"},
    runs=3,
    seconds=2.0,
)

_LATENCY: dict[Measure, Unit] = {"p50": "us", "p90": "us", "p99": "us"}
_LOOP: dict[Measure, Unit] = {"cpu": "us", **_LATENCY, "throughput": "1/s"}
_ADDED: dict[Measure, Unit] = {"late_p99": "us", "added_p50": "us", "added_p99": "us"}
_OPENED: dict[Measure, Unit] = {"achieved": "1/s", "failed": "sessions", "cpu": "us"}
_WATCHED: dict[Measure, Unit] = {
    "cpu": "us",
    "more_cpu": "%",
    "p50": "us",
    "p99": "us",
    "p999": "us",
    "max": "us",
}

CELLS: dict[tuple[Group, Cell], dict[Measure, Unit]] = {
    ("rounds", rounds(1, 256)): _LOOP,
    ("rounds", rounds(32, 256)): _LOOP,
    ("rounds", rounds(8, 4096)): _LOOP,
    ("rounds", rounds(4, 65536)): _LOOP,
    ("pacing", PACED): {"lost": "messages", "cpu": "us", **_LATENCY, **_ADDED},
    ("sessions", IDLE): {"memory": "KiB", "sessions": "sessions"},
    ("sessions", FEW_OPEN): {**_LOOP, "sessions": "sessions"},
    ("sessions", MANY_OPEN): {**_LOOP, "sessions": "sessions"},
    ("sessions", NONE_STALLED): _LOOP,
    ("sessions", STALLED): {"held": "KiB", **_LOOP},
    ("sessions", OPENED_AND_CLOSED): {
        "memory_growth": "KiB",
        "descriptor_growth": "descriptors",
        "sessions": "sessions",
        **_OPENED,
    },
    **{
        ("sessions", openings(rate)): {**_OPENED, "p50": "ms", "p99": "ms"}
        for rate in (100, 250, 500, 1000)
    },
    ("opening", "the client's TLS"): {"p50": "ms", "p99": "ms"},
    ("opening", "seen by the client"): {"p50": "ms", "p99": "ms"},
    **{
        ("watching", cell): _WATCHED
        for cell in (NO_ADMIN, NOBODY_LOOKS, PAGE_OPEN, TOP_OPEN, PAGES_OPEN)
    },
    **{
        ("watching", beside(who, sessions)): {"p50": "us", "p99": "us", "p999": "us", "max": "us"}
        for who in (NOBODY_LOOKS, PAGES_OPEN)
        for sessions in (1000, 5000)
    },
    **{
        ("watching", cell): {"cpu_a_second": "ms", "more_cpu": "%"}
        for cell in (HOUR_KEPT, PAGE_ASKS, TOP_ASKS)
    },
}


def row(
    cell: Cell, peer: str, runs: Mapping[Measure, Sequence[float]], *, tls: bool = False
) -> Row:
    """A row of these measures, what each run gave being given; the median counts."""
    group, units = next((group, units) for (group, name), units in CELLS.items() if name == cell)
    values = {
        measure: Value(sorted(found)[len(found) // 2], units[measure], tuple(found))
        for measure, found in runs.items()
    }
    return Row(group, cell, tls, peer, values, load_cpu=0.93)


def every_row(value: float) -> Iterator[Row]:
    """A row for each cell and peer, plain and with TLS, in which all is that value."""
    for (_, cell), peer, tls in product(CELLS, ALL, (False, True)):
        units = next(units for (_, name), units in CELLS.items() if name == cell)
        yield row(cell, peer, dict.fromkeys(units, (value,)), tls=tls)
