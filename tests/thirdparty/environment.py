"""An environment of their own for the third parties that the benchmark does not bring."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["FOLDER", "PYTHON", "InstallationError", "install"]

_WANTED = Path(__file__).with_name("requirements.txt")

FOLDER = Path(__file__).parents[2] / ".thirdparty"
PYTHON = FOLDER / "bin" / "python"


class InstallationError(Exception):
    """They could not be installed; the text says why."""


def install() -> None:
    """Install them, unless the list of them is the one installed before.

    Raises:
        InstallationError: A program failed.
    """
    installed = FOLDER / "requirements.installed"
    if installed.exists() and installed.read_bytes() == _WANTED.read_bytes():
        return
    pip: list[str | Path] = [PYTHON, "-m", "pip", "-qq", "--disable-pip-version-check"]
    pip += ["install", "-r", _WANTED]
    venv: list[str | Path] = [sys.executable, "-m", "venv", "--clear", FOLDER]
    for command in (venv, pip):
        done = subprocess.run(command, check=False)
        if done.returncode:
            raise InstallationError(f"{command[1]} {command[2]} ended with {done.returncode}")
    shutil.copy(_WANTED, installed)
