"""Connections that take their time, say nothing, or come all at once."""

from __future__ import annotations

import selectors
import socket
import time
from contextlib import suppress

from bench.load import started
from tests.reliability.clients import connect, opened
from tests.reliability.providers import serve_provider
from tests.reliability.relays import Relay, serve_relay
from tests.reliability.rows import Outcome, Place, Row

__all__ = ["ROWS"]

_TIMEOUT = 5.0
_HEAD = b"GET /v1/acct/verbatim/local HTTP/1.1\r\nHost: localhost\r\nX-Slow: " + b"x" * 60


class _Crowd:
    """Connections that are no sessions, and what becomes of them."""

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self._selector = selector
        self._began: dict[socket.socket, float] = {}
        self.ended: list[float] = []
        """After how many seconds each was ended."""
        self.answers: set[bytes] = set()

    def join(self, port: int, said: bytes) -> None:
        """Connect, and say this."""
        sock = connect(port)
        sock.sendall(said)
        self._began[sock] = time.monotonic()
        self._selector.register(sock, selectors.EVENT_READ)

    def say(self, byte: bytes) -> None:
        """One byte more, each."""
        for sock in self._began:
            with suppress(OSError):  # ended; that is found by reading
                sock.send(byte)

    def read(self, timeout: float) -> None:
        """See who was answered, and who was ended."""
        for key, _ in self._selector.select(timeout):
            sock = key.fileobj
            assert isinstance(sock, socket.socket)
            try:
                data = sock.recv(4096)
            except OSError:
                data = b""
            self.answers.add(data[9:12])
            self._selector.unregister(sock)
            self.ended.append(time.monotonic() - self._began.pop(sock))
            sock.close()

    def leave(self) -> None:
        for sock in self._began:
            sock.close()


def _good(relay: Relay) -> float:
    """Seconds in which a session opened and a message came back."""
    begun = time.monotonic()
    with opened(relay) as client:
        assert client.echoes()
    return time.monotonic() - begun


def _slow_heads(place: Place) -> Outcome:
    count = 300 if place.quick else 1000
    limits = f'opening_timeout = "{_TIMEOUT:.0f}s"'
    good: list[float] = []
    with (
        serve_provider() as provider,
        serve_relay(place.folder, provider.port, limits=limits) as relay,
        selectors.DefaultSelector() as selector,
    ):
        _good(relay)
        crowd, begun = _Crowd(selector), time.monotonic()
        for at in range(count):
            crowd.join(relay.port, _HEAD[: at % len(_HEAD)] or b"G")
        second = time.monotonic()
        while len(crowd.ended) < count and time.monotonic() < begun + _TIMEOUT + 10:
            if time.monotonic() >= second:
                crowd.say(b"x")
                second += 1
            good.append(_good(relay))
            crowd.read(0.1)
        crowd.leave()
    first, last = min(crowd.ended), max(crowd.ended)
    good.sort()
    outcome = Outcome(
        f"{len(crowd.ended)} of {count} ended after {first:.1f} to {last:.1f} s, with "
        f"{' '.join(sorted(each.decode() for each in crowd.answers))}; a session opens in "
        f"{good[len(good) // 2] * 1000:.0f} ms, at most {good[-1] * 1000:.0f} ms"
    )
    outcome.promise("all are ended", len(crowd.ended) == count)
    outcome.promise("with 408", crowd.answers == {b"408"})
    outcome.promise("not before opening_timeout", first > _TIMEOUT - 0.5)
    outcome.promise("not long after it", last < _TIMEOUT + 2)
    outcome.compare("50 ms at most", good[-1] < 0.05)
    return outcome


def _silent(place: Place) -> Outcome:
    most, count = 100, 600
    server = f"max_openings = {most}"
    limits = f'opening_timeout = "{_TIMEOUT:.0f}s"'
    good: list[float] = []
    with (
        serve_provider() as provider,
        serve_relay(place.folder, provider.port, server=server, limits=limits) as relay,
        selectors.DefaultSelector() as selector,
    ):
        _good(relay)
        before, most_seen = relay.descriptors(), 0
        crowd, begun = _Crowd(selector), time.monotonic()
        joined = 0
        while len(crowd.ended) < count and time.monotonic() < begun + _TIMEOUT + 15:
            for _ in range(min(10, count - joined)):
                crowd.join(relay.port, b"")
                joined += 1
            if joined % 50 == 0:
                good.append(_good(relay))
            crowd.read(0.05)
            while selector.select(0):
                crowd.read(0)
            most_seen = max(most_seen, relay.descriptors() - before)
        crowd.leave()
    good.sort()
    outcome = Outcome(
        f"of {count} never more than {most_seen} at a time, {len(crowd.ended)} ended; "
        f"a session opens in {good[len(good) // 2] * 1000:.0f} ms, at most {good[-1] * 1000:.0f} ms"
    )
    outcome.promise("no more than max_openings", most_seen <= most + 10)
    outcome.promise("all are ended", len(crowd.ended) == count)
    outcome.promise("without an answer", crowd.answers == {b""})
    outcome.promise("a session opens within 2 s", good[-1] < 2)
    return outcome


def _storm(place: Place) -> Outcome:
    count = 2000 if place.quick else 10_000
    with started(None) as load, serve_relay(place.folder, 1, echo=load.port) as relay:
        load.churn(relay.peer(), count // 5, 50)
        time.sleep(0.5)
        memory, descriptors = relay.memory(), relay.descriptors()
        result = load.churn(relay.peer(), count, 50)
        deadline = time.monotonic() + 2
        while relay.descriptors() > descriptors and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)
        grown, left = relay.memory() - memory, relay.descriptors() - descriptors
    rate = result.opened / result.seconds
    outcome = Outcome(
        f"{rate:.0f}/s ({result.peer_cpu / result.opened * 1e3:.2f} ms of CPU each), "
        f"{result.failed} of {count} failed, {left} descriptors and {grown:.0f} KiB more"
    )
    outcome.promise("none fails", result.failed == 0)
    outcome.promise("no more descriptors than before", left <= 0)
    outcome.promise("less than 2 MiB more", grown < 2048)
    outcome.compare("twice mitmproxy's 540/s", rate >= 1080)
    return outcome


ROWS = (
    Row(
        "slow heads",
        "a byte a second: 408 at opening_timeout, and others open meanwhile",
        "nginx 60 s a read; HAProxy 408; a good client connects in 50 ms",
        _slow_heads,
        quick=False,
    ),
    Row(
        "silent connections",
        "max_openings bounds them, and others open meanwhile",
        "HAProxy lets all wait at maxconn",
        _silent,
        quick=False,
    ),
    Row(
        "a storm of openings",
        "50 at once: none fails, nothing is left",
        "twice mitmproxy's 540/s (nginx 6172, HAProxy 4556)",
        _storm,
        quick=False,
    ),
)
