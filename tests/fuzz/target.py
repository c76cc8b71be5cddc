"""What a fuzz target is, and how the bytes of the fuzzer are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle
from typing import NamedTuple

__all__ = ["FuzzInput", "Target", "fuzz_input"]


@dataclass(frozen=True, slots=True)
class Target:
    """A function that takes any bytes, and raises only if one of the relay's laws is broken."""

    name: str
    check: Callable[[bytes], None]
    seeds: tuple[bytes, ...]
    """What the corpus begins with: valid inputs and hostile ones."""
    words: tuple[bytes, ...] = ()
    """What the fuzzer may put in: it finds long words hardly by itself."""
    max_size: int = 1024
    """The longest input, in bytes."""


_MAX_SIZES = 4


class FuzzInput(NamedTuple):
    """The fuzzer's bytes, read: a byte of options, sizes of chunks, and what a peer sends."""

    options: int
    sizes: tuple[int, ...]
    data: bytes

    @classmethod
    def read(cls, raw: bytes) -> FuzzInput:
        """Read any bytes."""
        options, count = (*raw[:2], 0, 0)[:2]
        start = 2 + count % (_MAX_SIZES + 1)
        return cls(options, tuple(size + 1 for size in raw[2:start]), raw[start:])

    def has(self, bit: int) -> bool:
        """Whether that bit of the options is set."""
        return bool(self.options >> bit & 1)

    def chunks(self) -> list[bytes]:
        """The data in chunks of these sizes, cyclically; all at once if there are none."""
        chunks, position = [], 0
        for size in cycle(self.sizes or (len(self.data),)):
            if position >= len(self.data):
                break
            chunks.append(self.data[position : position + size])
            position += size
        return chunks

    def at_once(self) -> list[bytes]:
        """The data as one chunk; none is empty, since that would be the end of the connection."""
        return [self.data] if self.data else []


def fuzz_input(data: bytes, *sizes: int, options: int = 0) -> bytes:
    """The bytes that are read as this."""
    return bytes((options, len(sizes), *(size - 1 for size in sizes))) + data
