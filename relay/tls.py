"""TLS contexts: ours as a server, whose files are re-read when they change, and the client's."""

from __future__ import annotations

import ssl
from pathlib import Path

__all__ = ["ServerTls", "client_context"]

_Stamp = tuple[int, int, int]


def _stamp(path: Path) -> _Stamp:
    status = path.stat()
    return status.st_ino, status.st_mtime_ns, status.st_size


class ServerTls:
    """The certificate of the listeners.

    Args:
        certificate: A PEM file: the chain, leaf first.
        key: A PEM file.

    Raises:
        OSError: A file cannot be read, or is no certificate and its key (``ssl.SSLError``).
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        self._files = certificate, key
        self._stamps = self._read_stamps()
        self._context = self._load()

    def context(self) -> ssl.SSLContext:
        """The context for a new connection.

        Files that changed are read again; while they make no sense, the old ones stay in force.
        """
        try:
            stamps = self._read_stamps()
            if stamps != self._stamps:
                self._context = self._load()
                self._stamps = stamps
        except OSError:
            pass  # between two writes, or a mistake: the next connection looks again
        return self._context

    def _read_stamps(self) -> list[_Stamp]:
        return [_stamp(path) for path in self._files]

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        context.options |= ssl.OP_NO_RENEGOTIATION
        # Tickets come after the handshake, when a client may be sending its request already; one
        # that reads and writes in two threads can lose the request to that (docs/architecture.md).
        context.num_tickets = 0
        certificate, key = self._files
        # An empty passphrase: for want of one OpenSSL would ask on the terminal, and wait.
        context.load_cert_chain(certificate, key, password="")  # nosec B106
        return context


def client_context(ca: Path | None = None) -> ssl.SSLContext:
    """The context that verifies a provider.

    Args:
        ca: A PEM file with trust roots besides the system's.

    Raises:
        OSError: The file cannot be read, or holds no certificate.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.options |= ssl.OP_NO_RENEGOTIATION  # a write would have to wait for a read
    if ca is not None:
        context.load_verify_locations(ca)
    return context
