"""What a provider did for a session, counted in the units in which providers state prices."""

from __future__ import annotations

from dataclasses import dataclass, fields
from decimal import Decimal

__all__ = ["UNITS", "Turn", "Usage"]

_NONE = Decimal(0)


@dataclass(frozen=True, slots=True)
class Usage:
    """Counts, one schema for all providers.

    Everything is counted once, so that a cost is a sum: a cached token is no input token, too,
    and a thought is no output token. Where a provider does not say what tokens are, they are text.
    """

    input_text_tokens: int = 0
    input_audio_tokens: int = 0
    input_image_tokens: int = 0
    """Video included."""
    cached_text_tokens: int = 0
    cached_audio_tokens: int = 0
    cached_image_tokens: int = 0
    output_text_tokens: int = 0
    output_audio_tokens: int = 0
    output_image_tokens: int = 0
    thoughts_tokens: int = 0
    input_characters: int = 0
    """Unicode code points of text to be spoken."""
    input_audio_seconds: Decimal = _NONE
    output_audio_seconds: Decimal = _NONE
    session_seconds: Decimal = _NONE
    """Time that the provider bills as such."""

    def __add__(self, other: Usage) -> Usage:
        """Both together."""
        return Usage(**{name: getattr(self, name) + getattr(other, name) for name in UNITS})

    def __bool__(self) -> bool:
        """Whether there is anything to count."""
        return any(getattr(self, name) for name in UNITS)

    def counted(self) -> dict[str, int | Decimal]:
        """The counts that are not zero, by name."""
        return {name: value for name in UNITS if (value := getattr(self, name))}


UNITS = tuple(each.name for each in fields(Usage))
"""The names of the counts."""


@dataclass(slots=True)
class Turn:
    """One response of the provider. Times are seconds since the session was open."""

    began: float
    first_audio: float | None = None
    ended: float | None = None
    """None if the session ended before it."""
    interrupted: bool = False
    model: str | None = None
    usage: Usage | None = None
    cost: Decimal | None = None
    """In US dollars; None where a price is not known."""
