"""Realtime pacing, an open loop: many sessions, each with messages at a steady rate both ways.

The k-th message of a session leaves k/RATE seconds after its first, whether or not earlier answers
have come, and its latency counts from when it was due. So a proxy that stops for a while is charged
for every message that was due meanwhile, not for one (what is known as coordinated omission).

Added latency is a percentile less the same percentile of bare loopback in the same turn, and of
that the median over the turns. What one message waited in the proxy cannot be seen from outside;
this says how much later the slowest hundredth came than it does without a proxy. The two are
different runs, so where the machine disturbs loopback by more than a proxy adds, the difference
comes out at zero or below. That is no latency: the row then has no figure and says why, and a bar
that needs it counts as not measured. A floor in its place would be a figure that nobody measured.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bench.load import PacedResult
from bench.processes import BenchError
from bench.results import LOOPBACK, PACED, Measure, Row
from bench.samples import Samples
from bench.stage import kind, stage, tell

SESSIONS = 200
SIZE = 1024
RATE = 50.0


def measure(names: Sequence[str], *, tls: bool, seconds: float, runs: int) -> list[Row]:
    """`runs` turns of `seconds`; loopback takes part whether or not it is named."""
    everyone = [LOOPBACK, *(name for name in names if name != LOOPBACK)]
    with stage(everyone, tls=tls) as ready:
        taken = {name: Samples(missing=ready.missing.get(name)) for name in everyone}
        for run in range(runs):
            tell("pacing", kind(tls=tls), f"run {run + 1} of {runs}")
            turn: dict[str, PacedResult] = {}
            for name, peer in ready.peers.items():
                try:
                    turn[name] = ready.load.paced(peer, SESSIONS, SIZE, RATE, seconds)
                except BenchError as error:
                    taken[name].missing = str(error)
            add_turn(taken, turn)
        return [
            above_noise(samples.row("pacing", PACED, name, tls=tls))
            for name, samples in taken.items()
        ]


_ADDED: dict[Measure, str] = {"added_p50": "p50", "added_p99": "p99"}


def above_noise(row: Row) -> Row:
    """The row without those added latencies that are not above zero, and with a note on them."""
    lost = [
        measure for measure in _ADDED if measure in row.values and row.values[measure].value <= 0
    ]
    if not lost:
        return row
    which = " and ".join(_ADDED[measure] for measure in lost)
    return replace(
        row,
        values={measure: value for measure, value in row.values.items() if measure not in lost},
        note=f"{which} not above loopback's noise, so there is no added latency to give",
    )


def add_turn(taken: Mapping[str, Samples], turn: Mapping[str, PacedResult]) -> None:
    """Adds one turn, in which loopback took part, to each peer's figures."""
    for name, result in turn.items():
        samples = taken[name]
        answered = result.messages - result.lost
        samples.add("lost", "messages", result.lost)
        samples.add_load(result.cpu, result.seconds)
        if result.latency is None:
            continue
        samples.add("cpu", "us", result.peer_cpu / answered * 1e6)
        samples.add("p50", "us", result.latency.p50)
        samples.add("p90", "us", result.latency.p90)
        samples.add("p99", "us", result.latency.p99)
        samples.add("late_p99", "us", result.lateness.p99)
        bare = turn[LOOPBACK].latency
        if name != LOOPBACK and bare is not None:
            samples.add("added_p50", "us", result.latency.p50 - bare.p50)
            samples.add("added_p99", "us", result.latency.p99 - bare.p99)
