"""The ``make`` lines of the documents: the demo is run, and what is a suite is run by .ci/run."""

from __future__ import annotations

import importlib
import re
import shlex
import shutil
import signal
import tomllib
from pathlib import Path

import pytest
import typer

from tests.docs.commands import Shell, all_commands
from tests.docs.snippets import ROOT
from tests.e2e.requirements import needs

_CI = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
_MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
(_EXTRAS,) = re.findall(r"^\$\(addprefix \.venv/,([a-z ]+)\):", _MAKEFILE, re.MULTILINE)
_STAMPS = [f".venv/{each}" for each in ("run", *_EXTRAS.split())]
_LINES = sorted({each.text for each in all_commands() if each.text.startswith("make ")})
_RUNS = "make run"
_SUITES = {
    "make test": ["make test"],
    "make check": ["make style types security coverage", "make test"],
    "make dist": ["make dist .venv/deploy"],
    "make soak": ["make soak ARGS=--quick"],
    'make soak ARGS="--sessions 10000 --seed 5"': ["make soak ARGS=--quick"],
}
"""Lines that take minutes or hold this very test, by the lines of .ci/run that run the same."""


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    needs(shutil.which("make"), "make")
    return Shell(tmp_path, ROOT)


def _with(line: str, options: str) -> str:
    """The line with options of make's; nothing is installed for it."""
    keep = "".join(f" -o {stamp}" for stamp in _STAMPS)
    return line.replace("make ", f"make --no-print-directory{keep} {options} ", 1)


def _recipe(shell: Shell, line: str) -> list[str]:
    """What the line would run."""
    return shell.run(_with(line, "--dry-run")).splitlines()


def _without_options(shell: Shell, line: str) -> list[str]:
    return _recipe(shell, re.sub(" ARGS=.*", "", line))


def _read_options(shell: Shell, line: str) -> None:
    """Have the program to which the line gives options read them, and do nothing."""
    (command,) = set(_recipe(shell, line)) - set(_without_options(shell, line))
    _, _, module, *options = shlex.split(command)
    application = typer.Typer()
    application.command()(importlib.import_module(f"{module}.__main__").main)
    typer.main.get_command(application).make_context(module, options)


@pytest.mark.parametrize("line", _LINES)
def test_each_line_is_run_here_or_is_a_suite(line: str) -> None:
    assert line.startswith(_RUNS) is (line not in _SUITES)


def test_no_suite_is_named_in_vain() -> None:
    assert _SUITES.keys() <= set(_LINES)


@pytest.mark.parametrize("line", _SUITES)
def test_nothing_is_installed_for_it(shell: Shell, line: str) -> None:
    assert not [command for command in _recipe(shell, line) if " pip " in command]


def test_extras_mark_those_that_they_have_in_them() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"]
    marked = dict(re.findall(r"^HAS_(\w+) := (.*)$", _MAKEFILE, re.MULTILINE))
    for name in _EXTRAS.split():
        inside = " ".join(re.findall(r"^realtime-relay\[(.*)\]", extras[name][0]))
        has = set(inside.split(",")) & set(_EXTRAS.split())
        assert marked.get(name, "").split() == sorted(has)


@pytest.mark.parametrize("line", [each for each in _SUITES if "ARGS=" in each])
def test_the_program_takes_the_options(shell: Shell, line: str) -> None:
    _read_options(shell, line)


@pytest.mark.parametrize("wrong", ["--sesions=1", "--sessions=many", "more"])
def test_options_that_it_does_not_take_are_found(shell: Shell, wrong: str) -> None:
    usage_error: type[Exception] = typer.BadParameter.__mro__[1]  # click's, or typer's own
    with pytest.raises(usage_error):
        _read_options(shell, f"make soak ARGS={wrong}")


@pytest.mark.parametrize("line", _SUITES)
def test_the_suite_is_run_by_ci(shell: Shell, line: str) -> None:
    """All that the line runs, if with other options."""
    assert set(_SUITES[line]) <= set(_CI.splitlines())
    by_ci = {command for each in _SUITES[line] for command in _without_options(shell, each)}
    runs = set(_without_options(shell, line))
    assert runs
    assert runs <= by_ci


@pytest.mark.parametrize("line", [each for each in _LINES if each.startswith(_RUNS)])
def test_the_demo_runs(shell: Shell, line: str) -> None:
    ports = "--http-port 0 --https-port 0 --admin-port 0"
    options = " ".join(re.findall("ARGS=(.*)", line))
    line = _with(line, f"BIN={shell.programs}") + f' ARGS="{options} {ports}"'
    if "--once" in line:
        assert "elevenlabs" in shell.run(line)
        return
    # Whoever presses Ctrl-C ends make, too, and it says so by dying of it.
    with shell.serving(line, "Serving until Ctrl-C.", code=-signal.SIGINT) as printed:
        assert "elevenlabs" in printed
