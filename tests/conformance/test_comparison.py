from __future__ import annotations

import pytest

from tests.conformance import comparison
from tests.conformance.comparison import differences
from tests.conformance.explanations import Explanation
from tests.conformance.relays import Lane
from tests.conformance.verdicts import MISSING, Verdict

OK, NON_STRICT, FAILED = Verdict("OK"), Verdict("NON-STRICT"), Verdict("FAILED")


@pytest.fixture(autouse=True)
def explanations(monkeypatch: pytest.MonkeyPatch) -> None:
    explanation = Explanation(("3.2", "9.*"), (Lane.MESSAGES,), NON_STRICT, "It has to.")
    monkeypatch.setattr(comparison, "EXPLANATIONS", (explanation,))


def test_equal_verdicts_are_no_difference_however_bad() -> None:
    verdicts = {"1.1": OK, "1.2": FAILED}
    assert differences(verdicts, dict(verdicts), Lane.VERBATIM) == []


def test_differences_are_in_the_order_of_the_cases() -> None:
    cases = ("10.1", "9.2", "9.10")
    found = differences(dict.fromkeys(cases, OK), dict.fromkeys(cases, FAILED), Lane.VERBATIM)
    assert [each.case for each in found] == ["9.2", "9.10", "10.1"]
    assert {(each.direct, each.relayed) for each in found} == {(OK, FAILED)}


@pytest.mark.parametrize(
    ("case", "lane", "relayed", "why"),
    [
        ("3.2", Lane.MESSAGES, NON_STRICT, "It has to."),
        ("9.1.1", Lane.MESSAGES, NON_STRICT, "It has to."),
        ("3.2", Lane.VERBATIM, NON_STRICT, ""),
        ("3.2", Lane.MESSAGES, FAILED, ""),
        ("3.2", Lane.MESSAGES, Verdict("NON-STRICT", "UNCLEAN"), ""),
        ("3.20", Lane.MESSAGES, NON_STRICT, ""),
        ("91.1", Lane.MESSAGES, NON_STRICT, ""),
    ],
)
def test_only_what_the_list_covers_is_explained(
    case: str, lane: Lane, relayed: Verdict, why: str
) -> None:
    (difference,) = differences({case: OK}, {case: relayed}, lane)
    assert difference.why == why


def test_a_better_verdict_needs_no_explanation() -> None:
    (difference,) = differences({"1.1": NON_STRICT}, {"1.1": OK}, Lane.VERBATIM)
    assert difference.why


def test_a_case_that_only_one_run_has_is_unexplained() -> None:
    found = differences({"1.1": FAILED}, {"1.2": OK}, Lane.VERBATIM)
    assert [(each.direct, each.relayed, each.why) for each in found] == [
        (FAILED, MISSING, ""),
        (MISSING, OK, ""),
    ]
