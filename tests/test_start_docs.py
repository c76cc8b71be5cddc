"""docs/start.md, followed to the letter: its files written, its commands run in order."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.snippets import Snippet, snippets

_PAGE = "docs/start.md"


def _snippet(kind: str, containing: str) -> Snippet:
    (found,) = (each for each in snippets(_PAGE, kind) if containing in each.text)
    return found


def _command(line: str, token: str = "") -> list[str]:
    """A ``relay`` command of the page, with this Python and a real token."""
    _, *words = shlex.split(line)
    return [sys.executable, "-m", "relay", *(word.replace("rly_…", token) for word in words)]


def _environment() -> dict[str, str]:
    (name, value) = re.findall(r"export (\w+)=(\S+)", _snippet("sh", "export").text)[0]
    top = str(Path(__file__).parent.parent)
    return {**os.environ, name: value, "PYTHONPATH": top, "NO_PROXY": "127.0.0.1"}


@contextmanager
def _running(folder: Path, command: list[str]) -> Iterator[str]:
    """A program that serves; gives the end of its line that says where."""
    with subprocess.Popen(
        command,
        cwd=folder,
        env=_environment(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        try:
            assert process.stdout is not None
            yield next(line for line in process.stdout if "listening on" in line).split()[-1]
        finally:
            process.terminate()


def _run(folder: Path, command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env=_environment(), text=True, capture_output=True, check=False
    )


def test_the_page_leads_to_a_session(tmp_path: Path) -> None:
    (tmp_path / "provider.py").write_text(_snippet("python", "serve_double").text)
    configuration = _snippet("toml", "[gateways.").text
    check, serve = re.findall(r"^relay \w+$", _snippet("sh", "relay serve").text, re.MULTILINE)
    made = _run(tmp_path, _command(_snippet("sh", "token new").text)).stdout
    token, line = made.splitlines()
    (its_hash,) = re.findall(r'sha256 = "(\w+)"', line)

    with _running(tmp_path, [sys.executable, "provider.py"]) as port:
        written = (
            configuration.replace("the hash that relay token new printed", its_hash)
            .replace(":9000", f":{port}")
            .replace(":8080", ":0")
        )
        assert tomllib.loads(written) != tomllib.loads(configuration)
        (tmp_path / "relay.toml").write_text(written)
        checked = _run(tmp_path, _command(check))
        assert (checked.returncode, checked.stderr) == (0, "")
        with _running(tmp_path, _command(serve)) as url:
            probe = _snippet("sh", "relay probe").text.replace(
                "ws://127.0.0.1:8080", url.rstrip("/").replace("http", "ws")
            )
            opened = _run(tmp_path, _command(probe, token))
            assert opened.returncode == 0, opened.stdout + opened.stderr
            assert "101" in opened.stdout
            refused = _run(tmp_path, _command(probe, token[:-1] + "_"))
            assert refused.returncode == 1
            assert "401" in refused.stdout


def test_the_demo_of_the_page_runs(tmp_path: Path) -> None:
    (line,) = re.findall(r"^relay demo .*$", _snippet("sh", "relay demo").text, re.MULTILINE)
    ran = _run(tmp_path, _command(line))
    assert ran.returncode == 0, ran.stdout + ran.stderr
