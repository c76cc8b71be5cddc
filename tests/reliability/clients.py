"""Clients on blocking sockets: one thread watches as many as there are."""

from __future__ import annotations

import selectors
import socket
import struct
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from tests.reliability.frames import BINARY, CLOSE, FrameReader, frame
from tests.reliability.relays import Relay

__all__ = [
    "Client",
    "End",
    "Refusal",
    "connect",
    "open_many",
    "opened",
    "request",
    "status",
    "watch",
]

_TIMEOUT = 20.0
_AT_ONCE = 32


class Refusal(Exception):  # noqa: N818 - an answer
    """The relay did not answer 101; ``head`` is what it answered, empty if it ended instead."""

    def __init__(self, head: str) -> None:
        super().__init__(head.partition("\r\n")[0] or "no answer")
        self.head = head

    @property
    def status(self) -> int:
        """0 if there was no answer."""
        return int(self.head.split(" ", 2)[1]) if self.head else 0


@dataclass(slots=True)
class End:
    """How a client's session ended, at a moment of the monotonic clock."""

    close: int | None = None
    closed_at: float | None = None
    ended_at: float | None = None
    reset: bool = False
    cut: bool = False
    """Whether it ended within a frame."""


class Client:
    """A WebSocket whose opening handshake is under way, and then done.

    Args:
        port: The relay's.
        target: Of the request.
        receive_buffer: Of the socket, in bytes.
    """

    def __init__(self, port: int, target: str, receive_buffer: int | None = None) -> None:
        self.socket = connect(port, receive_buffer)
        self.socket.sendall(request(target))
        self.end = End()
        self.messages = 0
        self._reader = FrameReader()
        self._early = b""

    def complete(self) -> None:
        """Wait for the 101.

        Raises:
            Refusal: Another answer came, or none.
        """
        head = b""
        while b"\r\n\r\n" not in head:
            try:
                data = self.socket.recv(65536)
            except ConnectionError:
                data = b""
            if not data:
                raise Refusal(head.decode())
            head += data
        head, self._early = head.split(b"\r\n\r\n", 1)
        if not head.startswith(b"HTTP/1.1 101 "):
            raise Refusal(head.decode())

    def send(self, payload: bytes = b"hello") -> None:
        """Send a message."""
        self.socket.sendall(frame(BINARY, payload, masked=True))

    def receive(self) -> bytes:
        """The payload of the next frame; empty if that is a Close, or the end."""
        while True:
            for opcode, payload in self.read():
                return b"" if opcode == CLOSE else payload
            if self.end.ended_at is not None:
                return b""

    def echoes(self, payload: bytes = b"hello") -> bool:
        """Whether a message comes back."""
        try:
            self.send(payload)
            return self.receive() == payload
        except OSError:
            return False

    def read(self) -> Iterator[tuple[int, bytes]]:
        """Read once, and give the frames that are whole then. A Close is answered."""
        try:
            data = self._early or self.socket.recv(1 << 18)
        except ConnectionError:
            data, self.end.reset = b"", True
        self._early = b""
        now = time.monotonic()
        for opcode, payload in self._reader.read(data):
            if opcode == CLOSE:
                self.end.close = int.from_bytes(payload[:2], "big") or 1005
                self.end.closed_at = now
                with suppress(OSError):
                    self.socket.sendall(frame(CLOSE, payload, masked=True))
            else:
                self.messages += 1
            yield opcode, payload
        if not data:
            self.end.ended_at = now
            self.end.cut = self._reader.within_frame

    def leave(self) -> None:
        """End the connection without a word, by FIN."""
        self.socket.close()

    def reset(self) -> None:
        """End it by RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def connect(port: int, receive_buffer: int | None = None) -> socket.socket:
    """A connection on which nothing is said."""
    sock = socket.socket()
    sock.settimeout(_TIMEOUT)
    if receive_buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.connect(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def request(target: str) -> bytes:
    """The head of an opening handshake."""
    return (
        f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ).encode()


def status(port: int, target: str) -> int:
    """What a GET that is no upgrade is answered, such as of ``/readyz``; 0 for no answer."""
    with connect(port) as sock:
        sock.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        answer = sock.recv(65536)
    return int(answer.split(b" ", 2)[1]) if answer else 0


@contextmanager
def opened(relay: Relay, query: str = "", **options: str) -> Iterator[Client]:
    """A session that is open, until the end of the block.

    Raises:
        Refusal: The relay did not answer 101.
    """
    client = Client(relay.port, relay.target(query, **options))
    try:
        client.complete()
        yield client
    finally:
        client.leave()


@contextmanager
def open_many(relay: Relay, count: int, query: str = "", **options: str) -> Iterator[list[Client]]:
    """So many, opened some at a time.

    Raises:
        Refusal: The relay did not answer 101.
    """
    clients: list[Client] = []
    try:
        while len(clients) < count:
            batch = [
                Client(relay.port, relay.target(query, **options))
                for _ in range(min(_AT_ONCE, count - len(clients)))
            ]
            clients += batch
            for each in batch:
                each.complete()
        yield clients
    finally:
        for each in clients:
            each.leave()


def watch(clients: Sequence[Client], timeout: float) -> list[End]:
    """Read from all until all have ended, at most for so many seconds."""
    with selectors.DefaultSelector() as selector:
        for each in clients:
            selector.register(each.socket, selectors.EVENT_READ, each)
        deadline = time.monotonic() + timeout
        while selector.get_map() and (left := deadline - time.monotonic()) > 0:
            for client in _ready(selector, left):
                for _ in client.read():
                    pass
                if client.end.ended_at is not None:
                    selector.unregister(client.socket)
                    client.leave()
    return [each.end for each in clients]


def _ready(selector: selectors.BaseSelector, timeout: float) -> Iterable[Client]:
    return [key.data for key, _ in selector.select(timeout)]
