"""A peer that reads nothing, and one that floods it: who holds how much, and how that ends."""

from __future__ import annotations

import select
import time
from contextlib import AbstractContextManager, suppress

from tests.reliability.clients import Client, opened, watch
from tests.reliability.frames import BINARY, frame
from tests.reliability.providers import Provider, serve_provider
from tests.reliability.relays import Relay, serve_relay
from tests.reliability.rows import Outcome, Place, Row

__all__ = ["ROWS"]

_FLOOD = 256 << 20
_WRITE_TIMEOUT = 2.0
_LIMITS = f'write_timeout = "{_WRITE_TIMEOUT:.0f}s"\nclose_timeout = "1s"\n'
_MESSAGE = 1 << 20
_SINGLE = 256.0  # KiB: Python takes memory in larger pieces than one session needs
_KERNEL = 16.0  # MiB: what the socket buffers of both legs may take (tcp_wmem, tcp_rmem)


def _to_client(place: Place, lane: str, bound: float) -> Outcome:
    """The provider floods, the client reads nothing."""
    size = _MESSAGE if lane == "messages" else 1 << 16
    with serve_provider() as provider, _relay(place, provider) as relay:
        _warm_up(relay, lane)
        before = relay.memory()
        query = f"name=stalled&size={size}&flood={_FLOOD}"
        with opened(relay, query, lane=lane) as client:
            begun = time.monotonic()
            sent = 0
            while time.monotonic() < begun + _WRITE_TIMEOUT / 2:
                client.send()
                sent += 1
                time.sleep(0.02)
            growth = relay.memory() - before
            provider.wait(lambda reports: reports[-1].messages >= sent, 1)
            seen = provider.report("stalled")
            reports = provider.wait(lambda each: each[-1].closed_at is not None, 10)
            (end,) = watch([client], 5)
    told = reports[-1]
    waited = (told.closed_at or 0) - begun
    outcome = Outcome(
        f"+{growth:.0f} KiB, kernel {seen.sent / 2**20:.1f} MiB; {seen.messages} of {sent} "
        f"messages the other way; after {waited:.1f} s reset, provider told {told.close}"
    )
    outcome.promise(f"less than {bound:.0f} KiB more", growth < bound)
    outcome.compare("256 KiB", growth < _SINGLE if lane == "verbatim" else True)
    outcome.promise("kernel buffers only", seen.sent < _KERNEL * 2**20)
    outcome.promise("the other direction flows", seen.messages == sent)
    outcome.promise("1001 to the provider", told.close == 1001)
    outcome.promise("reset to the client", end.reset)
    outcome.promise("within twice write_timeout", waited < 2 * _WRITE_TIMEOUT + 1)
    return outcome


def _to_provider(place: Place, lane: str, bound: float) -> Outcome:
    """The client floods, the provider reads nothing."""
    size = _MESSAGE if lane == "messages" else 1 << 16
    with serve_provider() as provider, _relay(place, provider) as relay:
        _warm_up(relay, lane)
        before = relay.memory()
        query = f"name=stalled&talk=0.02&deaf={_WRITE_TIMEOUT + 2}"
        with opened(relay, query, lane=lane) as client:
            begun = time.monotonic()
            taken = _flood(client, size, begun + _WRITE_TIMEOUT / 2)
            growth = relay.memory() - before
            heard = client.messages
            (end,) = watch([client], 10)
            reports = provider.wait(lambda each: each[-1].ended_at is not None, 10)
    told = reports[-1]
    waited = (end.closed_at or 0) - begun
    outcome = Outcome(
        f"+{growth:.0f} KiB, kernel {taken / 2**20:.1f} MiB; {heard} messages the other way; after "
        f"{waited:.1f} s client told {end.close}, provider {'reset' if told.reset else 'ended'}"
    )
    outcome.promise(f"less than {bound:.0f} KiB more", growth < bound)
    outcome.compare("256 KiB", growth < _SINGLE if lane == "verbatim" else True)
    outcome.promise("kernel buffers only", taken < _KERNEL * 2**20)
    outcome.promise("the other direction flows", heard >= _WRITE_TIMEOUT / 2 / 0.02 * 0.5)
    outcome.promise("1011 to the client", end.close == 1011)
    outcome.promise("reset to the provider", told.reset)
    outcome.promise("within twice write_timeout", 0 < waited < 2 * _WRITE_TIMEOUT + 1)
    return outcome


def _flood(client: Client, size: int, until: float) -> int:
    """Send what is taken, and read what comes; return how many bytes were taken."""
    data = memoryview(frame(BINARY, bytes(size), masked=True))
    sock, at, taken = client.socket, 0, 0
    sock.setblocking(False)
    while (left := until - time.monotonic()) > 0 and taken < _FLOOD:
        readable, writable, _ = select.select([sock], [sock], [], left)
        if readable:
            for _ in client.read():
                pass
        if writable:
            with suppress(BlockingIOError):
                count = sock.send(data[at:])
                taken += count
                at = (at + count) % len(data)
    sock.setblocking(True)
    return taken


def _relay(place: Place, provider: Provider) -> AbstractContextManager[Relay]:
    return serve_relay(
        place.folder,
        provider.port,
        limits=f'{_LIMITS}max_message_size = "1MiB"',
    )


def _warm_up(relay: Relay, lane: str) -> None:
    """So that what is loaded and allocated once is not counted."""
    for _ in range(20):
        with opened(relay, lane=lane) as client:
            assert client.echoes(bytes(60_000))


def _row(direction: str, lane: str, bound: float) -> Row:
    measure = {"client": _to_client, "provider": _to_provider}[direction]
    limit = "512 KiB" if lane == "verbatim" else "4 x max_message_size (1 MiB)"
    return Row(
        f"{direction} reads nothing, {lane}",
        f"memory +{limit} at most, the other direction flows, ended at write_timeout",
        "nginx, Envoy +0 to 12 KiB, 6.9 to 9.4 MiB in the kernel",
        lambda place: measure(place, lane, bound),
        quick=lane == "verbatim",
    )


ROWS = tuple(
    _row(direction, lane, bound)
    for lane, bound in (("verbatim", 512), ("messages", 4 * 1024))
    for direction in ("client", "provider")
)
