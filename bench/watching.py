"""What it costs sessions that somebody looks at them: the admin page, and `relay top`.

A thousand sessions carry a chunk of 4 KiB each way ten times a second, which takes about half of a
core. In spans of a few seconds, taken in turns on the same sessions of the same process, nobody
looks, one page is open, `relay top` is, or twenty pages are; and a relay without `[admin]`, but
with records and so with meters, too, carries the same. A machine that others use differs by more
from one span to the next than one page costs: the range over the turns is noted with each figure.

So the bars are judged by what does not depend on that. While all sessions are silent, the CPU time
of many requests in a row is that of the requests alone; from it follows what a second of looking
takes, as a share of what the traffic takes in a second. Where nobody looks, the last hour is kept:
by that the two relays differ, in what they use while all sessions are silent.

How long a look keeps others waiting is seen by one session more, with one message under way at a
time, while a thousand or five thousand are silent: nobody looks, or twenty pages do, so that enough
of the messages meet with one to be seen in the 99th percentile.

There is no such part with TLS: it makes the traffic dearer, and so a look a smaller share of it.
"""

import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

from bench.load import Latency, PacedResult
from bench.peers import Running
from bench.peers.relay import ADMIN_TOKEN, RECORDED, UNWATCHED
from bench.processes import BenchError, cpu_seconds
from bench.results import (
    HOUR_KEPT,
    NO_ADMIN,
    NOBODY_LOOKS,
    PAGE_ASKS,
    PAGE_OPEN,
    PAGES_OPEN,
    TOP_ASKS,
    TOP_OPEN,
    Cell,
    Row,
    beside,
)
from bench.samples import Samples
from bench.stage import Stage, stage_of, tell
from bench.viewers import PAGE, TOP, Look, Viewer, Viewers

TURNS = 4
SESSIONS = 1000
SILENT = (1000, 5000)
PAGES = 20

_SIZE = 4096
_MESSAGES = 10_000  # a second, each way
_SPAN = 4.0  # seconds: two looks
_TALK = 2.0  # seconds
_TALK_SIZE = 256
_SILENCE = 10.0  # seconds: a step of the last hour, and over before sessions wake by themselves
_BATCHES = 5
_IN_A_ROW = 40

Run = Callable[[], PacedResult]
Spans = Mapping[Cell, Sequence[PacedResult]]
"""What the spans of each cell gave, turn by turn."""


def measure(turns: int, most_sessions: int) -> list[Row]:
    """So many turns; beside five thousand sessions only if so many may be open."""
    with stage_of([RECORDED], tls=False) as ready, stage_of([UNWATCHED], tls=False) as other:
        for reason in (*ready.missing.values(), *other.missing.values()):
            return [_missing(reason)]
        try:
            rows = _with_sessions(ready, other, turns)
            for sessions in SILENT:
                if sessions <= most_sessions:
                    rows += _beside(ready, other, sessions, turns)
        except BenchError as error:
            return [_missing(str(error))]
    return rows


def _missing(reason: str) -> Row:
    return Samples(missing=reason).row("watching", NOBODY_LOOKS, RECORDED.name, tls=False)


def _with_sessions(ready: Stage, other: Stage, turns: int) -> list[Row]:
    tell("watching", f"{SESSIONS:,} sessions")
    watched, unwatched = ready.peers[RECORDED.name], other.peers[UNWATCHED.name]
    pace = SESSIONS, _SIZE, _MESSAGES / SESSIONS, _SPAN
    with ready.load.pacing(watched, *pace) as run, other.load.pacing(unwatched, *pace) as elsewhere:
        kept = _cpu_in_silence(watched, unwatched)
        spans = in_turns(
            {
                NO_ADMIN: elsewhere,
                NOBODY_LOOKS: run,
                PAGE_OPEN: _watched(run, watched, PAGE, 1),
                TOP_OPEN: _watched(run, watched, TOP, 1),
                PAGES_OPEN: _watched(run, watched, PAGE, PAGES),
            },
            turns,
        )
        asked = {PAGE_ASKS: _cpu_of_asking(watched, PAGE), TOP_ASKS: _cpu_of_asking(watched, TOP)}
    return [*span_rows(spans, NOBODY_LOOKS), *share_rows({HOUR_KEPT: [kept], **asked}, spans)]


def _beside(ready: Stage, other: Stage, sessions: int, turns: int) -> list[Row]:
    """What one session meets with that talks; it is the other load generator's."""
    tell("watching", f"beside {sessions:,} silent sessions")
    watched = ready.peers[RECORDED.name]
    taken = {beside(who, sessions): Samples() for who in (NOBODY_LOOKS, PAGES_OPEN)}
    viewers = Viewers(PAGE, PAGES, _admin(watched), ADMIN_TOKEN)
    ready.load.hold(watched, sessions)
    for _ in range(turns):
        looks: tuple[AbstractContextManager[None], ...] = (nullcontext(), viewers.looking())
        for samples, looking in zip(taken.values(), looks, strict=True):
            with looking:
                result = other.load.rounds(watched, 1, _TALK_SIZE, _TALK)
            add_latency(samples, result.latency)
            samples.add_load(result.cpu, result.seconds)
    ready.load.drop()
    return [
        samples.row("watching", cell, RECORDED.name, tls=False) for cell, samples in taken.items()
    ]


