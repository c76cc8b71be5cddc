"""CONTRIBUTING.md, docs/architecture.md and docs/laws.md name what there is, and all of it."""

from __future__ import annotations

import re

import pytest

from relay.protocol import CATALOGUE
from tests.docs.snippets import ROOT

_PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
_LAWS = (ROOT / "docs" / "laws.md").read_text(encoding="utf-8")
_PATHS = re.findall(r"`((?:relay|tests|\.ci)/[\w./*]+)`", _PAGE)
_NAMES = [each.name.replace("-", "_") for each in CATALOGUE]


@pytest.mark.parametrize("path", [path for path in _PATHS if "NAME" not in path])
def test_files_are_there(path: str) -> None:
    assert list(ROOT.glob(path.rstrip("/")))


@pytest.mark.parametrize("path", [path for path in _PATHS if "NAME" in path])
def test_some_provider_has_each_file_that_a_new_one_gets(path: str) -> None:
    assert any((ROOT / path.replace("NAME", name)).exists() for name in _NAMES)


def test_targets_are_there() -> None:
    named = re.findall(r"`make ([a-z ]+)", _PAGE)
    there = re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert len(named) > 10
    assert {target for words in named for target in words.split()} <= set(there)


def test_each_law_is_held_by_tests_that_there_are() -> None:
    rows = re.findall(r"^\| (\d) \| .* \| (.*) \|$", _LAWS, re.MULTILINE)
    assert [number for number, _ in rows] == list("123456789")
    modules = set(re.findall(r"`(tests/protocol/test_\w+\.py)`", _LAWS))
    there = {
        name
        for module in modules
        for name in re.findall(r"^def (test_\w+)", (ROOT / module).read_text(), re.MULTILINE)
    }
    for _, names in rows:
        named = set(re.findall(r"`(test_\w+)`", names))
        assert named
        assert named <= there


def test_architecture_has_a_line_for_each_file() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named, opened = set(), {""}  # opened: folders whose files have rows of their own
    for folder, rest in re.findall(r"^\| `((?:\w+/(?=\w))?)(.*?)` \|", page, re.MULTILINE):
        opened.add(folder)
        named |= {folder + name.removeprefix(folder) for name in re.split("`[^`]*`", rest)}
    there = {
        path.relative_to(ROOT / "relay").as_posix() + "/" * path.is_dir()
        for folder in opened
        for path in (ROOT / "relay" / folder).iterdir()
        if path.name != "py.typed" and not path.name.startswith("__")
    }
    assert named == there - opened


def test_each_folder_of_the_examples_is_introduced() -> None:
    page = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    folders = {path.name for path in (ROOT / "examples").iterdir() if path.is_dir()}
    assert {
        name for name in folders if f"examples/{name}" in page or f"`{name}/`" in page
    } == folders


def test_no_text_goes_by_a_document_that_is_not_here() -> None:
    folders = ("relay", "docs", "tests", "examples", "deploy")
    texts = [
        path for name in folders for end in ("py", "md") for path in (ROOT / name).rglob(f"*.{end}")
    ]
    assert len(texts) > 100
    assert [
        path for path in texts if re.search(r"\bDESIGN \d", path.read_text(encoding="utf-8"))
    ] == []
