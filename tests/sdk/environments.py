"""Where the SDKs are installed: below ``.sdk``, away from the relay's own environment."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.sdk.rows import Language, Row

__all__ = ["LOG", "ROOT", "InstallationError", "command", "install"]

_HERE = Path(__file__).parent

ROOT = _HERE.parents[1]
"""The project's folder: where programs are run."""

LOG = ROOT / ".sdk" / "relay.log"
"""The relay's log of the last time."""


class InstallationError(Exception):
    """The SDKs could not be installed; the text says why."""


def install(language: Language) -> None:
    """Install the SDKs of a language, unless the list of them is the one installed before.

    Raises:
        InstallationError: A program is missing, or failed.
    """
    folder = LOG.parent / language
    folder.mkdir(parents=True, exist_ok=True)
    if language is Language.NODE:
        # Node looks for packages from the program's own folder upwards.
        for program in (_HERE / "node").glob("*.mjs"):
            shutil.copy(program, folder)
    wanted = _HERE / ("requirements.txt" if language is Language.PYTHON else "node/package.json")
    installed = folder / f"{wanted.name}.installed"
    if installed.exists() and installed.read_bytes() == wanted.read_bytes():
        return
    if language is Language.PYTHON:
        _run(sys.executable, "-m", "venv", "--clear", folder)
        pip = (_python(), "-m", "pip", "-qq", "--disable-pip-version-check")
        _run(*pip, "install", "--requirement", wanted)
    else:
        shutil.copy(wanted, folder)
        npm = ("npm", "install", "--prefix", folder, "--no-package-lock", "--no-audit", "--no-fund")
        _run(*npm, "--loglevel=error")
    shutil.copy(wanted, installed)


def command(row: Row) -> list[str | Path]:
    """What runs a row's program, up to its arguments; to be run in ``ROOT``."""
    if row.language is Language.PYTHON:
        # As a module: as a file, `openai.py` would hide the SDK of that name.
        return [_python(), "-m", f"tests.sdk.python.{row.program}"]
    return ["node", LOG.parent / Language.NODE / f"{row.program}.mjs"]


def _python() -> Path:
    return LOG.parent / Language.PYTHON / "bin" / "python"


def _run(*arguments: str | Path) -> None:
    name = Path(arguments[0]).name
    try:
        subprocess.run(arguments, cwd=ROOT, check=True)
    except FileNotFoundError:
        raise InstallationError(f"{name} is not installed") from None
    except subprocess.CalledProcessError as error:
        raise InstallationError(f"{name} failed with exit code {error.returncode}") from None
