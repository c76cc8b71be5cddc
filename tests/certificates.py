"""Certificates for tests: one authority that clients trust, and one that they don't."""

from __future__ import annotations

import functools
import ssl
from pathlib import Path

import trustme

__all__ = ["authority", "client_context", "server_context", "write_pem"]


def authority(name: str = "trusted") -> trustme.CA:
    """The authority of that name."""
    return _authority(name)  # one, whether its name was given or not


@functools.cache
def _authority(name: str) -> trustme.CA:
    return trustme.CA(organization_name=name)


def server_context(*names: str, issuer: trustme.CA | None = None) -> ssl.SSLContext:
    """A server's context with a new certificate for these names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (issuer or authority()).issue_cert(*names).configure_cert(context)
    return context


@functools.cache
def client_context() -> ssl.SSLContext:
    """A client's context that trusts ``authority()``."""
    context = ssl.create_default_context()
    authority().configure_trust(context)
    return context


def write_pem(directory: Path, *names: str) -> tuple[Path, Path]:
    """Write a new certificate for these names; return its file and that of its key."""
    leaf = authority().issue_cert(*names)
    certificate, key = directory / "cert.pem", directory / "key.pem"
    certificate.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    key.write_bytes(leaf.private_key_pem.bytes())
    return certificate, key
