"""Third parties that carry sessions: those of the benchmark as it configures them, and others."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.peers import Site, find_peer
from bench.processes import free_port, running
from relay.testing.subject import Address, Fidelity, Front, Subject
from tests.thirdparty.environment import PYTHON

__all__ = ["PROXIES", "Proxy"]


@dataclass(frozen=True)
class Proxy:
    """A third party that carries sessions."""

    name: str
    subject: Subject
    missing: Callable[[], str | None]
    """Why it cannot run here; None if it can."""


def _peer(name: str, fidelity: Fidelity) -> Proxy:
    """One that the benchmark measures."""
    peer = find_peer(name)

    @contextmanager
    def subject(origin: Address) -> Iterator[Front]:
        with (
            TemporaryDirectory(prefix=f"thirdparty-{name}-") as folder,
            peer.running(Site(Path(folder), origin.port, tls=None)) as process,
        ):
            yield Front(Address("127.0.0.1", process.port), process.target, fidelity=fidelity)

    return Proxy(name, subject, lambda: peer.missing(Site(Path(), 0, tls=None)))


def _program(name: str, command: Callable[[int, int], Sequence[str | Path]]) -> Proxy:
    """One that is a command with the ports on which it listens and which it dials."""

    @contextmanager
    def subject(origin: Address) -> Iterator[Front]:
        port = free_port()
        with (
            TemporaryDirectory(prefix=f"thirdparty-{name}-") as folder,
            running(command(port, origin.port), port=port, folder=Path(folder)),
        ):
            yield Front(Address("127.0.0.1", port))

    return Proxy(name, subject, lambda: None if PYTHON.exists() else "it is not installed")


def _mitmproxy(port: int, origin: int) -> Sequence[str | Path]:
    return [
        *(PYTHON.with_name("mitmdump"), "--quiet", "--mode", f"reverse:http://127.0.0.1:{origin}"),
        *("--listen-host", "127.0.0.1", "--listen-port", str(port)),
        *("--set", "confdir=."),
    ]


def _aiohttp(port: int, origin: int) -> Sequence[str | Path]:
    return [PYTHON, Path(__file__).with_name("aiohttp_relay.py"), str(port), str(origin)]


def _websockets(port: int, origin: int) -> Sequence[str | Path]:
    program = Path(__file__).with_name("websockets_relay.py")
    return [sys.executable, program, str(port), str(origin)]


PROXIES = (
    *(
        _peer(name, Fidelity.BYTES)
        for name in ("relay", "nginx", "haproxy", "envoy", "caddy", "traefik")
    ),
    _program("mitmproxy", _mitmproxy),
    _program("aiohttp", _aiohttp),
    _program("websockets", _websockets),
)
"""By name; the relay is among them for comparison."""
