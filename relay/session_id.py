"""Session ids: UUIDs of version 7, which sort by time (RFC 9562 5.7)."""

from __future__ import annotations

import secrets
import time
import uuid

__all__ = ["new_session_id", "short_id"]

_SHORT = 18  # the time, and enough of the rest: what `relay sessions ID` understands


def new_session_id() -> str:
    """A new id, in lower case; a valid one whatever the clock says."""
    milliseconds = time.time_ns() // 1_000_000 & 0xFFFF_FFFF_FFFF  # a clock can be before 1970, too
    value = milliseconds << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76  # version
    value = value & ~(0x3 << 62) | 0x2 << 62  # variant
    return str(uuid.UUID(int=value))


def short_id(session_id: str) -> str:
    """The beginning of an id, by which one session is known from another."""
    return session_id[:_SHORT]
