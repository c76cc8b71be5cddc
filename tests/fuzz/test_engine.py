"""What is made of the ways in which the fuzzer ends; a script stands for it."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import pytest

from tests.fuzz import engine
from tests.fuzz.engine import FuzzerError, install, run_target
from tests.fuzz.target import Target


def check(raw: bytes) -> None:
    assert raw


TARGET = Target("sample", check, seeds=(b"seed",), words=(b"a\r\n",), max_size=9)


class Fuzzer:
    """Stands for ``subprocess.run``."""

    def __init__(self, code: int, finding: bytes | None = None) -> None:
        self.code = code
        self.finding = finding
        self.command: list[str] = []

    def __call__(
        self, command: Sequence[str | Path], stdout: IO[str] | None = None, **_: object
    ) -> subprocess.CompletedProcess[str]:
        self.command = [*map(str, command)]
        if stdout is not None:
            stdout.write("stat::number_of_executed_units: 12\n")
        if self.finding is not None:
            (engine.FOLDER / "sample" / "findings" / "crash-1").write_bytes(self.finding)
        return subprocess.CompletedProcess([], self.code)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(engine, "FOLDER", tmp_path)
    monkeypatch.setattr(engine, "_PACKAGES", tmp_path / "packages")
    return tmp_path


def stand_in(monkeypatch: pytest.MonkeyPatch, fuzzer: Fuzzer) -> Fuzzer:
    monkeypatch.setattr(subprocess, "run", fuzzer)
    return fuzzer


def test_a_run_begins_with_the_seeds_and_ends_with_figures(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fuzzer = stand_in(monkeypatch, Fuzzer(0))
    figures = run_target(TARGET, 7)
    assert (figures.executions, figures.findings) == (12, ())
    assert {"sample", "-max_total_time=7", "-max_len=9"} < {*fuzzer.command}
    assert [each.read_bytes() for each in (folder / "sample" / "corpus").iterdir()] == [b"seed"]
    assert (folder / "sample" / "words").read_text() == '"\\x61\\x0D\\x0A"\n'


@pytest.mark.parametrize("code", [77, 70, 71])
def test_a_finding_is_reported_and_tried_again_by_the_next_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    stand_in(monkeypatch, Fuzzer(code, b"breaks"))
    assert run_target(TARGET, 7).findings == (b"breaks",)
    assert run_target(TARGET, 7).findings == (b"breaks",)
    stand_in(monkeypatch, Fuzzer(0))
    assert run_target(TARGET, 7).findings == ()
    assert (folder / "sample" / "corpus" / "crash-1").read_bytes() == b"breaks"


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("code", "finding"), [(1, None), (77, None), (0, b"x"), (1, b"x")])
def test_another_end_is_no_run(
    monkeypatch: pytest.MonkeyPatch, code: int, finding: bytes | None
) -> None:
    stand_in(monkeypatch, Fuzzer(code, finding))
    with pytest.raises(FuzzerError, match=f"sample ended with exit code {code}"):
        run_target(TARGET, 7)


def test_it_is_installed_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fuzzer = stand_in(monkeypatch, Fuzzer(0))
    install()
    assert str(folder / "packages") in fuzzer.command
    fuzzer.command = []
    install()
    assert fuzzer.command == []


def test_a_python_without_the_fuzzer_is_told_of(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(monkeypatch, Fuzzer(1))
    with pytest.raises(FuzzerError, match=r"installing atheris for Python 3\.\d+ on \w+ failed"):
        install()
    assert not (folder / "installed").exists()
