"""One session that means well, beside others that don't: what it feels of them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from bench.cores import load_core, on_core
from bench.load import Latency, Load, started
from tests.reliability.clients import Client
from tests.reliability.frames import BINARY, frame
from tests.reliability.providers import serve_provider
from tests.reliability.relays import ROOT, Relay, serve_relay
from tests.reliability.rows import Outcome, Place, Row

__all__ = ["ROWS"]

_RATE = 100  # messages a second
_SECONDS = 3.0
_MIB = 1 << 20


def _good(load: Load, relay: Relay) -> Latency:
    """The round trips of a session with a message of 256 bytes every 10 ms."""
    latency = load.paced(relay.peer(), 1, 256, _RATE, _SECONDS).latency
    assert latency is not None
    return latency


def _figure(alone: Latency, beside: Latency) -> str:
    return (
        f"p99 {alone.p99 / 1000:.2f} ms alone, {beside.p99 / 1000:.2f} beside them; "
        f"worst {alone.max / 1000:.1f} and {beside.max / 1000:.1f} ms"
    )


def _stalled(place: Place) -> Outcome:
    with started(None) as load, serve_relay(place.folder, 1, echo=load.port) as relay:
        load.churn(relay.peer(), 20, 4)
        alone = _good(load, relay)
        load.stall(relay.peer(), 100, 16384)
        beside = _good(load, relay)
        load.drop()
    outcome = Outcome(_figure(alone, beside))
    outcome.compare("p99 less than half a millisecond more", beside.p99 < alone.p99 + 500)
    outcome.promise("nobody waits a tenth of a second", beside.p99 < 100_000)
    return outcome


def _beside_flood(place: Place, lane: str, flood: str, worst: float) -> Outcome:
    with (
        serve_provider() as provider,
        started(None) as load,
        serve_relay(place.folder, provider.port, echo=load.port) as relay,
    ):
        load.churn(relay.peer(), 20, 4)
        alone = _good(load, relay)
        with _flooding(relay, lane, flood):
            beside = _good(load, relay)
    outcome = Outcome(_figure(alone, beside))
    outcome.promise(f"nobody waits {worst:.0f} ms", beside.max < worst * 1000)
    return outcome


@contextmanager
def _flooding(relay: Relay, lane: str, flood: str) -> Iterator[None]:
    """A process that sends this over and over."""
    target = relay.target("drain=", lane=lane)
    with on_core(load_core()):
        process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(relay.port), target, flood], cwd=ROOT
        )
    try:
        yield
    finally:
        assert process.poll() is None, "the flood ended"
        process.kill()
        process.wait()


def _flood(port: int, target: str, flood: str) -> None:
    """Send until killed."""
    size, count = (int(each) for each in flood.split("x"))
    client = Client(port, target)
    client.complete()
    client.socket.settimeout(None)
    data = frame(BINARY, bytes(size), masked=True) * count
    while True:
        client.socket.sendall(data)


def _tiny_frames(place: Place) -> Outcome:
    return _beside_flood(place, "verbatim", "1x10000", 100)


def _tiny_messages(place: Place) -> Outcome:
    return _beside_flood(place, "messages", "1x10000", 500)


def _large_messages(place: Place) -> Outcome:
    return _beside_flood(place, "messages", f"{32 * _MIB}x1", 3000)


ROWS = (
    Row(
        "beside 100 stalled sessions",
        "nobody waits for them",
        "unchanged p99",
        _stalled,
        quick=False,
    ),
    Row("beside a flood of tiny frames", "worst delay < 100 ms", "-", _tiny_frames, quick=False),
    Row(
        "beside tiny messages, message lane",
        "worst delay < 500 ms",
        "-",
        _tiny_messages,
        quick=False,
    ),
    Row(
        "beside messages of 32 MiB",
        "worst delay < 3 s in the message lane",
        "-",
        _large_messages,
        quick=False,
    ),
)

if __name__ == "__main__":
    _flood(int(sys.argv[1]), *sys.argv[2:])
