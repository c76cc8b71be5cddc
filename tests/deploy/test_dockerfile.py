"""deploy/Dockerfile: linted, and its steps tried one by one, for want of an engine to build it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from deploy.dist import build
from relay.protocol import Timeouts
from tests.deploy.paths import DEPLOY, ROOT, program
from tests.deploy.providers import provider
from tests.deploy.relays import relay
from tests.e2e.requirements import needs

DOCKERFILE = DEPLOY / "Dockerfile"
STEPS = re.sub(r"\\\n\s*", "", re.sub("(?m)^#.*\n", "", DOCKERFILE.read_text())).splitlines()


def _steps(instruction: str) -> list[str]:
    return [line.split(" ", 1)[1] for line in STEPS if line.startswith(f"{instruction} ")]


def test_hadolint_finds_nothing() -> None:
    done = subprocess.run(
        [program("hadolint"), "--no-color", str(DOCKERFILE)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_what_is_copied_is_enough_for_the_wheel_and_the_build_sees_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first stage's COPY lines, into an empty folder, and the wheel of that."""
    needs(find_spec("hatchling"), "hatchling")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    seen = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    source = tmp_path / "source"
    source.mkdir()
    for line in _steps("COPY"):
        *names, target = line.split()
        if line.startswith("--from"):
            continue
        for name in names:
            assert f"!{name}" in seen
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, source / target)
            else:
                shutil.copy(ROOT / name, source / target)
    wheel, _ = build(source, tmp_path / "dist")
    whole, _ = build(ROOT, tmp_path / "whole")
    assert wheel.read_bytes() == whole.read_bytes()


def test_the_health_check_tells_a_relay_from_none(tmp_path: Path) -> None:
    """Its command, but for the port."""
    (check,) = _steps("HEALTHCHECK")
    python, *arguments = json.loads(check.partition("CMD ")[2])
    assert python == "python"
    listen = '[server]\nlisten = ["127.0.0.1:0"]'
    with provider() as its, relay(tmp_path, listen, its) as running:
        here = [each.replace("127.0.0.1:8080", running.address) for each in arguments]
        assert here != arguments
        command = [sys.executable, *here]
        assert subprocess.run(command, capture_output=True, check=False).returncode == 0
        running.kill()
        assert subprocess.run(command, capture_output=True, check=False).returncode != 0


def test_it_is_nobody_in_particular_and_hears_sigterm() -> None:
    assert _steps("USER") == ["10001:10001"]
    assert _steps("STOPSIGNAL") == ["SIGTERM"]
    assert json.loads(_steps("ENTRYPOINT")[0]) == ["relay"]  # exec form: no shell is in between
    assert json.loads(_steps("CMD")[0])[0] == "serve"


def test_the_stop_timeout_it_asks_for_is_longer_than_a_drain() -> None:
    asked = re.search(r"--stop-timeout (\d+)", DOCKERFILE.read_text())
    assert asked is not None
    assert int(asked[1]) >= Timeouts().drain + 10


@pytest.mark.parametrize("image", [line.split()[0] for line in _steps("FROM")])
def test_no_registry_is_named(image: str) -> None:
    assert re.fullmatch(r"[a-z]+:[a-z0-9.-]+", image)
