"""What commands that ask a running relay have in common."""

from __future__ import annotations

import getpass
import io
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from relay.admin_client import AdminClient, AdminError
from relay.cli.ask_relay import DEFAULT_URL, ask_relay


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _nobody_at_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RELAY_ADMIN_TOKEN", raising=False)
    monkeypatch.setattr(sys, "stdin", io.StringIO())


def _bearer(token_file: Path | None = None, url: str = DEFAULT_URL) -> str:
    """What a command would send."""
    sent = []

    async def ask(client: AdminClient) -> None:
        sent.append(client._client.headers["Authorization"])

    ask_relay(url, token_file, None, ask)
    return sent[0]


def test_the_token_comes_from_the_file_or_the_environment_or_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(getpass, "getpass", lambda _: "asked")
    monkeypatch.setattr(sys, "stdin", _Terminal())
    assert _bearer() == "Bearer asked"
    monkeypatch.setenv("RELAY_ADMIN_TOKEN", "environment")
    assert _bearer() == "Bearer environment"
    file = tmp_path / "token"
    file.write_text("file\n")
    assert _bearer(file) == "Bearer file"


def _error(capsys: pytest.CaptureFixture[str], code: int, **how: object) -> str:
    """What it says on stderr before it exits with ``code``."""
    with pytest.raises(typer.Exit) as caught:
        _bearer(**how)  # type: ignore[arg-type]
    assert caught.value.exit_code == code
    return capsys.readouterr().err


def test_it_does_not_begin_without_what_it_needs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _error(capsys, 2) == "no token: set RELAY_ADMIN_TOKEN, or give --token-file\n"
    none = tmp_path / "none"
    assert _error(capsys, 2, token_file=none) == f"{none}: No such file or directory\n"
    empty = tmp_path / "empty"
    empty.touch()
    assert "a token is one line of visible ASCII" in _error(capsys, 2, token_file=empty)
    monkeypatch.setenv("RELAY_ADMIN_TOKEN", "rly_secret")
    sentence = _error(capsys, 2, url="http://192.0.2.1:9464")
    assert sentence.startswith("http://192.0.2.1:9464: is not loopback")
    assert "rly_" not in sentence


def test_whoever_does_not_give_a_token_ends_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def gone(_: str) -> str:
        raise EOFError

    monkeypatch.setattr(getpass, "getpass", gone)
    monkeypatch.setattr(sys, "stdin", _Terminal())
    assert _error(capsys, 1) == ""


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (AdminError("it drains"), 1, "it drains\n"),
        (KeyboardInterrupt(), 0, ""),
        (BrokenPipeError(), 0, ""),
    ],
    ids=["refused", "Ctrl-C", "a pipe that ends"],
)
def test_how_it_ends(
    raised: BaseException,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("RELAY_ADMIN_TOKEN", "rly_secret")

    async def ask(_: AdminClient) -> None:
        raise raised

    with pytest.raises(typer.Exit) as caught:
        ask_relay(DEFAULT_URL, None, None, ask)
    assert (caught.value.exit_code, capsys.readouterr().err) == (code, said)


def test_other_commands_do_not_load_it() -> None:
    program = "import sys, relay.cli; print({'httpx', 'textual'} & {*sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert loaded.stdout == b"set()\n"
