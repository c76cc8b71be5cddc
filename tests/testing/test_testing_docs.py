"""docs/testing.md shows what there is: code that runs, every law, and what others break."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from relay.testing import fixtures, playbook
from relay.testing.laws import PROXY_LAWS, RECEIVER_LAWS
from tests.docs.snippets import snippets
from tests.thirdparty.findings import KNOWN
from tests.thirdparty.proxies import PROXIES
from tests.thirdparty.receivers import RECEIVERS

_ROOT = Path(__file__).parents[2]
_TEXT = (_ROOT / "docs/testing.md").read_text(encoding="utf-8")
_EXAMPLES = _ROOT / "examples" / "testing"
_EXAMPLE, _LIBRARY, _SESSION, *_OTHERS = (
    each.text for each in snippets("docs/testing.md", "python")
)


def _rows(*header: str) -> Iterator[list[str]]:
    """The cells of the table with that header."""
    lines = iter(_TEXT.splitlines())
    assert f"| {' | '.join(header)} |" in lines  # and what follows it is left
    next(lines)
    for line in lines:
        if not line.startswith("| "):
            return
        yield [cell.strip(" `") for cell in line.strip("|").split(" | ")]


def test_its_code_is_that_of_the_example_and_of_the_playbook() -> None:
    assert (_EXAMPLES / "test_naive_proxy.py").read_text(encoding="utf-8") == _EXAMPLE
    assert _SESSION[_SESSION.index("    assert (") :] in str(playbook.__doc__)


def test_the_other_code_runs(tmp_path: Path) -> None:
    """As it stands there: in a file each, but for the session, which goes into the example's."""
    for number, code in enumerate((_LIBRARY, _EXAMPLE + "\n\n" + _SESSION, *_OTHERS)):
        (tmp_path / f"test_{number}.py").write_text(code, encoding="utf-8")
    of_the_example = (
        "--deselect",
        "test_1.py::test_it_keeps_the_laws",
    )  # tests/testing/test_example.py
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *of_the_example, "."],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={
            **os.environ,
            "CI": "true",  # by which Hypothesis tries the same examples each time
            "PYTHONPATH": f"{_ROOT}:{_EXAMPLES}",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
    )
    # The laws of receivers but one, which wsproto breaks; a session, a strategy, a double.
    passed, left_out = len(RECEIVER_LAWS) - 1 + 3, len(PROXY_LAWS)
    assert f"{passed} passed, {left_out} deselected, 1 xfailed" in done.stdout, done.stdout
    assert done.returncode == 0, done.stdout


def test_what_is_stable_is_there() -> None:
    (section,) = re.findall(r"## What is stable\n(.*?)\n## ", _TEXT, re.DOTALL)
    names = re.findall(r"`(?:relay\.testing)?\.([a-z_]+)`", section)
    assert len(names) > 5
    for name in names:
        assert importlib.import_module(f"relay.testing.{name}").__all__
    given = Path(fixtures.__file__).read_text(encoding="utf-8")  # by fixtures, of types to name
    used = re.findall(r"^from relay\.testing\.([a-z_]+) import", _TEXT + given, re.MULTILINE)
    assert set(used) <= set(names)


def test_it_has_every_law_and_what_it_says() -> None:
    rows = re.findall(r"^\| `([a-z ]+)` \| ([^|]*) \|$", _TEXT, re.MULTILINE)
    laws = [(law.name, law.says) for law in PROXY_LAWS]
    assert rows == laws + [(law.name, law.says) for law in RECEIVER_LAWS]


def test_all_who_were_tried_stand_there_with_what_they_break() -> None:
    table = {who: breaks for who, _, _, breaks in _rows("who", "version", "how", "breaks")}
    tried = [each.name for each in PROXIES] + list(RECEIVERS)
    assert {who.lower() for who in table} == set(tried)
    for who, breaks in table.items():
        known = [law for name, law in KNOWN if name == who and law != "whole sessions"]
        assert set(breaks.split(", ")) == set(known or ["nothing"]), who


def test_each_finding_is_explained() -> None:
    explained = {(who, law) for who, law, _, _ in _rows("who", "law", "what", "smallest example")}
    assert explained == {each for each in KNOWN if each[1] != "whole sessions"}


def test_the_versions_are_those_that_are_installed_for_it() -> None:
    wanted = (_ROOT / "tests/thirdparty/requirements.txt").read_text(encoding="utf-8")
    table = {who: version for who, version, _, _ in _rows("who", "version", "how", "breaks")}
    for line in wanted.split():
        name, _, version = line.partition("==")
        assert table[name] == version
