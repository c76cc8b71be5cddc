"""A process that has no descriptors left."""

from __future__ import annotations

import resource
import time
from contextlib import suppress

from tests.reliability.clients import Client, Refusal, connect, opened
from tests.reliability.providers import serve_provider
from tests.reliability.relays import Relay, serve_relay
from tests.reliability.rows import Outcome, Place, Row

__all__ = ["ROWS"]

_CONNECTIONS = 300
_WATCHED = 3.0  # seconds


def _from_the_start(place: Place) -> Outcome:
    return _exhausted(place, before="ulimit -n 64")


def _taken_away(place: Place) -> Outcome:
    return _exhausted(place, left=40)


def _exhausted(place: Place, *, before: str = "", left: int | None = None) -> Outcome:
    limits = 'opening_timeout = "5s"'
    with (
        serve_provider() as provider,
        serve_relay(place.folder, provider.port, limits=limits, before=before) as relay,
        opened(relay) as good,
    ):
        if left is not None:
            resource.prlimit(relay.process.pid, resource.RLIMIT_NOFILE, (left, left))
        crowd = [connect(relay.port) for _ in range(_CONNECTIONS)]
        used = relay.cpu()
        echoes = _echoes_for(good, _WATCHED)
        share = (relay.cpu() - used) / _WATCHED
        for each in crowd:
            each.close()
        good.leave()
        took = _back_after(relay)
    outcome = Outcome(
        f"{_CONNECTIONS} connections: CPU {share:.0%}, the open session answered "
        f"{'always' if echoes else 'not'}; new ones again after {took:.1f} s"
    )
    outcome.promise("CPU below 10 %", share < 0.1)
    outcome.promise("the open session goes on", echoes)
    outcome.promise("back within 10 s", took < 10)
    return outcome


def _echoes_for(good: Client, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not good.echoes():
            return False
        time.sleep(0.1)
    return True


def _back_after(relay: Relay) -> float:
    """Seconds until a session opens again."""
    begun = time.monotonic()
    while time.monotonic() - begun < 15:
        with suppress(Refusal, OSError), opened(relay) as client:
            if client.echoes():
                break
        time.sleep(0.1)
    return time.monotonic() - begun


ROWS = (
    Row(
        "64 descriptors",
        "no crash, no spinning, back afterwards",
        "Trio sleeps 100 ms after each failure",
        _from_the_start,
    ),
    Row(
        "descriptors taken away",
        "the same when the system refuses them (EMFILE)",
        "Trio sleeps 100 ms after each failure",
        _taken_away,
    ),
)
