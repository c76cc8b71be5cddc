"""The page's libraries are those that their authors published, byte for byte."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

import relay
from tests.e2e.requirements import needs

FOLDER = Path(relay.__file__).parent / "admin/page/vendor"
VERSIONS = json.loads((FOLDER / "versions.json").read_text())


def test_each_file_is_listed_with_its_hash() -> None:
    listed = {
        name: sha256
        for package in VERSIONS.values()
        for name, (_, sha256) in package["files"].items()
    }
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in FOLDER.iterdir()
        if path.name != "versions.json"
    }
    assert found == listed


@pytest.mark.parametrize("name", VERSIONS)
def test_npm_has_the_same_bytes(name: str, tmp_path: Path) -> None:
    npm = needs(shutil.which("npm"), "npm")
    package = VERSIONS[name]
    done = subprocess.run(
        [npm, "pack", f"{name}@{package['version']}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "E404" not in done.stderr
    packed = next(tmp_path.glob("*.tgz"), None)
    with tarfile.open(needs(packed, "npm's registry")) as archive:
        for file, (path, _) in package["files"].items():
            member = archive.extractfile(f"package/{path}")
            assert member is not None
            assert member.read() == (FOLDER / file).read_bytes(), file
