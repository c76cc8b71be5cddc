"""``make dist``: the wheel, the sdist and ``relay.pyz``, the same bytes from the same commit.

The time in all three is ``SOURCE_DATE_EPOCH``, or else that of the commit, or in an unpacked sdist
that of the sdist. ``relay.pyz`` also depends on the versions of the dependencies that the package
index gives; ``PIP_CONSTRAINT`` fixes them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Build all three into ``dist/``."""
    folder = ROOT / "dist"
    shutil.rmtree(folder, ignore_errors=True)
    wheel, sdist = build(ROOT, folder)
    pyz = build_pyz(wheel, folder)
    for path in (wheel, sdist, pyz):
        print(f"{path.relative_to(ROOT)}  {path.stat().st_size:,} bytes")


def build(source: Path, folder: Path) -> tuple[Path, Path]:
    """The wheel and the sdist of a source tree, in this order.

    Args:
        source: A checkout, or an unpacked sdist.
        folder: Where they go.
    """
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch(source))}
    _run("-m", "hatchling", "build", "-d", str(folder), cwd=source, environment=environment)
    (wheel,) = folder.glob("*.whl")
    (sdist,) = folder.glob("*.tar.gz")
    return wheel, sdist


def build_pyz(wheel: Path, folder: Path) -> Path:
    """The wheel and its dependencies as one file, for this platform and this Python.

    Some of them are compiled, and a zip file cannot hold what is compiled so that it can be loaded:
    shiv unpacks it once, into ``~/.shiv`` or ``SHIV_ROOT``.
    """
    pyz = folder / "relay.pyz"
    python = f"/usr/bin/env python{sys.version_info.major}.{sys.version_info.minor}"
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch(ROOT))}
    with tempfile.TemporaryDirectory() as name:
        site = Path(name)
        pip = ["-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--no-compile"]
        _run(*pip, "--target", str(site), str(wheel), cwd=ROOT, environment=environment)
        _forget_the_machine(site)
        command = ["-m", "shiv.cli", "--site-packages", str(site), "--compressed", "--reproducible"]
        command += [
            "--entry-point",
            "relay.cli:main",
            "--python",
            python,
            "--output-file",
            str(pyz),
        ]
        _run(*command, cwd=ROOT, environment=environment)
    return pyz


def epoch(source: Path) -> int:
    """The time that files are given, in seconds of Unix time."""
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(given)
    info = source / "PKG-INFO"
    if info.exists():  # of an sdist: its files have the time that it was built with
        return int(info.stat().st_mtime)
    command = ["git", "log", "-1", "--format=%ct"]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise SystemExit("neither a checkout nor an sdist: set SOURCE_DATE_EPOCH")
    return int(done.stdout)


def _forget_the_machine(site: Path) -> None:
    """Remove what pip writes of this machine: scripts with its Python's path, and the wheel's."""
    shutil.rmtree(site / "bin", ignore_errors=True)
    for path in site.glob("*.dist-info/direct_url.json"):
        path.unlink()
    for record in site.glob("*.dist-info/RECORD"):
        lines = record.read_text(encoding="utf-8").splitlines(keepends=True)
        gone = ("../../bin/", "bin/")
        kept = (x for x in lines if not x.startswith(gone) and "/direct_url.json," not in x)
        record.write_text("".join(kept), encoding="utf-8")


def _run(*arguments: str, cwd: Path, environment: Mapping[str, str]) -> None:
    """Run this Python; what it prints is seen only if it fails."""
    command = [sys.executable, *arguments]
    done = subprocess.run(  # noqa: S603
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)}\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    main()
