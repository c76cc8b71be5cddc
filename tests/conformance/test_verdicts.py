from __future__ import annotations

import pytest

from tests.conformance.verdicts import Verdict, score


@pytest.mark.parametrize(
    ("verdict", "other", "is_at_least"),
    [
        (Verdict("OK"), Verdict("OK"), True),
        (Verdict("OK"), Verdict("NON-STRICT"), True),
        (Verdict("NON-STRICT"), Verdict("OK"), False),
        (Verdict("FAILED"), Verdict("UNIMPLEMENTED"), False),
        (Verdict("OK", "UNCLEAN"), Verdict("OK"), False),
        (Verdict("OK", "OK"), Verdict("OK", "FAILED BY CLIENT"), True),
        (Verdict("OK", "UNCLEAN"), Verdict("NON-STRICT", "OK"), False),  # better and worse
        (Verdict("a new word"), Verdict("FAILED"), False),
    ],
)
def test_a_verdict_is_at_least_another_one(
    verdict: Verdict, other: Verdict, is_at_least: bool
) -> None:
    assert verdict.is_at_least(other) is is_at_least


def _verdicts(*verdicts: Verdict) -> dict[str, Verdict]:
    return {f"1.{number}": verdict for number, verdict in enumerate(verdicts)}


def test_a_score_counts_what_the_suite_says() -> None:
    verdicts = _verdicts(
        Verdict("OK"),
        Verdict("OK"),
        Verdict("NON-STRICT"),
        Verdict("INFORMATIONAL", "INFORMATIONAL"),
        Verdict("FAILED"),
    )
    assert score(verdicts) == "2/1/1/1"


@pytest.mark.parametrize(
    "verdict",
    [
        Verdict("OK", "UNCLEAN"),
        Verdict("OK", "WRONG CODE"),
        Verdict("UNIMPLEMENTED", "FAILED"),
        Verdict("ERROR", "FAILED"),
        Verdict("ERROR"),
    ],
    ids=str,
)
def test_what_did_not_end_well_has_failed(verdict: Verdict) -> None:
    assert score(_verdicts(verdict)) == "0/0/0/1"


def test_a_score_names_what_is_not_implemented() -> None:
    verdicts = _verdicts(Verdict("OK"), Verdict("UNIMPLEMENTED"), Verdict("UNIMPLEMENTED"))
    assert score(verdicts) == "1/0/0/0, 2 unimplemented"
