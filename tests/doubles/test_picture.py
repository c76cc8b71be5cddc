"""The picture of the image models."""

from __future__ import annotations

import struct
import zlib

from relay.doubles.picture import SIZE, paint


def chunks(png: bytes) -> list[tuple[bytes, bytes]]:
    """The chunks of a PNG, whose checksums must be right."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    found, position = [], 8
    while position < len(png):
        (size,) = struct.unpack_from(">I", png, position)
        name = png[position + 4 : position + 8]
        data = png[position + 8 : position + 8 + size]
        (checksum,) = struct.unpack_from(">I", png, position + 8 + size)
        assert checksum == zlib.crc32(name + data)
        found.append((name, data))
        position += 12 + size
    return found


def test_it_is_a_png_of_one_colour() -> None:
    (head, header), (body, rows), (tail, nothing) = chunks(paint("a cat"))
    assert (head, body, tail, nothing) == (b"IHDR", b"IDAT", b"IEND", b"")
    assert struct.unpack(">IIBBBBB", header) == (SIZE, SIZE, 8, 2, 0, 0, 0)
    pixels = zlib.decompress(rows)
    assert len(pixels) == SIZE * (1 + 3 * SIZE)
    assert pixels == (b"\x00" + pixels[1:4] * SIZE) * SIZE


def test_the_prompt_makes_the_picture() -> None:
    assert paint("a cat") == paint("a cat") != paint("a dog")
    assert paint("\ud83d") != paint("")
