"""A peer that is gone: how soon the other side is told."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.reliability.clients import Client, open_many, watch
from tests.reliability.frames import BINARY, frame
from tests.reliability.providers import serve_provider
from tests.reliability.relays import Relay, serve_relay
from tests.reliability.rows import Outcome, Place, Row

__all__ = ["ROWS"]

_HALF_A_FRAME = frame(BINARY, bytes(1000), masked=True)[:500]


def _provider_killed(place: Place) -> Outcome:
    sessions = 200 if place.quick else 1000
    with serve_provider() as provider, serve_relay(place.folder, provider.port) as relay:
        before = relay.descriptors()
        with open_many(relay, sessions) as clients:
            killed = time.monotonic()
            provider.kill()
            ends = watch(clients, 15)
            left = _descriptors_left(relay, before)
    told = sorted(end.closed_at - killed for end in ends if end.close == 1011 and end.closed_at)
    outcome = Outcome(
        f"{len(told)} of {sessions} told 1011, median {told[len(told) // 2] * 1000:.0f} ms, "
        f"last {told[-1] * 1000:.0f} ms; {left} descriptors more"
        if told
        else "nobody was told"
    )
    outcome.promise("1011 to all", len(told) == sessions)
    outcome.promise("no more descriptors than before", left <= 0)
    outcome.compare("100 ms", told and told[-1] < 0.1)
    return outcome


def _descriptors_left(relay: Relay, before: int) -> int:
    """How many more there are than before, at most a second later."""
    deadline = time.monotonic() + 1
    while (left := relay.descriptors() - before) > 0 and time.monotonic() < deadline:
        time.sleep(0.02)
    return left


_WAYS: tuple[tuple[str, bytes, Callable[[Client], None]], ...] = (
    ("FIN", b"", Client.leave),
    ("RST", b"", Client.reset),
    ("half a frame, FIN", _HALF_A_FRAME, Client.leave),
    ("half a frame, RST", _HALF_A_FRAME, Client.reset),
)
_FORWARDING = 0.01  # seconds, or a reset would overtake what was sent before it


def _client_gone(place: Place) -> Outcome:
    each_way = 10 if place.quick else 25
    slowest: dict[str, float] = {}
    told = cut = 0
    with serve_provider() as provider, serve_relay(place.folder, provider.port) as relay:
        before = relay.descriptors()
        for way, said, end in _WAYS:
            delays: list[float] = []
            for number in range(each_way):
                name = f"{way.replace(' ', '+')}-{number}"
                with open_many(relay, 1, f"name={name}&hush=") as (client,):
                    client.socket.sendall(said)
                    time.sleep(_FORWARDING)
                    gone = time.monotonic()
                    end(client)
                    reports = provider.wait(
                        lambda each: bool(each[-1].closed_at or each[-1].ended_at), 5
                    )
                seen = reports[-1]
                delays.append((seen.closed_at or seen.ended_at or gone + 5) - gone)
                told += seen.close == 1001
                cut += seen.close is None and (seen.reset or seen.cut)
            slowest[way] = max(delays) * 1000
        left = _descriptors_left(relay, before)
    outcome = Outcome(
        ", ".join(f"{way} {slowest[way]:.0f} ms" for way in slowest)
        + f" at most; told 1001: {told}, reset within a frame: {cut}; {left} descriptors more"
    )
    outcome.promise("the provider is told or reset", told + cut == each_way * len(_WAYS))
    outcome.promise("within 100 ms", max(slowest.values()) < 100)
    outcome.promise("no more descriptors than before", left <= 0)
    outcome.compare("2 ms", max(slowest.values()) <= 2)
    return outcome


ROWS = (
    Row(
        "provider killed",
        "every client gets 1011, nothing is left",
        "EOF in 0.4 ms",
        _provider_killed,
    ),
    Row(
        "client gone",
        "the provider gets 1001, or a reset within a frame",
        "EOF in 2 ms",
        _client_gone,
    ),
)
