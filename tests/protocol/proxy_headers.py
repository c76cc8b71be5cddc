"""PROXY headers for tests."""

from __future__ import annotations

import struct
from ipaddress import ip_address

__all__ = ["SIGNATURE", "addresses", "binary", "line"]

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def line(source: str) -> bytes:
    """A header of version 1."""
    family = 6 if ":" in source else 4
    return f"PROXY TCP{family} {source} {source} 56324 443\r\n".encode()


def binary(
    rest: bytes = b"", *, command: int = 0x21, family: int = 0x11, size: int | None = None
) -> bytes:
    """A header of version 2."""
    length = len(rest) if size is None else size
    return SIGNATURE + struct.pack("!BBH", command, family, length) + rest


def addresses(source: str, target: str) -> bytes:
    """Two addresses and two ports, as version 2 has them."""
    return ip_address(source).packed + ip_address(target).packed + struct.pack("!HH", 56324, 443)
