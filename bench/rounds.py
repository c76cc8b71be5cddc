"""Closed-loop cells: on each connection one message is under way, and the next one leaves when the
echo's answer has come.

CPU time per round trip (one message each way) is the figure to look at. The latencies are those of
a proxy that is kept as busy as it can be; bench.pacing has those of a realtime conversation.
"""

from collections.abc import Sequence

from bench import results
from bench.load import RoundsResult
from bench.processes import BenchError
from bench.results import Row
from bench.samples import Samples
from bench.stage import Stage, kind, stage, tell

CELLS = ((1, 256), (32, 256), (8, 4096), (4, 65536))
_WARM_UP = 0.2


def measure(names: Sequence[str], *, tls: bool, seconds: float, runs: int) -> list[Row]:
    """Every cell of every peer: `runs` runs of `seconds`, the peers taking turns."""
    with stage(names, tls=tls) as ready:
        rows = [
            row
            for connections, size in CELLS
            for row in _cell(ready, connections, size, tls=tls, seconds=seconds, runs=runs)
        ]
        missing = (
            Samples(missing=reason).row("rounds", results.rounds(*cell), name, tls=tls)
            for cell in CELLS
            for name, reason in ready.missing.items()
        )
        return [*rows, *missing]


def _cell(
    ready: Stage, connections: int, size: int, *, tls: bool, seconds: float, runs: int
) -> list[Row]:
    cell = results.rounds(connections, size)
    tell("rounds", kind(tls=tls), cell)
    taken = {name: Samples() for name in ready.peers}
    for run in range(runs):
        for name, peer in ready.peers.items():
            samples = taken[name]
            if samples.missing:
                continue
            try:
                if run == 0:
                    ready.load.rounds(peer, connections, size, min(_WARM_UP, seconds))
                result = ready.load.rounds(peer, connections, size, seconds)
            except BenchError as error:
                samples.missing = str(error)
                continue
            add_rounds(samples, result)
    return [samples.row("rounds", cell, name, tls=tls) for name, samples in taken.items()]


def add_rounds(samples: Samples, result: RoundsResult) -> None:
    """Adds one run of a closed loop to the figures of its cell."""
    samples.add("cpu", "us", result.peer_cpu / result.round_trips * 1e6)
    samples.add("p50", "us", result.latency.p50)
    samples.add("p90", "us", result.latency.p90)
    samples.add("p99", "us", result.latency.p99)
    samples.add("throughput", "1/s", result.round_trips / result.seconds)
    samples.add_load(result.cpu, result.seconds)
