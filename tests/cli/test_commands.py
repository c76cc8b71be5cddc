"""The ``relay`` command: its help, wrong usage, and commands that end by themselves."""

from __future__ import annotations

import hashlib
import re
import socket
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from relay.cli.commands import app
from relay.doubles import FAULTS
from tests.config.files import (
    OPEN_GATEWAY,
    load_text,
    problems_of,
    unused_port,
)
from tests.serving import write

COMMANDS = [
    ((), "serve check demo probe token", "--version"),
    (("serve",), "Run the relay.", "--config --log-level --log-format"),
    (("check",), "Check the configuration:", "--config --dial"),
    (
        ("demo",),
        "Run the relay, doubles",
        "--once --http-port --https-port --admin-port --live --fault",
    ),
    (("top",), "Show the live sessions", "--url --token-file --ca --interval --once"),
    (("sessions",), "List sessions that have ended", "--since --format --follow"),
    (("probe",), "Open one session,", "--header --subprotocol --ca"),
    (("token",), "new", "--help"),
    (("token", "new"), "Make a gateway token.", "--name"),
]


def run(*arguments: str) -> Result:
    """Run the command line in this process."""
    return CliRunner().invoke(app, arguments)


def words(text: str) -> str:
    """What a help text or a message says, without its frame, its colours and its line breaks."""
    return " ".join(re.sub(r"\x1b\[[0-9;]*m|[╭╮╰╯│─]", " ", text).split())


# Help and wrong usage


@pytest.mark.parametrize(("command", "says", "options"), COMMANDS)
def test_help(command: tuple[str, ...], says: str, options: str) -> None:
    result = run(*command, "--help")
    assert result.exit_code == 0
    text = words(result.stdout)
    assert " ".join(("Usage: relay", *command)) in text
    for word in (*says.split(), *options.split()):
        assert word in text


@pytest.mark.parametrize("command", [(), ("token",)])
def test_without_a_command_the_help_is_shown(command: tuple[str, ...]) -> None:
    result = run(*command)
    assert result.exit_code == 2
    assert words(result.output) == words(run(*command, "--help").output)


def test_the_help_of_serve_says_when_it_is_ready_and_how_it_ends() -> None:
    text = words(run("serve", "--help").stdout)
    for each in ('"listening on URL"', "/healthz", "Ctrl-C", "1001", "Exit code 0:"):
        assert each in text
    assert "SIGHUP" in text
    assert "SIGTERM" in text
    assert "[default: relay.toml]" in text


def test_the_help_of_demo_says_what_each_fault_does() -> None:
    text = words(run("demo", "--help").stdout)
    for fault in FAULTS.values():
        assert re.search(rf"{fault.name}[^ ]*( REASON)?: {re.escape(fault.summary)}", text), text


