"""The bars that the relay is held to, and whether the rows of a run meet them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.results import (
    FEW_OPEN,
    HOUR_KEPT,
    IDLE,
    MANY_OPEN,
    NGINX,
    NONE_STALLED,
    OPENED_AND_CLOSED,
    PACED,
    PAGE_ASKS,
    RELAY,
    RELAY_AUDIO,
    RELAY_RECORDED,
    STALLED,
    TOP_ASKS,
    Cell,
    Measure,
    Row,
    Unit,
    Value,
    Verdict,
    openings,
    rounds,
)

__all__ = ["judge"]

Find = Callable[[Cell, str, Measure], Value | None]
"""What was measured in a cell for a peer; None if it was not."""


@dataclass(frozen=True, slots=True)
class _Bar:
    name: str
    found: Callable[[Find], float | None]
    unit: Unit = "ratio"
    plain: float | None = None
    """The limit without TLS; None where there is no such bar."""
    tls: float | None = None
    at_least: bool = False


def _against(
    ours: str, theirs: str, cell: Cell, measure: Measure
) -> Callable[[Find], float | None]:
    return lambda find: _ratio(find(cell, ours, measure), find(cell, theirs, measure))


def _against_nginx(cell: Cell, measure: Measure) -> Callable[[Find], float | None]:
    return _against(RELAY, NGINX, cell, measure)


def _value(cell: Cell, measure: Measure) -> Callable[[Find], float | None]:
    return lambda find: _median(find(cell, RELAY, measure))


def _worst(cell: Cell, measure: Measure) -> Callable[[Find], float | None]:
    """For what must not happen in any run."""
    return lambda find: _most(find(cell, RELAY, measure))


def _between(after: Cell, before: Cell, measure: Measure) -> Callable[[Find], float | None]:
    return lambda find: _ratio(find(after, RELAY, measure), find(before, RELAY, measure))


def _ratio(ours: Value | None, theirs: Value | None) -> float | None:
    if ours is None or theirs is None or theirs.value <= 0:
        return None
    return ours.value / theirs.value


def _median(value: Value | None) -> float | None:
    return None if value is None else value.value


def _most(value: Value | None) -> float | None:
    return None if value is None else max(value.runs, default=value.value)


def _kept(measure: Measure) -> Callable[[Find], float | None]:
    """What is left after so many sessions that a pool which still grows is not taken for a leak."""

    def found(find: Find) -> float | None:
        sessions = find(OPENED_AND_CLOSED, RELAY, "sessions")
        enough = sessions is not None and sessions.value >= 99_000  # a few may have failed
        return _most(find(OPENED_AND_CLOSED, RELAY, measure)) if enough else None

    return found


def _looking(cell: Cell) -> Callable[[Find], float | None]:
    return lambda find: _median(find(cell, RELAY_RECORDED, "more_cpu"))


_OPENINGS = openings(500)

_BARS = (
    *(
        _Bar(
            f"CPU per round trip, {rounds(*shape)}, against nginx",
            _against_nginx(rounds(*shape), "cpu"),
            plain=plain,
            tls=1.3,
        )
        for shape, plain in (((32, 256), 1.25), ((8, 4096), 1.25), ((4, 65536), 0.8))
    ),
    *(
        _Bar(
            f"CPU per round trip, {rounds(*shape)}, audio, with records to without",
            _against(RELAY_RECORDED, RELAY_AUDIO, rounds(*shape), "cpu"),
            plain=1.1,
            tls=1.1,
        )
        for shape in ((32, 256), (8, 4096), (4, 65536))
    ),
    _Bar(
        f"median round trip, {rounds(1, 256)}, against nginx",
        _against_nginx(rounds(1, 256), "p50"),
        plain=1.2,
        tls=1.2,
    ),
    _Bar(
        "p99 of added latency, realtime pacing, against nginx",
        _against_nginx(PACED, "added_p99"),
        plain=1.5,
        tls=1.5,
    ),
    _Bar("messages lost, realtime pacing", _worst(PACED, "lost"), "messages", 0, 0),
    _Bar("sessions at once", _value(MANY_OPEN, "sessions"), "sessions", 9000, 9000, at_least=True),
    _Bar("memory per idle session", _value(IDLE, "memory"), "KiB", 25, 75),
    # "Flat" and "slows nobody" leave room for what two runs of one cell differ by here.
    _Bar(
        "CPU per round trip, many sessions open, against 10",
        _between(MANY_OPEN, FEW_OPEN, "cpu"),
        plain=1.15,
        tls=1.15,
    ),
    _Bar("held for a stalled session", _value(STALLED, "held"), "KiB", 256, 256),
    _Bar(
        "median round trip beside a stalled session, against without",
        _between(STALLED, NONE_STALLED, "p50"),
        plain=1.15,
        tls=1.15,
    ),
    # A loop that opens at a rate gives the rate less what is under way at its end.
    _Bar(
        "openings a second, of 500", _value(_OPENINGS, "achieved"), "1/s", plain=495, at_least=True
    ),
    _Bar("failed openings, of 500/s", _worst(_OPENINGS, "failed"), "sessions", plain=0),
    # Ten bytes: nothing that is kept for each session is so small.
    _Bar(
        "memory kept per session, after 100,000",
        _kept("memory_growth"),
        "KiB",
        plain=0.01,
        tls=0.01,
    ),
    _Bar("descriptors kept after 100,000", _kept("descriptor_growth"), "descriptors", 0, 0),
    # "Nothing" leaves room for a look at all sessions every ten seconds.
    _Bar("CPU for nobody who looks, 1,000 sessions", _looking(HOUR_KEPT), "%", plain=0.5),
    _Bar("CPU for one page that is open, 1,000 sessions", _looking(PAGE_ASKS), "%", plain=2),
    _Bar("CPU for relay top, 1,000 sessions", _looking(TOP_ASKS), "%", plain=2),
)


def judge(rows: Sequence[Row]) -> tuple[Verdict, ...]:
    """Each bar, without TLS and with, by the rows of one run."""
    return tuple(
        _judge(bar, limit, rows, tls=tls)
        for tls in (False, True)
        for bar in _BARS
        if (limit := bar.tls if tls else bar.plain) is not None
    )


def _judge(bar: _Bar, limit: float, rows: Sequence[Row], *, tls: bool) -> Verdict:
    measured = {(row.cell, row.peer): row.values for row in rows if row.tls == tls}

    def find(cell: Cell, peer: str, measure: Measure) -> Value | None:
        return measured.get((cell, peer), {}).get(measure)

    found = bar.found(find)
    met = None
    if found is not None:
        met = found >= limit if bar.at_least else found <= limit
    return Verdict(
        bar=bar.name,
        tls=tls,
        at_most=None if bar.at_least else limit,
        at_least=limit if bar.at_least else None,
        unit=bar.unit,
        found=found,
        met=met,
    )
