"""Which messages a meter reads: data, by which a tap finds them at little cost."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["ALL", "BINARY_AUDIO", "Binary", "Reads", "by_member"]


class Binary(enum.Enum):
    """What binary messages are."""

    AUDIO = "audio"
    JSON = "JSON"


@dataclass(frozen=True, slots=True)
class Reads:
    """What a meter reads of one direction. JSON in text is always looked at."""

    member: str = ""
    """The member that says the kind of a message; empty if none does."""
    kinds: frozenset[str] | None = None
    """The kinds that are read; None for all."""
    audio: frozenset[str] = frozenset()
    """The kinds that are audio: they are read until it is known when it began."""
    head: re.Pattern[bytes] | None = None
    """How a message begins whose first member tells its kind, which is the group."""
    anywhere: re.Pattern[bytes] | None = None
    """How audio is known that does not begin so, near the beginning."""
    binary: Binary = Binary.AUDIO
    base64: str = ""
    """The member in which a client's JSON messages carry audio, to count its characters."""
    most: int | None = None
    """How many messages are read; None for all."""


def by_member(
    member: str, kinds: Iterable[str] = (), *, audio: Iterable[str] = (), base64: str = ""
) -> Reads:
    """Messages whose ``member`` is one of ``kinds``, or one of ``audio``."""
    audio = frozenset(audio)
    pair = rf'"{re.escape(member)}"\s*:\s*'
    names = "|".join(map(re.escape, sorted(audio)))
    return Reads(
        member=member,
        kinds=frozenset(kinds),
        audio=audio,
        head=re.compile(rf'\s*\{{\s*{pair}"([^"\\]{{1,64}})"'.encode()),
        anywhere=re.compile(rf'{pair}"({names})"'.encode()) if audio else None,
        base64=base64,
    )


ALL = Reads()
"""Every JSON message, of whatever kind."""
BINARY_AUDIO = Reads(kinds=frozenset(), most=0)
"""None, but that binary messages are audio."""
