"""Which cases of the suite are run: what each set is called, and what is in it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FULL", "QUICK", "Suite"]


@dataclass(frozen=True, slots=True)
class Suite:
    """Cases that are run, and scored, together."""

    name: str
    cases: tuple[str, ...]
    """Case ids; ``9.*`` for all that begin with ``9.``."""
    at_once: int
    """How many cases are run at a time. Many do nothing but wait; others keep a core busy."""


_CORE = Suite("core", tuple(f"{category}.*" for category in (1, 2, 3, 4, 5, 6, 7, 10)), 4)
_LIMITS = Suite("limits", ("9.*",), 2)

# One case has a thousand messages. 12 varies what they hold, 13 what is negotiated, and the last
# number their size, and from 11 on whether they are fragmented.
_SMALL_DEFLATE = Suite(
    "deflate",
    (
        *(f"12.{contents}.1" for contents in range(1, 6)),
        *(f"13.{parameters}.1" for parameters in range(1, 8)),
        *("12.1.6", "12.1.11", "13.1.6", "13.1.11"),
    ),
    2,
)
_DEFLATE = Suite("deflate", ("12.*", "13.*"), 2)

QUICK = (_CORE, _LIMITS, _SMALL_DEFLATE)
FULL = (_CORE, _LIMITS, _DEFLATE)
