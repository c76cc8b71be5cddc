"""What sessions take of memory, and whether it is given back."""

from __future__ import annotations

import time

from bench.load import started
from bench.peers import Running
from bench.processes import descriptors, memory
from bench.stage import stage
from tests.reliability.relays import Relay, serve_relay
from tests.reliability.rows import Outcome, Place, Row

__all__ = ["ROWS"]

_WARM_UP = 200  # sessions, so that what is loaded and allocated once is not counted
_SETTLING = 0.5


def _idle(place: Place, *, tls: bool, goal: float, best: float) -> Outcome:
    sessions = 500 if place.quick or tls else 2000
    with stage(["relay"], tls=tls) as ready:
        peer = ready.peers["relay"]
        ready.load.churn(peer, _WARM_UP, 16)
        before = _settled(peer)
        ready.load.hold(peer, sessions)
        each = (_settled(peer) - before) / sessions / 1024
    outcome = Outcome(f"{each:.1f} KiB each, of {sessions}")
    outcome.promise(f"less than {goal} KiB", each < goal)
    outcome.compare(f"{best} KiB", each <= best)
    return outcome


def _plain(place: Place) -> Outcome:
    return _idle(place, tls=False, goal=64, best=4.5)


def _tls(place: Place) -> Outcome:
    return _idle(place, tls=True, goal=128, best=84)


def _settled(peer: Running) -> int:
    time.sleep(_SETTLING)
    assert peer.process is not None
    return memory(peer.process)


def _returned(place: Place) -> Outcome:
    rounds, sessions = (3, 500) if place.quick else (5, 2000)
    with started(None) as load, serve_relay(place.folder, 1, echo=load.port) as relay:
        load.churn(relay.peer(), _WARM_UP, 16)
        descriptors_before = relay.descriptors()
        after: list[float] = []
        for _ in range(rounds):
            load.hold(relay.peer(), sessions)
            load.drop()
            _wait_for_descriptors(relay, descriptors_before)
            time.sleep(_SETTLING)
            after.append(relay.memory() / 1024)
        left = relay.descriptors() - descriptors_before
    growth = after[-1] / after[1] - 1
    outcome = Outcome(
        f"{rounds} x {sessions}: {' '.join(f'{each:.1f}' for each in after)} MiB "
        f"({growth:+.1%} since the second), {left} descriptors more"
    )
    outcome.promise("no more than 2 % above the second round", growth <= 0.02)
    outcome.promise("no more descriptors than before", left <= 0)
    return outcome


def _wait_for_descriptors(relay: Relay, wanted: int) -> None:
    deadline = time.monotonic() + 10
    while descriptors(relay.process) > wanted and time.monotonic() < deadline:
        time.sleep(0.05)


ROWS = (
    Row("idle memory, plain", "< 64 KiB a session", "HAProxy 4.5 KiB, nginx 16.8 KiB", _plain),
    Row("idle memory, TLS", "< 128 KiB a session", "nginx 84 KiB", _tls),
    Row(
        "memory after close",
        "back, and no descriptor left",
        "nginx +0; HAProxy, Envoy, Caddy keep their pools",
        _returned,
    ),
)
