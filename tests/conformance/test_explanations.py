"""``docs/conformance.md`` has the list."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.explanations import EXPLANATIONS, Explanation

_PAGE = (Path(__file__).parents[2] / "docs" / "conformance.md").read_text()


def _row(explanation: Explanation) -> str:
    cases = " ".join(explanation.cases).replace("*", "\\*")
    lanes = " ".join(explanation.lanes)
    return f"| {cases} | {lanes} | {explanation.verdict} | {explanation.why} |"


@pytest.mark.parametrize("explanation", EXPLANATIONS, ids=lambda each: each.why[:20])
def test_the_page_has_each_explanation(explanation: Explanation) -> None:
    assert _row(explanation) in _PAGE.splitlines()


def test_the_page_has_no_other_explanation() -> None:
    rows = _PAGE.split("| cases | lane | ")[1].split("\n\n")[0].splitlines()[2:]
    assert sorted(rows) == sorted(map(_row, EXPLANATIONS))
