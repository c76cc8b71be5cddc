"""Realtime pacing, an open loop: many sessions, each with messages at a steady rate both ways.

The k-th message of a session leaves k/RATE seconds after its first, whether or not earlier answers
have come, and its latency counts from when it was due. So a proxy that stops for a while is charged
for every message that was due meanwhile, not for one (what is known as coordinated omission).

Added latency is a percentile less the same percentile of bare loopback in the same turn.
"""

from collections.abc import Mapping, Sequence

from bench.load import PacedResult
from bench.processes import BenchError
from bench.results import LOOPBACK, PACED, Row
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
        return [samples.row("pacing", PACED, name, tls=tls) for name, samples in taken.items()]


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
