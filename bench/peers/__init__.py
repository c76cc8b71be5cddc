"""What the benchmark measures: proxies that carry WebSocket sessions to one upstream.

A peer is one proxy with one configuration. It is started for a :class:`Site`, which says where the
echo listens and whether both legs speak TLS, and gives back where it listens itself.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from subprocess import Popen
from typing import Final, Protocol


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files: a certificate for localhost and 127.0.0.1, its key, and who issued it."""

    certificate: Path
    key: Path
    ca: Path


@dataclass(frozen=True, slots=True)
class Site:
    """Where a peer is to run.

    `folder` is a scratch folder of the peer's own. `echo` is the echo's port on 127.0.0.1, which
    speaks TLS with `tls.certificate` if `tls` is given; the peer then does the same.
    """

    folder: Path
    echo: int
    tls: Tls | None


@dataclass(frozen=True, slots=True)
class Running:
    """A peer that is ready.

    `port` is on 127.0.0.1. `target` is the request target of a session (without white space).
    `process` is the root of its processes, or None if the peer is no process at all. `fields` are
    field lines (`Name: value`) that it needs in the opening handshake. `json` says that it carries
    text messages that are JSON objects and nothing else, `audio` that they are to be in the form of
    OpenAI's audio. `output` has what it prints, if that is of interest. `admin` is the port of its
    admin listener, if it has one.
    """

    port: int
    target: str
    process: Popen[str] | None
    fields: Sequence[str] = ()
    json: bool = False
    audio: bool = False
    output: Path | None = None
    admin: int | None = None


class Peer(Protocol):
    """One proxy with one configuration; an instance is stateless and may run many times."""

    @property
    def name(self) -> str:
        """Its key in :data:`ALL`."""

    def missing(self, site: Site) -> str | None:
        """Why it cannot run here, or cannot do this cell, in one sentence; None if it can."""

    def running(self, site: Site) -> AbstractContextManager[Running]:
        """Starts it, waits until its port answers, and ends its processes at the exit."""


# Each where it is found (`module:object`), so that only those asked for are imported.
ALL: Final = {
    "loopback": "bench.peers.loopback:PEER",
    "nginx": "bench.peers.nginx:PEER",
    "relay": "bench.peers.relay:VERBATIM",
    "relay-audio": "bench.peers.relay:AUDIO",
    "relay-recorded": "bench.peers.relay:RECORDED",
    "relay-messages": "bench.peers.relay:MESSAGES",
    "haproxy": "bench.peers.haproxy:PEER",
    "envoy": "bench.peers.envoy:PEER",
    "caddy": "bench.peers.caddy:PEER",
    "traefik": "bench.peers.traefik:PEER",
    "wsproto-pair": "bench.peers.wsproto_pair:PEER",
    "websockets": "bench.peers.websockets_relay:PEER",
    "litellm": "bench.peers.litellm:PEER",
    "portkey": "bench.peers.portkey:PEER",
}


def find_peer(name: str) -> Peer:
    """The peer of that name in :data:`ALL`. Raises KeyError for another."""
    peer: Peer = resolve_name(ALL[name])
    return peer