def _watched(run: Run, relay: Running, viewer: Viewer, count: int) -> Run:
    """Runs a span in which so many of them look."""
    viewers = Viewers(viewer, count, _admin(relay), ADMIN_TOKEN)

    def run_watched() -> PacedResult:
        with viewers.looking():
            return run()

    return run_watched


def in_turns(kinds: Mapping[Cell, Run], turns: int) -> Spans:
    """Runs a span of each kind in each turn, there and back: a machine that gets slower is so for
    all of them, and none always follows the same one.
    """
    spans: dict[Cell, list[PacedResult]] = {cell: [] for cell in kinds}
    order = list(kinds)
    for _ in range(turns):
        for cell in order:
            result = kinds[cell]()
            if result.latency is None or result.lost:
                raise BenchError(f"{cell}: {result.lost} of {result.messages} messages were lost")
            spans[cell].append(result)
        order.reverse()
    return spans


def _cpu_in_silence(watched: Running, unwatched: Running) -> float:
    """Seconds of CPU time that one takes more than the other in a second, while nothing is sent."""
    before = _cpu(watched) - _cpu(unwatched)
    time.sleep(_SILENCE)
    return (_cpu(watched) - _cpu(unwatched) - before) / _SILENCE


def _cpu_of_asking(relay: Running, viewer: Viewer) -> list[float]:
    """Seconds of CPU time that one viewer's requests take in a second, some times over."""
    look = Look(viewer, _admin(relay), ADMIN_TOKEN)
    found = []
    for _ in range(_BATCHES):
        used = 0.0
        for ask in viewer.asks:
            before = _cpu(relay)
            for _ in range(_IN_A_ROW):
                look.ask(ask.path)
            used += (_cpu(relay) - before) / _IN_A_ROW / ask.every
        found.append(used)
    look.close()
    return found


def span_rows(spans: Spans, nobody: Cell) -> list[Row]:
    """A row for each cell, in which it is compared with `nobody` of the same turn."""
    return [_span_row(cell, results, spans[nobody]) for cell, results in spans.items()]


def _span_row(cell: Cell, results: Sequence[PacedResult], nobody: Sequence[PacedResult]) -> Row:
    samples = Samples()
    more: list[float] = []
    for result, other in zip(results, nobody, strict=True):
        samples.add("cpu", "us", result.peer_cpu / result.messages * 1e6)
        more.append((result.peer_cpu / result.messages) / (other.peer_cpu / other.messages) - 1)
        samples.add("more_cpu", "%", more[-1] * 100)
        if result.latency is not None:
            add_latency(samples, result.latency)
        samples.add_load(result.cpu, result.seconds)
    name = UNWATCHED.name if cell == NO_ADMIN else RECORDED.name
    row = samples.row("watching", cell, name, tls=False)
    if results is nobody:
        return row
    note = f"CPU {min(more):+.1%} to {max(more):+.1%} over {len(more)} turns"
    if cell == PAGES_OPEN:
        note += f", at the median {statistics.median(more) / PAGES:+.2%} for each page"
    return replace(row, note=note)


def add_latency(samples: Samples, latency: Latency) -> None:
    """Adds the percentiles that tell how long one waits, and how long at most."""
    samples.add("p50", "us", latency.p50)
    samples.add("p99", "us", latency.p99)
    samples.add("p999", "us", latency.p999)
    samples.add("max", "us", latency.max)


def share_rows(taken: Mapping[Cell, Iterable[float]], spans: Spans) -> list[Row]:
    """What takes so many seconds of CPU time a second, as a share of what the traffic takes."""
    traffic = statistics.median(each.peer_cpu / each.seconds for each in spans[NOBODY_LOOKS])
    rows = []
    for cell, figures in taken.items():
        samples = Samples()
        for each in figures:
            samples.add("cpu_a_second", "ms", each * 1000)
            samples.add("more_cpu", "%", each / traffic * 100)
        rows.append(samples.row("watching", cell, RECORDED.name, tls=False))
    note = f"the traffic takes {traffic:.0%} of a core"
    return [replace(rows[0], note=note), *rows[1:]]


def _admin(relay: Running) -> int:
    assert relay.admin is not None
    return relay.admin


def _cpu(relay: Running) -> float:
    assert relay.process is not None
    return cpu_seconds(relay.process)
