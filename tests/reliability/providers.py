"""The provider's process: start it, ask it what it saw, kill it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench.cores import load_core, on_core
from tests.reliability.provider import Report
from tests.reliability.relays import ROOT

__all__ = ["Provider", "serve_provider"]


class Provider:
    """A provider that runs."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.port = int(self._answer())

    def reports(self) -> list[Report]:
        """What it has seen of all sessions so far."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        return [Report(**each) for each in json.loads(self._answer())]

    def report(self, name: str) -> Report:
        """What it has seen of one; a session of no bytes if it has seen none."""
        found = [each for each in self.reports() if each.name == name]
        return found[-1] if found else Report(name)

    def wait(self, until: Callable[[list[Report]], bool], timeout: float) -> list[Report]:
        """Ask again and again; return what it has seen in the end."""
        deadline = time.monotonic() + timeout
        while not until(reports := self.reports()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return reports

    def kill(self) -> None:
        """End it by SIGKILL."""
        self._process.kill()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


@contextmanager
def serve_provider() -> Iterator[Provider]:
    """Run a provider until the end of the block."""
    with on_core(load_core()):
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.reliability.provider"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            text=True,
            bufsize=1,
        )
    try:
        yield Provider(process)
    finally:
        process.kill()
        process.communicate()
