"""What sessions cost rather than messages: idle ones, many at once, one that stalls, opening them.

What a session takes is the growth of the peer's memory (bench.processes says which memory), divided
by the sessions opened.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.load import Load, OpenResult
from bench.peers import Running
from bench.processes import BenchError, descriptors, memory, raise_descriptor_limit
from bench.results import (
    FEW_OPEN,
    IDLE,
    LOOPBACK,
    MANY_OPEN,
    NONE_STALLED,
    OPENED_AND_CLOSED,
    STALLED,
    Cell,
    Row,
    openings,
)
from bench.rounds import add_rounds
from bench.samples import Samples
from bench.stage import kind, stage, tell

MOST_SESSIONS = 9000
OPENING_RATES = (100, 250, 500, 1000)

_ACTIVE = 10  # sessions with messages in the cells that differ in what other sessions there are
_SIZE = 256
_MANY_STALLED = 100
_STALLED_SIZE = 16384
_WARM_UP = 200  # sessions, so that what is loaded and allocated once is not counted
_AT_ONCE = 32
_SETTLING = 0.5

Taken = Mapping[Cell, Samples]


def most_sessions() -> int:
    """As many as the limit of open files allows a proxy, two descriptors each."""
    return min(MOST_SESSIONS, (raise_descriptor_limit() - 500) // 2)


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured: runs of `seconds`; `held` sessions open at once; `leak` opened and
    closed in search for leaks; `opened` looked at act by act; `turns` of spans in which somebody
    looks.
    """

    seconds: float
    runs: int
    held: int
    leak: int
    opened: int
    turns: int


Step = Callable[[Load, Running, Plan, Taken], None]


def measure(names: Sequence[str], plan: Plan, *, tls: bool) -> list[Row]:
    """Every cell of every peer; of bare loopback the openings alone."""
    rows: list[Row] = []
    for name in names:
        if name != LOOPBACK:
            rows += _alone(name, _measure_open, (IDLE, FEW_OPEN, MANY_OPEN), 1, plan, tls=tls)
            rows += _alone(
                name, _measure_stalled, (NONE_STALLED, STALLED), plan.runs, plan, tls=tls
            )
            rows += _alone(name, _measure_leak, (OPENED_AND_CLOSED,), 1, plan, tls=tls)
    return rows + _openings(names, plan, tls=tls)


def _alone(
    name: str, step: Step, cells: Sequence[Cell], times: int, plan: Plan, *, tls: bool
) -> list[Row]:
    """A step that measures these cells, each time on a new process of the peer: one that has had
    many sessions holds memory that it can use again, and may give it back at any time.
    """
    taken = {cell: Samples() for cell in cells}
    for _ in range(times):
        tell("sessions", kind(tls=tls), name, *cells)
        with stage([name], tls=tls) as ready:
            reason = ready.missing.get(name)
            if reason is None:
                try:
                    step(ready.load, ready.peers[name], plan, taken)
                except BenchError as error:
                    reason = str(error)
        if reason is not None:
            taken = {cell: Samples(missing=reason) for cell in cells}
            break
    return [samples.row("sessions", cell, name, tls=tls) for cell, samples in taken.items()]


def _measure_open(load: Load, peer: Running, plan: Plan, taken: Taken) -> None:
    """With few sessions open and with many, in turns: a machine is slower at one time than at
    another.
    """
    load.churn(peer, _WARM_UP, _AT_ONCE)
    idle = plan.held - _ACTIVE
    for run in range(plan.runs):
        add_rounds(taken[FEW_OPEN], load.rounds(peer, _ACTIVE, _SIZE, plan.seconds))
        before = _memory(peer)
        load.hold(peer, idle)
        if run == 0:  # later ones fit into memory that the process has already
            taken[IDLE].add("memory", "KiB", (_memory(peer) - before) / idle / 1024)
        add_rounds(taken[MANY_OPEN], load.rounds(peer, _ACTIVE, _SIZE, plan.seconds))
        load.drop()
    taken[IDLE].add("sessions", "sessions", idle)
    taken[FEW_OPEN].add("sessions", "sessions", _ACTIVE)
    taken[MANY_OPEN].add("sessions", "sessions", plan.held)


def _measure_leak(load: Load, peer: Running, plan: Plan, taken: Taken) -> None:
    """Against the state after a first tenth of the sessions, when pools have their size."""
    samples = taken[OPENED_AND_CLOSED]
    load.churn(peer, plan.leak // 10, _AT_ONCE)
    memory_before, descriptors_before = _memory(peer), _descriptors(peer)
    result = load.churn(peer, plan.leak, _AT_ONCE)
    samples.add("memory_growth", "KiB", (_memory(peer) - memory_before) / plan.leak / 1024)
    samples.add("descriptor_growth", "descriptors", _descriptors(peer) - descriptors_before)
    samples.add("sessions", "sessions", result.opened)
    samples.add("failed", "sessions", result.failed)
    samples.add("achieved", "1/s", result.opened / result.seconds)
    samples.add("cpu", "us", result.peer_cpu / max(result.opened, 1) * 1e6)
    samples.add_load(result.cpu, result.seconds)


def _measure_stalled(load: Load, peer: Running, plan: Plan, taken: Taken) -> None:
    """Sessions that send all they can and read nothing: what one does to others, and what each of
    many holds (one would fit into memory that the process has already).
    """
    load.churn(peer, _ACTIVE, 1)
    load.stall(peer, 1, _STALLED_SIZE)
    add_rounds(taken[STALLED], load.rounds(peer, _ACTIVE, _SIZE, plan.seconds))
    load.drop()
    add_rounds(taken[NONE_STALLED], load.rounds(peer, _ACTIVE, _SIZE, plan.seconds))
    before = _memory(peer)
    load.stall(peer, _MANY_STALLED, _STALLED_SIZE)
    taken[STALLED].add("held", "KiB", (_memory(peer) - before) / _MANY_STALLED / 1024)
    load.drop()


def _openings(names: Sequence[str], plan: Plan, *, tls: bool) -> list[Row]:
    """Sessions opened at a steady rate, whether or not the last ones are open; each then closes.

    The time to the 101 counts from when the opening was due.
    """
    rows: list[Row] = []
    with stage(names, tls=tls) as ready:
        for rate in OPENING_RATES:
            cell = openings(rate)
            tell("sessions", kind(tls=tls), cell)
            taken = {name: Samples(missing=ready.missing.get(name)) for name in names}
            for _ in range(plan.runs):
                for name, peer in ready.peers.items():
                    try:
                        _add_openings(taken[name], ready.load.open(peer, rate, plan.seconds), plan)
                    except BenchError as error:
                        taken[name].missing = str(error)
            rows += (
                samples.row("sessions", cell, name, tls=tls) for name, samples in taken.items()
            )
    return rows


def _add_openings(samples: Samples, result: OpenResult, plan: Plan) -> None:
    samples.add("achieved", "1/s", result.opened / max(result.opening_seconds, plan.seconds))
    samples.add("failed", "sessions", result.failed)
    samples.add("cpu", "us", result.peer_cpu / max(result.opened, 1) * 1e6)
    samples.add_load(result.cpu, result.seconds)
    if result.latency is not None:
        samples.add("p50", "ms", result.latency.p50 / 1000)
        samples.add("p99", "ms", result.latency.p99 / 1000)


def _memory(peer: Running) -> int:
    """After a moment in which closing sessions can end."""
    time.sleep(_SETTLING)
    return memory(peer.process) if peer.process else 0


def _descriptors(peer: Running) -> int:
    return descriptors(peer.process) if peer.process else 0
