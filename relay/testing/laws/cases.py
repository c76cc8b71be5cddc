"""Closes of every kind, and violations for which RFC 6455 tells endpoints to fail."""

from __future__ import annotations

from relay.testing.frames import Item, decode, delivered
from relay.testing.hostile_frames import INVALID_TEXT, REJECTED, Rejected

__all__ = ["CLOSES", "FAILED", "HOSTILE", "complete_before"]

CLOSES: tuple[tuple[int | None, str], ...] = (
    (1000, "done"),
    (1001, "grüße"),
    (3000, "insufficient_quota"),
    (4999, ""),
    (1011, ""),
    (1012, "service restart"),
    (1014, "bad gateway"),
    (None, ""),
)
"""Valid Closes, each of a kind that some treat as they should not (7.4.1, 7.4.2)."""

FAILED = frozenset({1002, 1007, 1009})
"""The codes that say so (RFC 6455 7.4.1)."""

_UNASSIGNED = tuple(f"Close {code}" for code in (1016, 2999, 5000, 65535))

HOSTILE = tuple(
    each for each in REJECTED if each.close_code != 1009 and each.name not in _UNASSIGNED
) + tuple(
    Rejected(f"not UTF-8: {name}", "text is not UTF-8", data, close_code=1007)
    for name, data in INVALID_TEXT.items()
)
"""Without limits, which are everybody's own (10.4), and codes that nobody has assigned (7.4.2)."""


def complete_before(hostile: Rejected) -> list[Item]:
    """The messages that are complete before the violation."""
    return delivered(decode(hostile.accepted, masked=True))
