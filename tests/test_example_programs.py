"""The programs of ``examples/`` that serve: each does, and ends quietly with Ctrl-C."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.config.files import OPEN_GATEWAY
from tests.docs.commands import Shell
from tests.docs.snippets import ROOT

_DRIVERS = ("embedding/asyncio_relay.py", "embedding/threads_relay.py")
_PROGRAMS = (*_DRIVERS, "embedding/capture.py .", "application/voice_app.py relay.toml")
_ANY_PORT = """
import socket

bind, listen = socket.socket.bind, socket.socket.listen


def listen_and_tell(sock, *backlog):
    listen(sock, *backlog)
    print(f"it listens on {sock.getsockname()[1]}", flush=True)


socket.socket.bind = lambda sock, address: bind(sock, (address[0], 0))
socket.socket.listen = listen_and_tell
"""
"""What a Python does before it runs a program whose port may be somebody else's."""
_DESCRIPTORS = 64
_FEW_DESCRIPTORS = f"""
import resource

resource.setrlimit(resource.RLIMIT_NOFILE, ({_DESCRIPTORS}, {_DESCRIPTORS}))
"""


def _shell(folder: Path, before: str = _ANY_PORT) -> Shell:
    """A shell in an empty folder, with all that the programs want, and what Python does first."""
    shell = Shell(folder)
    shell.environment |= {"RELAY_TOKEN": "rly_of_the_client", "OPENAI_API_KEY": "sk-example"}
    shell.environment["PYTHONPATH"] += f":{folder}"
    (folder / "sitecustomize.py").write_text(before)
    (folder / "relay.toml").write_text(OPEN_GATEWAY)
    return shell


@pytest.mark.parametrize("program", _PROGRAMS)
def test_it_serves_and_ends_quietly(program: str, tmp_path: Path) -> None:
    with _shell(tmp_path).serving(f"python {ROOT}/examples/{program}", "it listens"):
        pass


@pytest.mark.parametrize("program", _DRIVERS)
def test_it_accepts_clients_again_once_it_can(program: str, tmp_path: Path) -> None:
    """More of them than it has descriptors for are served in the end, and none is left over."""
    shell = _shell(tmp_path, _ANY_PORT + _FEW_DESCRIPTORS)
    with shell.running(f"python {ROOT}/examples/{program}") as running:
        (port,) = map(int, re.findall(r"it listens on (\d+)", running.prints("it listens")))
        with _silent_clients(port, 1):
            pass
        before = running.descriptors()
        with _silent_clients(port, 2 * _DESCRIPTORS):
            running.prints("Too many open files")
        assert running.descriptors() == before
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: relay.example\r\n\r\n")
            assert client.recv(13) == b"HTTP/1.1 404 "


@contextmanager
def _silent_clients(port: int, count: int) -> Iterator[None]:
    """So many clients that say nothing, and leave; then each has been heard to the end."""
    with ExitStack() as stack:
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
        for each in clients:
            stack.enter_context(each)
        yield
        for each in clients:
            each.shutdown(socket.SHUT_WR)
        for each in clients:
            assert each.recv(1) == b""
