"""What the page knows by heart of the relay is what the relay says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from relay import admin
from relay.live_sessions import LiveState
from relay.records import explanation
from relay.records.session_record import Outcome
from tests.docs.snippets import ROOT

PAGE = Path(admin.__file__).parent / "page"
REFUSALS = (ROOT / "docs" / "refusals.md").read_text(encoding="utf-8")


def known(file: str, name: str) -> list[str]:
    """The members of a constant array, or the keys of a constant object, in a file of the page."""
    text = (PAGE / file).read_text(encoding="utf-8")
    match = re.search(rf"(?ms)^(?:export )?const {name} = ([\[{{].*?[\]}}]);$", text)
    assert match is not None, f"{file} has no {name}"
    if match[1].startswith("["):
        return re.findall(r'"(\w+)"', match[1])
    return re.findall(r"(?m)^  (\w+):", match[1])


@pytest.mark.parametrize(
    ("file", "name", "said"),
    [
        ("states.js", "STATES", [each.value for each in LiveState]),
        ("states.js", "OUTCOMES", [each.value for each in Outcome]),
        ("timeline.js", "STEPS", list(explanation._STEPS)),
        ("plots.js", "CODES", re.findall(r"(?m)\| (2\d{3}) \|$", REFUSALS)),
    ],
)
def test_what_it_has_words_for(file: str, name: str, said: list[str]) -> None:
    assert sorted(known(file, name)) == sorted(set(said))
