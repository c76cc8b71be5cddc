"""``relay serve`` as a process, configured as a file of deploy/ asks for."""

from __future__ import annotations

import hashlib
import json
import os
import queue
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import IO, Any

from tests.deploy.providers import Provider

__all__ = ["LONGEST", "TOKEN", "Relay", "relay"]

TOKEN = "rly_" + "t" * 43
LONGEST = 60.0  # seconds to wait for anything: then the test fails

_CONFIGURATION = """
{server}
[limits]
close_timeout = "60s"
drain_timeout = "60s"

[records]
store = "none"
json_lines = "stdout"

[gateways."acct/main"]
tokens = [{{ name = "web", sha256 = "{token}" }}]
[gateways."acct/main".stored_keys]
openai = {{ default = "env:STORED_KEY" }}
google = {{ default = "env:STORED_KEY" }}

[providers.openai]
url = "ws://127.0.0.1:{port}"
[providers.google]
url = "ws://127.0.0.1:{port}"
"""


class Relay:
    """A running relay."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.url = ""
        """Where it listens, as it says itself."""
        self._records: queue.Queue[str] = queue.Queue()
        self._log: queue.Queue[str] = queue.Queue()
        self._readers = [
            Thread(target=_read, args=(process.stdout, self._records)),
            Thread(target=_read, args=(process.stderr, self._log)),
        ]
        for reader in self._readers:
            reader.start()

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait()
        for reader in self._readers:
            reader.join()

    def wait(self) -> None:
        """Wait until it listens."""
        line = self._log.get(timeout=LONGEST)
        assert line.startswith("listening on "), line
        self.url = line.removeprefix("listening on ").strip()

    def record(self, session_id: str) -> dict[str, Any]:
        """That of a session, once it has ended."""
        while True:
            record: dict[str, Any] = json.loads(self._records.get(timeout=LONGEST))
            if record["id"] == session_id:
                return record

    @property
    def address(self) -> str:
        """``HOST:PORT``."""
        return self.url.removeprefix("http://")


@contextmanager
def relay(folder: Path, server: str, provider: Provider) -> Iterator[Relay]:
    """Serve until the block is left.

    Args:
        folder: Of its configuration.
        server: The table ``[server]``.
        provider: What stands behind it.
    """
    path = folder / "relay.toml"
    token = hashlib.sha256(TOKEN.encode()).hexdigest()
    path.write_text(_CONFIGURATION.format(server=server, token=token, port=provider.port))
    with subprocess.Popen(
        [sys.executable, "-m", "relay", "serve", "-c", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "STORED_KEY": "sk-stored"},
        text=True,
    ) as process:
        it = Relay(process)
        try:
            it.wait()
            yield it
        finally:
            it.kill()


def _read(stream: IO[str], lines: queue.Queue[str]) -> None:
    for line in stream:
        lines.put(line)
