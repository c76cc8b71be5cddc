"""Durations and sizes as people write them: ``10s``, ``16KiB``."""

from __future__ import annotations

import re

__all__ = ["DURATION", "SIZE", "duration", "size"]

DURATION = r"^([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)$"
"""How a duration looks, for programs; also one of nothing."""
SIZE = r"^([0-9]{1,15})(B|KiB|MiB|GiB)$"
"""How a size looks, likewise."""

_DURATION = re.compile(DURATION)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_SIZE = re.compile(SIZE)
_BYTES = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}


def duration(text: str) -> float:
    """Read a duration, in seconds.

    Raises:
        ValueError: It is none; the message says what one looks like.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError('must be a duration such as "500ms", "10s", "5m" or "1h"')
    return float(match[1]) * _SECONDS[match[2]]


def size(text: str) -> int:
    """Read a size of at least one byte, in bytes.

    Raises:
        ValueError: It is none; the message says what one looks like.
    """
    match = _SIZE.fullmatch(text)
    if match is None or not int(match[1]):
        raise ValueError('must be a size such as "512B", "16KiB" or "32MiB"')
    return int(match[1]) * _BYTES[match[2]]
