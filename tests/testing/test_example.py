"""The example of docs/testing.md finds the bug that was planted, and nothing where it is mended."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

_FOLDER = Path(__file__).parents[2] / "examples" / "testing"
_ROOT = _FOLDER.parents[1]


def _run(name: str, tmp_path: Path, *options: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", _FOLDER / name, *options],
        capture_output=True,
        text=True,
        check=False,
        cwd=_ROOT,
        env={
            **os.environ,
            "HYPOTHESIS_STORAGE_DIRECTORY": str(tmp_path),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
    )
    return done.returncode, done.stdout


def test_it_finds_the_bug_and_shrinks_it(tmp_path: Path) -> None:
    code, printed = _run("test_naive_proxy.py", tmp_path, "-k", "fragments or closes")
    assert code == 1, printed
    assert re.findall(r"^FAILED \S+\[(\w+)\]", printed, re.MULTILINE) == ["fragments"]
    assert "1 failed, 1 passed" in printed
    # A control frame (Ping or Pong) between two fragments.
    example = printed[printed.index("fragments(\n") :]
    assert re.search(r"fin=False\),\s*(E\s*)?p[io]ng\(b'.*'\)", example), printed


@pytest.mark.parametrize("name", ["test_mended_proxy.py"])
def test_the_mended_one_passes(name: str, tmp_path: Path) -> None:
    code, printed = _run(name, tmp_path)
    assert code == 0, printed
    assert "13 passed, 1 skipped" in printed
