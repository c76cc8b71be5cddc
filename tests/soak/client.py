"""A client that can misbehave, and that says how its session ended in one line.

It shares no code with the relay's, so that what it saw is what was on the wire.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Sequence

import trio

from relay.testing.frames import Frame, decode

__all__ = [
    "CLOSE",
    "CUT",
    "NO_ANSWER",
    "PING",
    "PONG",
    "RESET",
    "TEXT",
    "Client",
    "Ended",
    "upgrade",
]

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
CUT = "cut off"
NO_ANSWER = "no answer"
RESET = "reset"
_CODE = re.compile(rb'"code": *(\d+)')


class Ended(Exception):  # noqa: N818 - an end, not an error
    """The connection has ended, or the WebSocket has; the text says how, in one line."""


def upgrade(target: str, *lines: str) -> bytes:
    """The head of an opening handshake."""
    key = base64.b64encode(secrets.token_bytes(16)).decode()
    fields = (
        "Host: localhost",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {key}",
        *lines,
    )
    return "\r\n".join((f"GET {target} HTTP/1.1", *fields, "", "")).encode()


class Client:
    """The client's end of one connection to the relay."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.stream = stream
        self._received = bytearray()
        self._send_failed = False

    async def send(self, data: bytes) -> None:
        """Send bytes; that they cannot be sent is found out by reading."""
        try:
            await self.stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self._send_failed = True

    async def send_frames(self, *frames: Frame) -> None:
        """Send frames, masked."""
        await self.send(b"".join(each.encode(secrets.token_bytes(4)) for each in frames))

    async def accepted(self) -> None:
        """Wait for the 101.

        Raises:
            Ended: The answer was another one, or none.
        """
        while (end := self._received.find(b"\r\n\r\n")) < 0:
            await self._receive_more(NO_ANSWER)
        head, body = bytes(self._received[:end]), bytearray(self._received[end + 4 :])
        status = head[9:12].decode()
        if status == "101":
            self._received = body
            return
        while data := await self._read():
            body += data
        ours = b"\r\nproxy-status: relay; error=" in head.lower()
        raise Ended(f"{status} from the relay, code {_code(body)}" if ours else f"{status} as is")

    async def receive(self) -> Frame:
        """The next frame.

        Raises:
            Ended: There is none; a Close is a frame.
        """
        while not (size := _frame_size(self._received)):
            await self._receive_more()
        taken = bytes(self._received[:size])
        del self._received[:size]
        return decode(taken, masked=False)[0]

    async def message(self) -> bytes:
        """The next message; Pings are answered meanwhile, and a Close is.

        Raises:
            Ended: There is none.
        """
        while True:
            frame = await self.receive()
            if frame.opcode == PING:
                await self.send_frames(Frame(PONG, frame.payload))
            elif frame.opcode == CLOSE:
                await self.send_frames(frame)
                raise Ended(await self._closed_with(frame))
            elif frame.opcode != PONG:
                return frame.payload

    async def ending(self) -> str:
        """How the session ends, if nothing more is said."""
        try:
            while True:
                await self.message()
        except Ended as ended:
            return str(ended)

    async def close(self, code: int, reason: str = "") -> str:
        """Close, and say how the session ended; messages that still come are discarded."""
        await self.send_frames(Frame(CLOSE, code.to_bytes(2, "big") + reason.encode()))
        return await self.silent_ending()

    async def silent_ending(self) -> str:
        """How the session ends, if nothing is said, not even in answer."""
        try:
            while (frame := await self.receive()).opcode != CLOSE:
                pass
            return await self._closed_with(frame)
        except Ended as ended:
            return str(ended)

    async def _closed_with(self, frame: Frame) -> str:
        """What a Close says, once the connection has ended, too."""
        while await self._read(quietly=True):
            pass
        return _in_words(frame.payload)

    async def _receive_more(self, if_none: str = CUT) -> None:
        data = await self._read()
        if not data:  # a failed write was told of the reset; a read is not told again
            raise Ended(RESET if self._send_failed else if_none)
        self._received += data

    async def _read(self, *, quietly: bool = False) -> bytes:
        try:
            return bytes(await self.stream.receive_some(65536))
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            if quietly or not _was_reset(error):
                return b""
            raise Ended(RESET) from None


def _was_reset(error: BaseException) -> bool:
    """Whether TCP was, below TLS, too."""
    cause = error.__cause__
    return isinstance(error, ConnectionResetError) or (cause is not None and _was_reset(cause))


def _code(body: bytes | bytearray) -> str:
    found = _CODE.search(body)
    return found[1].decode() if found else json.dumps(body.decode(errors="replace"))


def _in_words(payload: bytes) -> str:
    if not payload:
        return "an empty Close"
    return f"{int.from_bytes(payload[:2], 'big')} {payload[2:].decode()}".rstrip()


def _frame_size(data: Sequence[int]) -> int:
    """The size of the unmasked frame that ``data`` begins with; 0 if it is not wholly there."""
    if len(data) < 2:
        return 0
    size = {126: 4, 127: 10}.get(data[1], 2)
    if len(data) < size:
        return 0
    length = int.from_bytes(bytes(data[2:size]), "big") if size > 2 else data[1]
    return size + length if len(data) >= size + length else 0
