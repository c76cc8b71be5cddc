"""Running the suite: `kosoku`, which has Autobahn's cases, in an environment of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import trio

from tests.conformance.suites import Suite
from tests.conformance.verdicts import Verdict, Verdicts

__all__ = ["FOLDER", "SuiteError", "install", "read_report", "run_suite"]

FOLDER = Path(__file__).parents[2] / ".conformance"
"""Where the suite is installed, and the relays' logs are."""

_WANTED = Path(__file__).parent / "requirements.txt"
_ENVIRONMENT = FOLDER / "python"
_TIMEOUT = 3600.0


class SuiteError(Exception):
    """The suite could not be installed or run; the text says why."""


def install() -> None:
    """Install the suite, unless it was before.

    Raises:
        SuiteError: Something failed.
    """
    FOLDER.mkdir(exist_ok=True)
    installed = FOLDER / "installed"
    if installed.exists() and installed.read_bytes() == _WANTED.read_bytes():
        return
    pip = (_ENVIRONMENT / "bin" / "python", "-m", "pip", "-qq", "--disable-pip-version-check")
    for command in (
        (sys.executable, "-m", "venv", "--clear", _ENVIRONMENT),
        (*pip, "install", "--requirement", _WANTED),
    ):
        if code := subprocess.run(command, check=False).returncode:
            raise SuiteError(f"installing the suite failed with exit code {code}")
    shutil.copy(_WANTED, installed)


async def run_suite(suite: Suite, url: str) -> Verdicts:
    """Run cases against a server.

    Raises:
        SuiteError: There is no report in the end.
    """
    with tempfile.TemporaryDirectory(prefix="relay-conformance-") as folder:
        cases = [argument for case in suite.cases for argument in ("--include", case)]
        options = [*cases, "--parallelism", str(suite.at_once), "--outdir", folder]
        with trio.move_on_after(_TIMEOUT) as waiting:
            ended = await trio.run_process(
                [_ENVIRONMENT / "bin" / "kosoku", url, *options],
                check=False,  # a case that fails is told by its exit code, too
                capture_stdout=True,
                capture_stderr=True,
            )
        if waiting.cancelled_caught:
            raise SuiteError(f"the suite {suite.name} did not end within {_TIMEOUT:.0f} s at {url}")
        try:
            report = await trio.Path(folder, "index.json").read_text()
        except FileNotFoundError:
            words = ended.stderr.decode(errors="replace").strip().rpartition("\n")[2]
            raise SuiteError(f"the suite {suite.name} gave no report: {words}") from None
        return read_report(report)


def read_report(text: str) -> Verdicts:
    """Read an ``index.json`` of Autobahn's format, of one server."""
    (cases,) = json.loads(text).values()
    return {
        case: Verdict(found["behavior"], found["behaviorClose"]) for case, found in cases.items()
    }
