"""Running a target under atheris, which is installed below `.fuzz/`."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.fuzz.figures import Figures, read_figures
from tests.fuzz.target import Target

__all__ = ["FOLDER", "FuzzerError", "install", "run_target"]

FOLDER = Path(__file__).parents[2] / ".fuzz"
"""Where the fuzzer is installed; corpora, dictionaries, logs and findings are here, too."""

_WANTED = Path(__file__).parent / "requirements.txt"
_PACKAGES = FOLDER / "packages"
_INPUT_TIMEOUT = 10
"""Seconds that one input may take."""
_MEMORY = 1024
"""Megabytes that a run may take."""
_PATIENCE = 120.0
_TARGET_EXITED, _TIMED_OUT, _OUT_OF_MEMORY = 77, 70, 71
_FOUND = {_TARGET_EXITED, _TIMED_OUT, _OUT_OF_MEMORY}


class FuzzerError(Exception):
    """The fuzzer could not be installed or run; the text says why."""


def install() -> None:
    """Install the fuzzer for this Python, unless it was before.

    Raises:
        FuzzerError: There is none for this Python or this system, or something failed.
    """
    FOLDER.mkdir(exist_ok=True)
    wanted = f"{sys.version}\n{_WANTED.read_text()}"
    installed = FOLDER / "installed"
    if installed.exists() and installed.read_text() == wanted:
        return
    shutil.rmtree(_PACKAGES, ignore_errors=True)
    pip = (sys.executable, "-m", "pip", "-qq", "--disable-pip-version-check", "install")
    # Only what is built: from its sources it needs clang and half an hour.
    options = ("--only-binary=:all:", "--target", _PACKAGES, "--requirement", _WANTED)
    if code := subprocess.run((*pip, *options), check=False).returncode:
        version = ".".join(map(str, sys.version_info[:2]))
        raise FuzzerError(
            f"installing atheris for Python {version} on {sys.platform} failed with exit code "
            f"{code}; it is built for Python 3.11 to 3.14 on Linux"
        )
    installed.write_text(wanted)


def run_target(target: Target, seconds: int) -> Figures:
    """Fuzz a target for some time, from the corpus of the runs before.

    Raises:
        FuzzerError: The fuzzer ended in another way than with its figures.
    """
    folder = FOLDER / target.name
    corpus, findings = folder / "corpus", folder / "findings"
    for each in (corpus, findings):
        each.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds:
        (corpus / hashlib.sha1(seed, usedforsecurity=False).hexdigest()).write_bytes(seed)
    words = folder / "words"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.words))
    for earlier in findings.iterdir():  # tried first, until it is no finding any more
        earlier.replace(corpus / earlier.name)
    log = folder / "log"
    with log.open("w") as output:
        command: tuple[str | Path, ...] = (
            *(sys.executable, "-m", "tests.fuzz.run", target.name),
            corpus,
            f"-max_total_time={seconds}",
            f"-max_len={target.max_size}",
            *([f"-dict={words}"] if target.words else []),
            f"-artifact_prefix={findings}/",
            f"-timeout={_INPUT_TIMEOUT}",
            f"-rss_limit_mb={_MEMORY}",
            "-print_final_stats=1",
        )
        try:
            code = subprocess.run(
                command,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
                cwd=FOLDER.parent,
                env={**os.environ, "PYTHONPATH": str(_PACKAGES)},
                timeout=seconds + _PATIENCE,
            ).returncode
        except subprocess.TimeoutExpired:
            raise FuzzerError(f"{target.name} did not end in time; see {_shown(log)}") from None
    found = tuple(path.read_bytes() for path in sorted(findings.iterdir()))
    if code not in ({0} if not found else _FOUND):
        raise FuzzerError(f"{target.name} ended with exit code {code}; see {_shown(log)}")
    return read_figures(log.read_text(errors="replace"), found)


def _shown(path: Path) -> Path:
    return path.relative_to(FOLDER.parent)


def _escaped(word: bytes) -> str:
    """A word as libFuzzer's dictionaries have it."""
    return "".join(f"\\x{byte:02X}" for byte in word)
