"""``docs/sdks.md`` says what the programs do, and of every row and exclusion."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.snippets import snippets
from tests.sdk import node_rows, python_rows
from tests.sdk.rows import Exclusion, Language, Row

_HERE = Path(__file__).parent
_PAGE = (_HERE.parents[1] / "docs" / "sdks.md").read_text()
_SUFFIXES = {Language.PYTHON: ".py", Language.NODE: ".mjs"}
_FENCES = {Language.PYTHON: "python", Language.NODE: "js"}

_ROWS = (*python_rows.ROWS, *node_rows.ROWS)
_EXCLUSIONS = (*python_rows.EXCLUSIONS, *node_rows.EXCLUSIONS)

_REGION = re.compile(r"(?:#|//) -- docs: begin\n(.*?)\n *(?:#|//) -- docs: end", re.DOTALL)


def _lines(code: str) -> list[str]:
    """The lines, without their indentation."""
    return [line.strip() for line in code.splitlines() if line.strip()]


def _regions(language: Language, program: str) -> list[list[str]]:
    """What stands between the markers of a program."""
    path = _HERE / language / f"{program}{_SUFFIXES[language]}"
    return [_lines(region) for region in _REGION.findall(path.read_text())]


_PROGRAMS = {
    (row.language, row.program): regions
    for row in _ROWS
    if (regions := _regions(row.language, row.program))  # some programs run others
}


def _is_made_of(lines: list[str], regions: list[list[str]]) -> bool:
    """Whether ``lines`` are whole regions, one after the other."""
    return not lines or any(
        len(lines) >= len(region)
        and all(map(_is_same, lines, region))
        and _is_made_of(lines[len(region) :], regions)
        for region in regions
    )


def _is_same(line: str, programs: str) -> bool:
    """Whether a line of the page is that of a program; what that returns, the page may name."""
    returned = programs.removeprefix("return ")
    named = rf"(const )?\w+ = {re.escape(returned)}"
    return line == programs or (returned != programs and bool(re.fullmatch(named, line)))


def _blocks(language: Language) -> list[list[str]]:
    """The code blocks of the page in a language."""
    return [_lines(each.text) for each in snippets("docs/sdks.md", _FENCES[language])]


def _apis(sdk: str, language: Language) -> list[str]:
    """What the first table of the page has for an SDK."""
    start = f"| `{sdk}` | {language.capitalize()} | "
    lines = [line for line in _PAGE.splitlines() if line.startswith(start)]
    return [
        api for line in lines for api in line.removeprefix(start).removesuffix(" |").split("; ")
    ]


@pytest.mark.parametrize("language", Language)
def test_the_code_of_the_page_is_that_of_the_programs(language: Language) -> None:
    programs = [regions for (each, _), regions in _PROGRAMS.items() if each is language]
    blocks = _blocks(language)
    assert blocks
    for block in blocks:
        assert any(_is_made_of(block, regions) for regions in programs), "\n".join(block)


@pytest.mark.parametrize(("language", "program"), _PROGRAMS)
def test_the_page_shows_how_to_change_each_program(language: Language, program: str) -> None:
    regions = _PROGRAMS[language, program]
    assert any(_is_made_of(block, regions) for block in _blocks(language))


@pytest.mark.parametrize("row", _ROWS, ids=lambda row: f"{row.language} {row.name}")
def test_the_page_names_each_row(row: Row) -> None:
    assert row.api in _apis(row.sdk, row.language)


@pytest.mark.parametrize("exclusion", _EXCLUSIONS, ids=lambda each: f"{each.language} {each.name}")
def test_the_page_says_what_to_do_instead(exclusion: Exclusion) -> None:
    line = f"| `{exclusion.sdk}` | {exclusion.api} | {exclusion.why} | {exclusion.instead} |"
    assert line in _PAGE
