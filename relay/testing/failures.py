"""What a failure shows of what came: enough to understand it, however much it was."""

from __future__ import annotations

from collections.abc import Sequence

from relay.testing.frames import Frame

__all__ = ["excerpt", "listed"]

_MOST_FRAMES, _MOST_BYTES = 20, 200


def listed(frames: Sequence[Frame]) -> str:
    """The first of these frames, and how many there are besides."""
    shown = ", ".join(map(repr, frames[:_MOST_FRAMES]))
    more = len(frames) - _MOST_FRAMES
    return f"[{shown}, and {more} more]" if more > 0 else f"[{shown}]"


def excerpt(data: bytes | bytearray) -> str:
    """The first of these bytes, and how many there are besides."""
    shown = bytes(data[:_MOST_BYTES])
    more = len(data) - len(shown)
    return f"{shown!r} and {more} bytes more" if more else repr(shown)
