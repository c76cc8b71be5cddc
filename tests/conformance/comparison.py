"""Comparing the verdicts through the relay with those on the server itself, case by case."""

from __future__ import annotations

from dataclasses import dataclass

from tests.conformance.explanations import EXPLANATIONS
from tests.conformance.relays import Lane
from tests.conformance.verdicts import MISSING, Verdict, Verdicts

__all__ = ["Difference", "differences"]

_BETTER = "The relay refuses what the server took."


@dataclass(frozen=True, slots=True)
class Difference:
    """A case with another verdict through the relay."""

    case: str
    direct: Verdict
    relayed: Verdict
    why: str
    """Why that may be; empty if there is no reason."""


def differences(direct: Verdicts, relayed: Verdicts, lane: Lane) -> list[Difference]:
    """Compare two runs; a case that only one of them has is a difference, too."""
    found = []
    for case in sorted({*direct, *relayed}, key=_order):
        before, after = direct.get(case, MISSING), relayed.get(case, MISSING)
        if before != after:
            found.append(Difference(case, before, after, _why(case, before, after, lane)))
    return found


def _why(case: str, direct: Verdict, relayed: Verdict, lane: Lane) -> str:
    if MISSING in {direct, relayed}:
        return ""
    if relayed.is_at_least(direct):
        return _BETTER
    return next((each.why for each in EXPLANATIONS if each.covers(case, lane, relayed)), "")


def _order(case: str) -> list[int]:
    return [int(number) for number in case.split(".")]
