"""What a row of the table is: a property, the best figure of others, and how ours is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Outcome", "Place", "Row", "Unmeasurable"]


class Unmeasurable(Exception):  # noqa: N818 - a lack of the machine, not of the relay
    """It cannot be measured here; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row is measured."""

    folder: Path
    """A scratch folder of its own."""
    quick: bool
    """Whether fewer sessions and shorter times will do."""


@dataclass(slots=True)
class Outcome:
    """What was found."""

    figure: str
    broken: list[str] = field(default_factory=list)
    """Promises of the relay that did not hold."""
    missed: list[str] = field(default_factory=list)
    """Figures of others that ours does not reach."""

    def promise(self, what: str, held: object) -> None:
        """Note that something has to hold."""
        if not held:
            self.broken.append(what)

    def compare(self, what: str, held: object) -> None:
        """Note that something would be as good as others are."""
        if not held:
            self.missed.append(what)

    @property
    def verdict(self) -> str:
        """In one word."""
        return "BROKEN" if self.broken else "missed" if self.missed else "held"


@dataclass(frozen=True, slots=True)
class Row:
    """A property.

    ``measure`` raises :class:`Unmeasurable`.
    """

    name: str
    promised: str
    """What holds, in a few words."""
    bar: str
    """What others reach, or promise."""
    measure: Callable[[Place], Outcome]
    quick: bool = True
    """Whether it is a part of the quick run."""
