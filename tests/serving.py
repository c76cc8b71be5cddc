"""``relay serve`` as a process of its own, and plain HTTP with it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

__all__ = ["Relay", "connect", "get", "relay", "write"]


def write(folder: Path, text: str) -> str:
    """Write a configuration; return its path as an argument."""
    path = folder / "relay.toml"
    path.write_text(text)
    return str(path)


class Relay:
    """``relay serve`` as a process of its own."""

    def __init__(self, process: trio.Process) -> None:
        self.process = process
        self._unread = b""

    async def line(self) -> str:
        """The next line on stderr, without its end; empty when there is none."""
        assert self.process.stderr is not None
        while b"\n" not in self._unread:
            data = await self.process.stderr.receive_some()
            if not data:
                return ""
            self._unread += bytes(data)
        line, _, self._unread = self._unread.partition(b"\n")
        return line.decode()

    async def ready(self, listeners: int = 1) -> list[str]:
        """Wait until it is; return the URLs on which it listens."""
        lines = [await self.line() for _ in range(listeners)]
        assert all(line.startswith("listening on ") for line in lines), lines
        return [line.removeprefix("listening on ") for line in lines]

    async def rest(self) -> list[str]:
        """The lines up to its end."""
        lines = []
        while line := await self.line():
            lines.append(line)
        return lines

    def tell(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)


@asynccontextmanager
async def relay(folder: Path, text: str | None, *options: str) -> AsyncIterator[Relay]:
    """A relay with that configuration; it is killed if the test leaves it running.

    Args:
        folder: Where the configuration is.
        text: What stands in it; None if it is there already.
        options: Of the command.
    """
    path = str(folder / "relay.toml") if text is None else write(folder, text)
    process = await trio.lowlevel.open_process(
        [sys.executable, "-m", "relay", "serve", "-c", path, *options],
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    async with process.stderr:
        try:
            yield Relay(process)
        finally:
            process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()


async def get(stream: trio.abc.Stream, target: str) -> tuple[int, bytes]:
    """The status and the body of an HTTP answer."""
    async with stream:
        await stream.send_all(f"GET {target} HTTP/1.1\r\nHost: relay\r\n\r\n".encode())
        answer = b""
        while data := await stream.receive_some():
            answer += data
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


async def connect(url: str) -> trio.SocketStream:
    """A connection to an ``http`` URL of a relay."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    return await trio.open_tcp_stream(host, int(port))
