"""Time to open, act by act: what the relay's own log says of each session that it opens.

Sessions are opened at a rate so low that each is alone. For each the relay logs a line `opened`
with the milliseconds of every act: its level is the default one, so this is no special mode. Beside
the acts stand their sum, and the time to the 101 as the client sees it, which also has what the
kernel takes between the two, and what the relay does between the acts.
"""

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.load import OpenResult
from bench.peers.relay import LOGGING
from bench.processes import BenchError
from bench.results import Row
from bench.samples import Samples
from bench.stage import kind, stage_of, tell

SESSIONS = 300
RATE = 50.0
_WARM_UP = 20  # sessions, so that what is loaded and resolved once is not counted

_ACTS = {
    "tls_ms": "the client's TLS",
    "head_ms": "head",
    "authorise_ms": "authorise",
    "connect_ms": "resolve and connect",
    "upstream_tls_ms": "the provider's TLS",
    "upstream_ms": "the provider's 101",
    "answer_ms": "answer",
}
_OF_TLS = {"tls_ms", "upstream_tls_ms"}
_SUM = "all acts"
_CLIENT = "seen by the client"


def measure(sessions: int, *, tls: bool) -> list[Row]:
    """The median and the 99th percentile of each act over so many sessions."""
    tell("opening", kind(tls=tls))
    with stage_of([LOGGING], tls=tls) as ready:
        peer = ready.peers.get(LOGGING.name)
        if peer is None:
            return [_missing(ready.missing[LOGGING.name], tls=tls)]
        assert peer.output is not None
        try:
            ready.load.churn(peer, _WARM_UP, 1)
            result = ready.load.open(peer, RATE, sessions / RATE)
            acts = read_acts(peer.output, tls=tls)
        except BenchError as error:
            return [_missing(str(error), tls=tls)]
    if result.failed:
        return [_missing(f"{result.failed} of {result.due} openings failed", tls=tls)]
    return rows({act: values[-result.opened :] for act, values in acts.items()}, result, tls=tls)


def read_acts(log: Path, *, tls: bool) -> dict[str, list[float]]:
    """The milliseconds of each act, of each session that the log says was opened, in its order.

    Raises BenchError if it says so of none, or a line lacks an act.
    """
    lines = [line for line in _events(log) if line.get("event") == "opened"]
    if not lines:
        raise BenchError("the relay's log has no line 'opened'")
    fields = [field for field in _ACTS if tls or field not in _OF_TLS]
    absent = [field for field in fields if any(field not in line for line in lines)]
    if absent:
        raise BenchError(f"the relay's log lines 'opened' lack {', '.join(absent)}")
    return {_ACTS[field]: [float(line[field]) for line in lines] for field in fields}


def _events(log: Path) -> Iterable[dict[str, float | str]]:
    """The JSON lines of a log; others, such as "listening on URL", are left out."""
    for line in log.read_text().splitlines():
        if line.startswith("{"):
            yield json.loads(line)


def rows(acts: dict[str, list[float]], result: OpenResult, *, tls: bool) -> list[Row]:
    """A row for each act, one for their sum, and one for what the client saw."""
    sums = [math.fsum(session) for session in zip(*acts.values(), strict=True)]
    figures = {
        act: (percentile(values, 0.5), percentile(values, 0.99))
        for act, values in {**acts, _SUM: sums}.items()
    }
    if result.latency is not None:
        figures[_CLIENT] = (result.latency.p50 / 1000, result.latency.p99 / 1000)
    return [_row(act, *figure, tls=tls) for act, figure in figures.items()]


def _row(act: str, p50: float, p99: float, *, tls: bool) -> Row:
    samples = Samples()
    samples.add("p50", "ms", p50)
    samples.add("p99", "ms", p99)
    return samples.row("opening", act, LOGGING.name, tls=tls)


def _missing(reason: str, *, tls: bool) -> Row:
    return Samples(missing=reason).row("opening", _SUM, LOGGING.name, tls=tls)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed."""
    return sorted(values)[max(math.ceil(share * len(values)), 1) - 1]
