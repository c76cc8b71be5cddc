"""The differences that may be, and why. `docs/conformance.md` has the same table."""

from __future__ import annotations

from dataclasses import dataclass

from tests.conformance.relays import Lane
from tests.conformance.verdicts import Verdict

__all__ = ["EXPLANATIONS", "Explanation"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why cases may have another verdict through the relay."""

    cases: tuple[str, ...]
    """Case ids; ``12.*`` for all that begin with ``12.``."""
    lanes: tuple[Lane, ...]
    verdict: Verdict
    """The one through the relay that is explained."""
    why: str
    """A sentence."""

    def covers(self, case: str, lane: Lane, verdict: Verdict) -> bool:
        """Whether it explains this verdict."""
        return (
            lane in self.lanes
            and verdict == self.verdict
            and any(
                case.startswith(each[:-1]) if each.endswith(".*") else case == each
                for each in self.cases
            )
        )


EXPLANATIONS = (
    Explanation(
        ("12.*", "13.*"),
        (Lane.MESSAGES,),
        Verdict("UNIMPLEMENTED"),
        "In the message lane no compression is negotiated.",
    ),
)
