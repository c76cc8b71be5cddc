"""The command line that the programs share: where they listen, and where they dial."""

import ssl
import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Legs:
    """Ports on 127.0.0.1, and the contexts of both legs, or None without TLS."""

    port: int
    upstream: int
    server: ssl.SSLContext | None
    client: ssl.SSLContext | None
    """Verifies that the upstream is localhost."""


def from_arguments() -> Legs:
    """The legs that the program's arguments name."""
    port, upstream, *pem = sys.argv[1:]
    if not pem:
        return Legs(int(port), int(upstream), None, None)
    certificate, key, ca = pem
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    client = ssl.create_default_context(cafile=ca)
    return Legs(int(port), int(upstream), server, client)
