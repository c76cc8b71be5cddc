"""The programs of ``examples/`` that serve: each does, and ends quietly with Ctrl-C."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.files import OPEN_GATEWAY
from tests.docs.commands import Shell
from tests.docs.snippets import ROOT

_PROGRAMS = (
    "embedding/asyncio_relay.py",
    "embedding/threads_relay.py",
    "embedding/capture.py .",
    "application/voice_app.py relay.toml",
)
_ANY_PORT = """
import socket

bind, listen = socket.socket.bind, socket.socket.listen


def listen_and_tell(sock, *backlog):
    listen(sock, *backlog)
    print("it listens", flush=True)


socket.socket.bind = lambda sock, address: bind(sock, (address[0], 0))
socket.socket.listen = listen_and_tell
"""
"""What a Python does before it runs a program whose port may be somebody else's."""


@pytest.mark.parametrize("program", _PROGRAMS)
def test_it_serves_and_ends_quietly(program: str, tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    shell.environment |= {"RELAY_TOKEN": "rly_of_the_client", "OPENAI_API_KEY": "sk-example"}
    shell.environment["PYTHONPATH"] += f":{tmp_path}"
    (tmp_path / "sitecustomize.py").write_text(_ANY_PORT)
    (tmp_path / "relay.toml").write_text(OPEN_GATEWAY)
    with shell.serving(f"python {ROOT}/examples/{program}", "it listens"):
        pass
