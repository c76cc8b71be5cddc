"""The provider: a process that accepts WebSockets and does to each what its query asks for.

    echo            answers each message with its like (so it is without a query)
    hush            reads, and says nothing but the Close that answers a Close
    drain           reads, looks at nothing, and says nothing
    flood=BYTES     besides, sends binary messages as fast as they go, of ``size`` bytes each
    talk=SECONDS    besides, sends a short message every so often
    deaf=SECONDS    reads nothing for so long

``name`` is by what the session is called in the report. On each line of input the report is
printed: a JSON array of all sessions so far, in the order of their opening.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from urllib.parse import parse_qsl

import trio

from tests.reliability.frames import BINARY, CLOSE, TEXT, FrameReader, frame

__all__ = ["Report"]

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_AT_ONCE = 1 << 16


@dataclass(slots=True)
class Report:
    """Of one session. Times are those of the system's monotonic clock."""

    name: str
    received: int = 0
    """Bytes, frame headers included."""
    messages: int = 0
    sent: int = 0
    close: int | None = None
    """The status code of the Close that came."""
    closed_at: float | None = None
    ended_at: float | None = None
    reset: bool = False
    """Whether the connection broke instead of ending."""
    cut: bool = False
    """Whether it ended within a frame."""


class _Session:
    def __init__(self, stream: trio.SocketStream, reports: list[Report]) -> None:
        self._stream = stream
        self._reports = reports
        self._sending = trio.Lock()

    async def run(self) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            data = await self._stream.receive_some(_AT_ONCE)
            if not data:
                return
            head += bytes(data)
        head, rest = head.split(b"\r\n\r\n", 1)
        target = head.split(b" ", 2)[1].decode()
        query = dict(parse_qsl(target.partition("?")[2], keep_blank_values=True))
        key = re.search(rb"(?i)\r\nsec-websocket-key: *(\S+)", head)
        assert key is not None
        accept = base64.b64encode(hashlib.sha1(key[1] + _GUID, usedforsecurity=False).digest())
        await self._stream.send_all(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        report = Report(query.get("name", ""))
        self._reports.append(report)
        async with trio.open_nursery() as nursery:
            if "flood" in query:
                size = int(query.get("size", _AT_ONCE))
                nursery.start_soon(self._flood, report, int(query["flood"]), size)
            if "talk" in query:
                nursery.start_soon(self._talk, report, float(query["talk"]))
            await trio.sleep(float(query.get("deaf", 0)))
            if "drain" in query:
                while await self._stream.receive_some(_AT_ONCE):
                    pass
            else:
                await self._listen(report, rest, echoes=not query.keys() - {"name"})
            nursery.cancel_scope.cancel()

    async def _listen(self, report: Report, data: bytes, *, echoes: bool) -> None:
        reader = FrameReader()
        while True:
            report.received += len(data)
            for opcode, payload in reader.read(data):
                if opcode == CLOSE:
                    report.close = int.from_bytes(payload[:2], "big") or 1005
                    report.closed_at = time.monotonic()
                    with trio.move_on_after(1):  # a flood may be in the way
                        await self._send(report, frame(CLOSE, payload))
                    return
                report.messages += opcode in {TEXT, BINARY}
                if echoes:
                    await self._send(report, frame(opcode, payload))
            try:
                data = bytes(await self._stream.receive_some(_AT_ONCE))
            except trio.BrokenResourceError:
                data, report.reset = b"", True
            if not data:
                report.ended_at = time.monotonic()
                report.cut = reader.within_frame
                return

    async def _flood(self, report: Report, size: int, message: int) -> None:
        data = frame(BINARY, bytes(message))
        while report.sent < size:
            await self._send(report, data)

    async def _talk(self, report: Report, every: float) -> None:
        while True:
            await self._send(report, frame(TEXT, b"still here"))
            await trio.sleep(every)

    async def _send(self, report: Report, data: bytes) -> None:
        async with self._sending:
            for start in range(0, len(data), _AT_ONCE):
                part = data[start : start + _AT_ONCE]
                try:
                    await self._stream.send_all(part)
                except trio.BrokenResourceError:
                    report.reset = True
                    return
                report.sent += len(part)


async def _serve() -> None:
    reports: list[Report] = []

    async def handle(stream: trio.SocketStream) -> None:
        async with stream:
            try:
                await _Session(stream, reports).run()
            except* trio.BrokenResourceError:
                pass

    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1", backlog=4096)
        _say(listener.socket.getsockname()[1])
        nursery.start_soon(trio.serve_listeners, handle, [listener])
        await _at_each_line(lambda: _say([asdict(report) for report in reports]))
        nursery.cancel_scope.cancel()


async def _at_each_line(then: Callable[[], None]) -> None:
    async with trio.lowlevel.FdStream(sys.stdin.fileno()) as lines:
        async for _ in lines:
            then()


def _say(what: object) -> None:
    print(json.dumps(what), flush=True)  # noqa: T201


if __name__ == "__main__":
    trio.run(_serve)
