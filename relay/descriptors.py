"""How many connections there may be: each takes a descriptor, and the system limits these."""

from __future__ import annotations

import resource

import structlog

__all__ = ["most_openings", "most_sessions"]

_RESERVED = 100
_UNLIMITED = 1 << 20
_MOST_OPENINGS = 4096  # by default: as many as one core completes in some seconds, TLS and all
_log = structlog.get_logger()


def most_sessions(wanted: int | None) -> int:
    """How many there may be: each takes two descriptors."""
    possible = max(1, _available() // 2)
    return possible if wanted is None else _lowered("max_sessions", wanted, possible)


def most_openings(wanted: int | None) -> int:
    """How many connections there may be that are no sessions: each takes one."""
    possible = max(1, _available())
    if wanted is None:
        return max(1, min(_MOST_OPENINGS, possible // 8))
    return _lowered("max_openings", wanted, possible)


def _available() -> int:
    """How many there may be for connections."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return (_UNLIMITED if soft == resource.RLIM_INFINITY else soft) - _RESERVED


def _lowered(key: str, wanted: int, possible: int) -> int:
    if wanted > possible:
        _log.warning(f"{key} is over the open-file limit", wanted=wanted, now=possible)
    return min(wanted, possible)
