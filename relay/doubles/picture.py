"""The picture that the doubles of image models paint: one colour, which depends on the prompt."""

from __future__ import annotations

import struct
import zlib

__all__ = ["CONTENT_TYPE", "SIZE", "paint"]

CONTENT_TYPE = "image/png"

SIZE = 64
"""Width and height, in pixels."""


def paint(prompt: str) -> bytes:
    """A PNG (ISO/IEC 15948) of 8 bits a sample, RGB."""
    colour = struct.pack(">I", zlib.crc32(prompt.encode("utf-8", "surrogatepass")))[:3]
    rows = (b"\x00" + colour * SIZE) * SIZE  # every row unfiltered
    header = struct.pack(">IIBBBBB", SIZE, SIZE, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(name + data)
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)
