"""MessagePack, as much of it as JSON can say, and binary.

Format: the MessagePack specification (https://github.com/msgpack/msgpack/blob/master/spec.md).
"""

from __future__ import annotations

import struct

__all__ = ["Malformed", "pack", "unpack"]

_MAX_DEPTH = 100

# First byte -> the struct format of what follows.
_NUMBERS = {
    0xCA: ">f",
    0xCB: ">d",
    0xCC: ">B",
    0xCD: ">H",
    0xCE: ">I",
    0xCF: ">Q",
    0xD0: ">b",
    0xD1: ">h",
    0xD2: ">i",
    0xD3: ">q",
}
_BINARY_SIZES = {0xC4: ">B", 0xC5: ">H", 0xC6: ">I"}
_TEXT_SIZES = {0xD9: ">B", 0xDA: ">H", 0xDB: ">I"}
_ARRAY_SIZES = {0xDC: ">H", 0xDD: ">I"}
_MAP_SIZES = {0xDE: ">H", 0xDF: ">I"}
_CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}


class Malformed(ValueError):  # noqa: N818 (what the bytes are)
    """The bytes are no MessagePack value, or hold one that JSON and binary cannot say."""


def pack(value: object) -> bytes:
    """``value`` in MessagePack: None, bool, int, float, str, bytes, lists and dicts of these.

    Raises:
        TypeError: the value is something else.
        struct.error: an integer has more than 64 bits.
        UnicodeEncodeError: a string has a surrogate.
    """
    match value:
        case None:
            return b"\xc0"
        case bool():
            return b"\xc3" if value else b"\xc2"
        case int():
            return struct.pack(">BQ" if value > 0 else ">Bq", 0xCF if value > 0 else 0xD3, value)
        case float():
            return struct.pack(">Bd", 0xCB, value)
        case str():
            data = value.encode()
            return struct.pack(">BI", 0xDB, len(data)) + data
        case bytes():
            return struct.pack(">BI", 0xC6, len(value)) + value
        case list():
            return struct.pack(">BI", 0xDD, len(value)) + b"".join(map(pack, value))
        case dict():
            pairs = (pack(name) + pack(member) for name, member in value.items())
            return struct.pack(">BI", 0xDF, len(value)) + b"".join(pairs)
    raise TypeError(f"no MessagePack form for {type(value).__name__}")


def unpack(data: bytes) -> object:
    """The value that all of ``data`` is.

    Raises:
        Malformed: it is none, has a name that is no text, an extension, or nests too deeply.
    """
    reader = _Reader(data)
    value = reader.value(0)
    if reader.position != len(data):
        raise Malformed("bytes after the value")
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.position = 0
        self._data = data

    def value(self, depth: int) -> object:
        if depth > _MAX_DEPTH:
            raise Malformed("nested too deeply")
        first = self._bytes(1)[0]
        if first <= 0x7F:
            return first
        if first <= 0x8F:
            return self._map(first & 0x0F, depth)
        if first <= 0x9F:
            return self._array(first & 0x0F, depth)
        if first <= 0xBF:
            return self._text(first & 0x1F)
        if first >= 0xE0:
            return first - 0x100
        if first in _CONSTANTS:
            return _CONSTANTS[first]
        if first in _NUMBERS:
            return self._number(_NUMBERS[first])
        return self._sized(first, depth)

    def _sized(self, first: int, depth: int) -> object:
        if first in _BINARY_SIZES:
            return self._bytes(self._size(_BINARY_SIZES[first]))
        if first in _TEXT_SIZES:
            return self._text(self._size(_TEXT_SIZES[first]))
        if first in _ARRAY_SIZES:
            return self._array(self._size(_ARRAY_SIZES[first]), depth)
        if first in _MAP_SIZES:
            return self._map(self._size(_MAP_SIZES[first]), depth)
        raise Malformed("an extension, or no MessagePack")

    def _bytes(self, size: int) -> bytes:
        data = self._data[self.position : self.position + size]
        if len(data) < size:
            raise Malformed("the value is cut off")
        self.position += size
        return data

    def _number(self, form: str) -> int | float:
        number: int | float = struct.unpack(form, self._bytes(struct.calcsize(form)))[0]
        return number

    def _size(self, form: str) -> int:
        return int(self._number(form))

    def _text(self, size: int) -> str:
        try:
            return self._bytes(size).decode()
        except UnicodeDecodeError:
            raise Malformed("text that is not UTF-8") from None

    def _array(self, size: int, depth: int) -> list[object]:
        return [self.value(depth + 1) for _ in range(size)]

    def _map(self, size: int, depth: int) -> dict[str, object]:
        found = {}
        for _ in range(size):
            name = self.value(depth + 1)
            if not isinstance(name, str):
                raise Malformed("a name that is no text")
            found[name] = self.value(depth + 1)
        return found
