"""SIGTERM, once and twice, with sessions open and messages under way."""

from __future__ import annotations

import selectors
import signal
import time

from tests.reliability.clients import Client, Refusal, open_many, opened, status, watch
from tests.reliability.providers import serve_provider
from tests.reliability.relays import Relay, serve_relay
from tests.reliability.rows import Outcome, Place, Row

__all__ = ["ROWS"]

_DRAIN = 20.0
_LIMITS = f'drain_timeout = "{_DRAIN:.0f}s"\nclose_timeout = "3s"\n'
_BUSY = 100
_PER_SECOND = 500
_BEFORE = 2.0  # seconds of messages


def _graceful(place: Place) -> Outcome:
    sessions = 300 if place.quick else 1000
    with (
        serve_provider() as provider,
        serve_relay(place.folder, provider.port, limits=_LIMITS) as relay,
        open_many(relay, 1, "name=mute&hush=") as (mute,),  # answers no Close: the stop takes 3 s
        open_many(relay, sessions - _BUSY, "name=idle") as idle,
        open_many(relay, _BUSY, "name=busy") as busy,
    ):
        sent = _talk(busy, _BEFORE)
        stopped = time.monotonic()
        relay.process.send_signal(signal.SIGTERM)
        sent += _talk(busy, 0.1)
        refused, ready = _refusal(relay), status(relay.port, "/readyz")
        ends = watch([*busy, *idle], _DRAIN)
        told = max((end.closed_at or 0) - stopped for end in ends)
        code = relay.process.wait(_DRAIN + 5)
        took = time.monotonic() - stopped
        reports = [each for each in provider.reports() if each.name in {"busy", "idle"}]
        mute.leave()
    answered = sum(each.messages for each in busy)
    cut = sum(end.cut for end in ends) + sum(each.cut for each in reports)
    outcome = Outcome(
        f"{sessions} sessions, {sent} messages: new ones {refused}, readyz {ready}; 1001 to "
        f"{sum(end.close == 1001 for end in ends)} clients within {told:.2f} s and to "
        f"{sum(each.close == 1001 for each in reports)} providers, "
        f"{cut} frames cut, "
        f"{sent - answered} messages without answer; exit {code} after {took:.1f} s"
    )
    outcome.promise("503 for new sessions", refused == 503)
    outcome.promise("readyz 503", ready == 503)
    outcome.promise("1001 to clients", all(end.close == 1001 for end in ends))
    outcome.promise("1001 to providers", all(each.close == 1001 for each in reports))
    outcome.promise("no frame is cut", not cut)
    outcome.promise("exit code 0", code == 0)
    outcome.promise("within drain_timeout", took < _DRAIN)
    return outcome


def _talk(clients: list[Client], seconds: float) -> int:
    """Messages at a steady rate, and their echoes; returns how many were sent."""
    sent, begun = 0, time.monotonic()
    with selectors.DefaultSelector() as selector:
        for each in clients:
            selector.register(each.socket, selectors.EVENT_READ, each)
        while (now := time.monotonic() - begun) < seconds:
            while sent < now * _PER_SECOND:
                client = clients[sent % len(clients)]
                sent += 1
                if client.end.closed_at is None:
                    client.send(bytes(200))
            for key, _ in selector.select(1 / _PER_SECOND):
                for _ in key.data.read():
                    pass
                if key.data.end.ended_at is not None:
                    selector.unregister(key.fileobj)
    return sent


def _refusal(relay: Relay) -> int:
    try:
        with opened(relay):
            return 101
    except Refusal as refusal:
        return refusal.status


def _hard(place: Place) -> Outcome:
    """Nobody answers a Close, so that the stop would take close_timeout."""
    with (
        serve_provider() as provider,
        serve_relay(place.folder, provider.port, limits=_LIMITS) as relay,
        open_many(relay, 20, "hush=") as clients,
    ):
        relay.process.send_signal(signal.SIGTERM)
        told = [client.receive() == b"" and client.end.close for client in clients]
        begun = time.monotonic()
        relay.process.send_signal(signal.SIGTERM)
        code = relay.process.wait(10)
        took = time.monotonic() - begun
    outcome = Outcome(f"exit {code} after {took * 1000:.0f} ms; clients had been told {set(told)}")
    outcome.promise("within a second", took < 1)
    outcome.promise("exit code 0", code == 0)
    return outcome


ROWS = (
    Row(
        "graceful stop",
        "503 for new ones, 1001 on both legs, no frame cut, exit 0 within drain_timeout",
        "Caddy: 1001 on both legs in 5 ms; others: EOF, or wait for ever",
        _graceful,
    ),
    Row("second SIGTERM", "ends at once", "-", _hard),
)
