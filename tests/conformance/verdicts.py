"""What the suite says of a case, and which of two such verdicts is the better one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["MISSING", "Verdict", "Verdicts", "score"]

# Best first, in the words of the suite's reports. A word that is not here is the worst.
_BEHAVIORS = ("OK", "NON-STRICT", "INFORMATIONAL", "UNIMPLEMENTED", "FAILED")
_CLOSES = ("OK", "INFORMATIONAL", "FAILED BY CLIENT", "WRONG CODE", "UNCLEAN", "FAILED")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the suite says of one case."""

    behavior: str
    """Of the messages and control frames."""
    close: str = "OK"
    """Of how the connection ended."""

    def __str__(self) -> str:
        return self.behavior if self.close == "OK" else f"{self.behavior}, close {self.close}"

    def is_at_least(self, other: Verdict) -> bool:
        """Whether it is nowhere worse."""
        return _rank(self.behavior, _BEHAVIORS) <= _rank(other.behavior, _BEHAVIORS) and _rank(
            self.close, _CLOSES
        ) <= _rank(other.close, _CLOSES)


Verdicts = Mapping[str, Verdict]
"""By the case's id."""

MISSING = Verdict("MISSING", "MISSING")
"""Of a case that the suite says nothing of."""


def score(verdicts: Verdicts) -> str:
    """How many cases are OK, NON-STRICT, INFORMATIONAL and FAILED: ``244/0/3/0``.

    FAILED is whatever is none of the others, and a connection that did not end as it should.
    UNIMPLEMENTED is counted only if there is one: ``0/0/0/0, 16 unimplemented``.
    """
    counts = Counter(map(_column, verdicts.values()))
    columns = ("OK", "NON-STRICT", "INFORMATIONAL", "FAILED")
    figures = "/".join(str(counts[column]) for column in columns)
    unimplemented = counts["UNIMPLEMENTED"]
    return f"{figures}, {unimplemented} unimplemented" if unimplemented else figures


def _column(verdict: Verdict) -> str:
    ended_well = verdict.close in {"OK", "INFORMATIONAL"}
    return verdict.behavior if ended_well and verdict.behavior in _BEHAVIORS else "FAILED"


def _rank(word: str, words: tuple[str, ...]) -> int:
    return words.index(word) if word in words else len(words)
