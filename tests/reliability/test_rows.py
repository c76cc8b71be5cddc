from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from bench.processes import BenchError
from tests.reliability import __main__ as program
from tests.reliability.catalogue import ROWS
from tests.reliability.rows import Outcome, Place, Row, Unmeasurable

DOCS = Path(__file__).parents[2] / "docs" / "reliability.md"


def held(_: Place) -> Outcome:
    return Outcome("12 ms")


def missed(_: Place) -> Outcome:
    outcome = Outcome("13 ms")
    outcome.promise("it works", True)
    outcome.compare("1 ms", False)
    return outcome


def broken(_: Place) -> Outcome:
    outcome = missed(_)
    outcome.promise("it holds", False)
    return outcome


def unmeasurable(_: Place) -> Outcome:
    raise Unmeasurable("no namespaces here")


def failing(_: Place) -> Outcome:
    raise BenchError("it did not listen")


def run(monkeypatch: pytest.MonkeyPatch, *measures: Callable[[Place], Outcome]) -> tuple[int, str]:
    rows = [Row(each.__name__, "promised", "bar", each) for each in measures]
    monkeypatch.setattr(program, "ROWS", rows)
    monkeypatch.setattr("os.sched_setaffinity", lambda *_: None)
    monkeypatch.setattr(program, "raise_descriptor_limit", lambda: 0)
    monkeypatch.setattr(program, "end_on_signals", lambda: None)
    app = typer.Typer()
    app.command()(program.main)
    result = CliRunner().invoke(app)
    return result.exit_code, result.output


def test_what_others_do_better_is_only_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    code, output = run(monkeypatch, held, missed)
    assert code == 0
    assert "12 ms" in output
    assert "13 ms" in output


@pytest.mark.parametrize(("measure", "what"), [(broken, "it holds"), (failing, "did not listen")])
def test_a_promise_that_is_broken_fails_the_run(
    monkeypatch: pytest.MonkeyPatch, measure: Callable[[Place], Outcome], what: str
) -> None:
    code, output = run(monkeypatch, held, measure)
    assert code == 1
    assert "BROKEN" in output
    assert what in output


@pytest.mark.parametrize(("skips_nothing", "expected"), [("1", 1), ("", 0)])
def test_what_cannot_be_measured_is_said(
    monkeypatch: pytest.MonkeyPatch, skips_nothing: str, expected: int
) -> None:
    monkeypatch.setenv("RELAY_SKIP_NOTHING", skips_nothing)
    code, output = run(monkeypatch, held, unmeasurable)
    assert code == expected
    assert "no namespaces here" in output
    assert "not measured" in output


def test_the_page_has_each_row() -> None:
    lines = DOCS.read_text().splitlines()
    missing = [row.name for row in ROWS if not any(x.startswith(f"| {row.name} |") for x in lines)]
    assert missing == []


def test_each_row_has_a_name_of_its_own() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)