def test_version() -> None:
    result = run("--version")
    assert (result.exit_code, result.stdout) == (0, f"relay {version('realtime-relay')}\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nope",), "No such command 'nope'."),
        (("--nope",), "No such option: --nope"),
        (("serve", "--nope"), "No such option: --nope"),
        (("serve", "nope"), "unexpected extra argument"),
        (("serve", "--config"), "requires an argument"),
        (("serve", "--log-level", "loud"), "'loud' is not one of"),
        (("serve", "--log-format", "xml"), "'xml' is not one of"),
        (("check", "nope"), "unexpected extra argument"),
        (("token", "old"), "No such command 'old'."),
        (("token", "new", "--name", "a b"), "must be 1 to 64 of A-Z a-z 0-9 _ -"),
        (("token", "new", "--name", '"'), "must be 1 to 64 of A-Z a-z 0-9 _ -"),
        (("token", "new", "--name", ""), "must be 1 to 64 of A-Z a-z 0-9 _ -"),
        (("probe",), "Missing argument"),
        (("demo", "--once", "--live"), "--once ends what --live would hold"),
        (("demo", "--fault", "flood"), "there is no fault 'flood'; there are refuse, hangup"),
        (("demo", "--fault", "openai=drop:3"), "drop: '3' is no option; there is after="),
        (("demo", "--fault", "acme=drop"), "there is no provider 'acme'"),
        (("demo", "--fault", "drop", "--fault", "stall"), "two faults for all providers"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    text = words(result.stderr)
    assert message in text
    assert "Error" in text
    assert "Traceback" not in text


# relay token new


@pytest.mark.parametrize(("options", "name"), [((), "web"), (("--name", "app-2_x"), "app-2_x")])
def test_a_new_token_and_the_line_that_makes_it_known(
    tmp_path: Path, options: tuple[str, ...], name: str
) -> None:
    result = run("token", "new", *options)
    assert result.exit_code == 0
    assert result.stderr == ""
    token, line = result.stdout.splitlines()
    assert token not in line
    (known,) = load_text(tmp_path, f'[gateways."acct/main"]\n{line}\n').gateways["acct/main"].tokens
    assert known.name == name
    assert known.sha256 == hashlib.sha256(token.encode()).digest()
    assert known.expires is None


def test_a_new_token_is_another_one_each_time() -> None:
    assert run("token", "new").stdout != run("token", "new").stdout


# relay check


def test_check_says_what_a_configuration_amounts_to(tmp_path: Path) -> None:
    text = f'server.listen = ["127.0.0.1:0", "unix:/tmp/[red]{"x" * 80}"]\n{OPEN_GATEWAY}'
    result = run("check", "--config", write(tmp_path, text))
    assert result.exit_code == 0
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert lines[:2] == ["listen: http://127.0.0.1:0", f"listen: unix:/tmp/[red]{'x' * 80}"]
    assert words("".join(lines[-2:-1])) == "acct/main none - all verbatim"


def test_check_says_where_the_operator_connects(tmp_path: Path) -> None:
    result = run("check", "--config", write(tmp_path, f"{OPEN_GATEWAY}[admin]"))
    assert "admin: http://127.0.0.1:9464" in result.stdout.splitlines()


def test_check_looks_at_relay_toml_where_it_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("check")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "relay.toml: No such file or directory\n"
    write(tmp_path, OPEN_GATEWAY)
    assert run("check").exit_code == 0


def test_check_tells_all_problems(tmp_path: Path) -> None:
    text = "[server]\nmax_sessions = 0\n[limits]\nidle = '1s'\n"
    path = write(tmp_path, text)
    for option in ("--config", "-c"):
        result = run("check", option, path)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.splitlines() == [
            f"{path}: server.max_sessions: must be at least 1",
            f"{path}: limits.idle: unknown key (did you mean idle_timeout?)",
        ]


def provider(name: str, port: int) -> str:
    """A provider at that port of this machine."""
    return f"[providers.{name}]\nlike = 'openai'\nurl = 'ws://127.0.0.1:{port}'\n"


@pytest.mark.parametrize("command", ["check", "serve"])
def test_a_driver_that_is_missing_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.setattr("relay.cli.serve.log.configure", lambda *_, **__: None)
    monkeypatch.setattr("relay.cli.serve.signal.signal", lambda *_: None)
    table = '[records]\nstore = "postgresql://relay@db.test/relay"'
    result = run(command, "-c", write(tmp_path, OPEN_GATEWAY + table))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "PostgreSQL needs psycopg: install the extra 'postgresql'" in result.stderr


def test_check_dials_only_when_told(tmp_path: Path) -> None:
    text = f"{OPEN_GATEWAY}providers = ['local']\n{provider('local', unused_port())}"
    path = write(tmp_path, text)
    assert run("check", "-c", path).exit_code == 0
    result = run("check", "--dial", "-c", path)
    assert result.exit_code == 1
    assert "the provider refused the connection" in words(result.stdout)
    assert result.stderr == ""


def test_check_reaches_a_provider(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        text = f"{OPEN_GATEWAY}providers = ['local']\n{provider('local', port)}"
        result = run("check", "--dial", "-c", write(tmp_path, text))
    assert result.exit_code == 0
    assert re.search(rf"local ws://127\.0\.0\.1:{port} in \d+ ms", words(result.stdout))


def test_check_dials_nothing_if_the_configuration_cannot_be_used(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        port = listening.getsockname()[1]
        text = f"{OPEN_GATEWAY}providers = ['local', 'nobody']\n{provider('local', port)}"
        assert problems_of(tmp_path, text) != []
        assert run("check", "--dial", "-c", str(tmp_path / "relay.toml")).exit_code == 2
        with pytest.raises(BlockingIOError):
            listening.accept()
