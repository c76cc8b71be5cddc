"""docs/records.md has the fields of a record, and the outcomes, and no others."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from relay.records.session_record import Direction, Outcome, SessionRecord, Turn, Work

PAGE = (Path(__file__).parents[2] / "docs/records.md").read_text()


def tables() -> list[list[str]]:
    """The names in the first column of each table of fields."""
    found = re.findall(r"^\| field \| \|\n\| --- \| --- \|\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    return [
        [name for row in rows.splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1])]
        for rows in found
    ]


def test_every_field_is_told_of_in_its_order() -> None:
    assert tables() == [
        [each.name for each in fields(kind)] for kind in (SessionRecord, Direction, Work, Turn)
    ]


def test_every_outcome_is_told_of() -> None:
    (row,) = re.findall(r"^\| `outcome` \| (.*) \|$", PAGE, re.MULTILINE)
    assert re.findall(r"`(\w+)`", row) == [str(each) for each in Outcome]
