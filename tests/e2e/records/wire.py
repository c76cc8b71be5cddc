"""What went over a connection, counted from its bytes by nothing of the relay's."""

from __future__ import annotations

import socket
from typing import NamedTuple

import trio

from relay.testing.frames import Frame, decode

__all__ = ["Heard", "Tapped"]

_CLOSE = 0x8


class Heard(NamedTuple):
    """What one side of a WebSocket sent."""

    frames: int
    messages: int
    size: int
    """In bytes, frame headers included."""
    largest: int
    """Bytes of payload."""
    close: tuple[int | None, str] | None
    """Code and reason of the first Close; 1005 for one without a code, None for none."""

    @classmethod
    def of(cls, sent: bytes | bytearray, *, masked: bool, answers: bool = False) -> Heard:
        """Read what was sent, from the first byte of the head of HTTP on.

        Args:
            sent: The bytes.
            masked: Whether a client sent it.
            answers: Whether its Close only answers one of the relay's: records don't count it.
        """
        _, _, data = bytes(sent).partition(b"\r\n\r\n")
        frames = decode(data, masked=masked)
        ends = [number for number, each in enumerate(frames) if each.opcode == _CLOSE]
        if ends:  # RFC 6455 5.5.1: nothing follows it
            frames = frames[: ends[0] + (not answers)]
        sizes = _message_sizes(frames)
        key = bytes(4) if masked else None
        size = sum(len(each.encode(key)) for each in frames)
        close = _close_of(frames[-1].payload) if ends and not answers else None
        return cls(len(frames), len(sizes), size, max(sizes, default=0), close)


class Tapped:
    """A connection of which all is kept that goes over it."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self.sent = bytearray()
        self.received = bytearray()
        send_all, receive_some = stream.send_all, stream.receive_some

        async def send(data: bytes | bytearray | memoryview) -> None:
            self.sent += data
            await send_all(data)

        async def receive(max_bytes: int | None = None) -> bytes | bytearray:
            data = await receive_some(max_bytes)
            self.received += data
            return data

        # Trio's class cannot have a subclass, and the faults of a double want one of it.
        for name, method in (("send_all", send), ("receive_some", receive)):
            setattr(stream, name, method)

    @classmethod
    async def connect(cls, port: int, receive_buffer: int | None = None) -> Tapped:
        """To a port of this machine."""
        sock = trio.socket.socket()
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        await sock.connect(("127.0.0.1", port))
        return cls(trio.SocketStream(sock))


def _message_sizes(frames: list[Frame]) -> list[int]:
    sizes, size = [], 0
    for frame in frames:
        if frame.opcode < _CLOSE:
            size += len(frame.payload)
            if frame.fin:  # if its end is missing it is a message, but none whose size counts
                sizes.append(0 if frame.missing else size)
                size = 0
    return sizes


def _close_of(payload: bytes) -> tuple[int | None, str]:
    return (int.from_bytes(payload[:2], "big"), payload[2:].decode()) if payload else (1005, "")
