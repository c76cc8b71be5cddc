"""deploy/relay.service, by systemd's own words; nothing here starts it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from relay.protocol import Timeouts
from tests.deploy.paths import DEPLOY
from tests.e2e.requirements import needs

UNIT = DEPLOY / "relay.service"
TEXT = UNIT.read_text(encoding="utf-8")


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The file, with a program that is there."""
    assert TEXT.count("ExecStart=/opt/relay/bin/relay ") == 1
    path = tmp_path / UNIT.name
    path.write_text(TEXT.replace("/opt/relay/bin/relay", sys.executable))
    return path


def _analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = needs(shutil.which("systemd-analyze"), "systemd")
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


def test_systemd_understands_all_of_it(unit: Path) -> None:
    done = _analyze("verify", str(unit))
    assert (done.returncode, done.stderr) == (0, "")


def test_it_may_do_little_and_the_docs_say_how_little(unit: Path) -> None:
    done = _analyze("security", "--offline=true", "--no-pager", str(unit))
    found = re.search(r"Overall exposure level for relay.service: ([0-9.]+) ", done.stdout)
    assert found is not None
    assert float(found[1]) < 2  # of 10; systemd calls a service OK below 5
    page = (DEPLOY.parent / "docs" / "deploy.md").read_text(encoding="utf-8")
    assert f"exposure level {found[1]}" in page


def test_it_is_not_killed_while_it_drains() -> None:
    stop = re.search(r"^TimeoutStopSec=(\d+)$", TEXT, re.MULTILINE)
    assert stop is not None
    assert int(stop[1]) >= Timeouts().drain + 10
    assert "\nKillSignal=SIGTERM\n" in TEXT
    assert "\nExecReload=/bin/kill -HUP $MAINPID\n" in TEXT
