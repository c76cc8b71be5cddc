"""Configuration files for the tests."""

from __future__ import annotations

import socket
from pathlib import Path

import trustme

from relay.config import ConfigError, load
from relay.settings import Settings
from tests.certificates import authority, write_pem

__all__ = [
    "CLOSED_GATEWAY",
    "GATEWAY",
    "OPEN_GATEWAY",
    "SHA256",
    "load_text",
    "problems_of",
    "unused_port",
    "write_certificate",
]

SHA256 = "d2" * 32
OPEN_GATEWAY = '[gateways."acct/main"]\nauthentication = "none"\n'
"""The least that can be served."""
CLOSED_GATEWAY = f"""
[gateways."acct/main"]
tokens = [{{ name = "web", sha256 = "{SHA256}" }}]
"""
"""The same gateway, which wants a token."""
GATEWAY = 'gateways."acct/main"'
"""The path of its table."""


def load_text(folder: Path, text: str) -> Settings:
    """Load a file of these contents."""
    path = folder / "relay.toml"
    path.write_text(text, encoding="utf-8")
    return load(path)


def problems_of(folder: Path, text: str) -> list[str]:
    """What is wrong with a file of these contents; empty if it can be used."""
    try:
        load_text(folder, text)
    except ConfigError as error:
        return error.problems
    return []


def write_certificate(folder: Path, issuer: trustme.CA | None = None) -> None:
    """Write ``cert.pem`` and ``key.pem`` for this machine, and ``ca.pem``, a trust root."""
    write_pem(folder, "localhost", "127.0.0.1")
    (issuer or authority()).cert_pem.write_to_path(folder / "ca.pem")


def unused_port() -> int:
    """A TCP port of 127.0.0.1 on which nothing listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])
