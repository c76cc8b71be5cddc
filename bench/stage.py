"""A load generator and the peers that can run, ready at once so that runs can take turns."""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from bench.load import Load, started
from bench.peers import Peer, Running, Site, Tls, find_peer
from bench.processes import BenchError


@dataclass(frozen=True, slots=True)
class Stage:
    """The peers that run, by name, and why the others don't."""

    load: Load
    peers: dict[str, Running]
    missing: dict[str, str]


def stage(names: Sequence[str], *, tls: bool) -> AbstractContextManager[Stage]:
    """A stage of the peers of these names."""
    return stage_of([find_peer(name) for name in names], tls=tls)


@contextmanager
def stage_of(peers: Sequence[Peer], *, tls: bool) -> Iterator[Stage]:
    """Starts the load generator and these peers, with TLS on both legs or on none."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="relay-bench-")))
        certificate = _certificate(folder) if tls else None
        load = stack.enter_context(started(certificate))
        running: dict[str, Running] = {}
        missing: dict[str, str] = {}
        for peer in peers:
            site = Site(folder / peer.name, load.port, certificate)
            site.folder.mkdir()
            reason = peer.missing(site)
            if reason is None:
                try:
                    running[peer.name] = stack.enter_context(peer.running(site))
                except BenchError as error:
                    reason = str(error)
            if reason is not None:
                missing[peer.name] = reason
        yield Stage(load, running, missing)


def _certificate(folder: Path) -> Tls:
    authority = trustme.CA()
    issued = authority.issue_cert("localhost", "127.0.0.1")
    tls = Tls(folder / "certificate.pem", folder / "key.pem", folder / "ca.pem")
    issued.private_key_pem.write_to_path(tls.key)
    issued.cert_chain_pems[0].write_to_path(tls.certificate)
    authority.cert_pem.write_to_path(tls.ca)
    return tls


def tell(*what: str) -> None:
    """Says on stderr what is being measured now."""
    print(*what, sep=", ", file=sys.stderr, flush=True)


def kind(*, tls: bool) -> str:
    """What a stage is called."""
    return "TLS on both legs" if tls else "plain"
