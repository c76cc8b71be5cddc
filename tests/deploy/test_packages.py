"""What ``make dist`` builds: complete, the same bytes each time, and installed as users do."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from deploy.dist import build, build_pyz
from tests.deploy.paths import ROOT, program
from tests.e2e.requirements import needs

LONGEST = 300.0  # seconds for one command: then it hangs


def _run(*command: str | Path, **environment: str | Path) -> str:
    """What a command prints; it must not see this test's environment of Python."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
    added = {name: str(text) for name, text in environment.items()}
    done = subprocess.run(
        [str(each) for each in command],
        env={**kept, **added},
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel and the sdist."""
    needs(find_spec("hatchling"), "hatchling (pip install '.[dist]')")
    folder = tmp_path_factory.mktemp("dist")
    build(ROOT, folder)
    return folder


@pytest.fixture(scope="session")
def wheel(dist: Path) -> Path:
    (found,) = dist.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def unpacked(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist's contents."""
    (sdist,) = dist.glob("*.tar.gz")
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (inside,) = folder.iterdir()
    return inside


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A package index, asked for the smallest of the dependencies."""
    folder = tmp_path_factory.mktemp("index")
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder), "h11"]
    done = subprocess.run(command, capture_output=True, check=False)
    needs(True if done.returncode == 0 else None, "a package index")


@pytest.fixture(scope="session")
def pyz(index: None, wheel: Path) -> Path:  # noqa: ARG001
    needs(find_spec("shiv"), "shiv (pip install '.[dist]')")
    return build_pyz(wheel, wheel.parent)


def _tracked() -> Iterator[str]:
    """The files of the repository; none where this is no checkout."""
    if not (ROOT / ".git").exists():
        pytest.skip("no checkout")
    done = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    yield from (name for name in done.stdout.split("\0") if name)


def test_the_wheel_has_every_file_of_the_relay_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert {name for name in _tracked() if name.startswith("relay/")} <= inside
    assert all(name.startswith("relay/") for name in inside)


def test_the_sdist_has_every_file_of_the_repository(unpacked: Path) -> None:
    """So whatever the tests need is there: they are among it."""
    assert [name for name in _tracked() if not (unpacked / name).exists()] == []


def test_the_same_bytes_come_out_of_the_sdist(dist: Path, unpacked: Path, tmp_path: Path) -> None:
    """Another folder, without git, at another time of day."""
    for made in build(unpacked, tmp_path):
        assert made.read_bytes() == (dist / made.name).read_bytes()


def test_pipx_installs_it(index: None, wheel: Path, tmp_path: Path) -> None:  # noqa: ARG001
    folders = {f"PIPX_{name}": tmp_path / name for name in ("HOME", "BIN_DIR", "MAN_DIR")}
    _run(program("pipx"), "install", "--python", sys.executable, wheel, **folders)
    _try(tmp_path / "BIN_DIR" / "relay")


def test_uv_installs_it(index: None, wheel: Path, tmp_path: Path) -> None:  # noqa: ARG001
    folders = {f"UV_TOOL_{name}": tmp_path / name for name in ("DIR", "BIN_DIR")}
    _run(program("uv"), "tool", "install", "--python", sys.executable, wheel, **folders)
    _try(tmp_path / "BIN_DIR" / "relay")


def test_the_one_file_runs(pyz: Path, tmp_path: Path) -> None:
    _try(sys.executable, pyz, SHIV_ROOT=tmp_path)


def test_the_one_file_says_nothing_of_the_machine_that_built_it(pyz: Path) -> None:
    with zipfile.ZipFile(pyz) as archive:
        for name in archive.namelist():
            content = archive.read(name)
            assert str(ROOT).encode() not in content, name
            assert sys.prefix.encode() not in content, name


def _try(*command: str | Path, **environment: str | Path) -> None:
    assert _run(*command, "--version", **environment).startswith("relay ")
    assert "elevenlabs" in _run(*command, "demo", "--once", **environment)
