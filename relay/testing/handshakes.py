"""Both sides of an opening handshake, written and read by nothing of the relay's (RFC 6455 4)."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import cast

import h11

__all__ = [
    "ACCEPT",
    "KEY",
    "NONCE",
    "UPGRADE_LINES",
    "Answer",
    "Request",
    "accept_value",
    "check_accepted",
    "head",
    "parse_answer",
    "parse_request",
    "read_answer",
    "switch",
    "upgrade",
]

# The example of RFC 6455 1.3.
NONCE = b"the sample nonce"
"""Sixteen bytes that a client has drawn."""
KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
"""The ``Sec-WebSocket-Key`` that says so."""
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
"""The ``Sec-WebSocket-Accept`` that answers it."""

UPGRADE_LINES = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    f"Sec-WebSocket-Key: {KEY.decode()}",
)
"""The field lines that make a request an opening handshake (RFC 6455 4.1)."""

_KEY_LINE = re.compile(rb"\r\nSec-WebSocket-Key:[ \t]*([^\r \t]+)[ \t]*\r\n", re.IGNORECASE)
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 1.3


def head(
    target: str, *lines: str, method: str = "GET", version: str = "1.1", host: str = "relay.test"
) -> bytes:
    """A request's head with these field lines and no others but ``Host``."""
    all_lines = [f"{method} {target} HTTP/{version}", f"Host: {host}", *lines, "", ""]
    return "\r\n".join(all_lines).encode("latin-1")


def upgrade(target: str, *lines: str, host: str = "relay.test") -> bytes:
    """The head of an opening handshake with these field lines besides."""
    return head(target, *UPGRADE_LINES, *lines, host=host)


def accept_value(request: bytes) -> bytes:
    """The ``Sec-WebSocket-Accept`` for the key in a request's head (RFC 6455 4.2.2, item 5.4).

    Raises:
        ValueError: There is no key.
    """
    key = _KEY_LINE.search(request)
    if key is None:
        raise ValueError("the request has no Sec-WebSocket-Key")
    return base64.b64encode(hashlib.sha1(key[1] + _GUID, usedforsecurity=False).digest())


def switch(*lines: str, accept: bytes = ACCEPT) -> bytes:
    """A 101 with these field lines besides; if not told otherwise, the answer to ``KEY``."""
    all_lines = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {accept.decode()}",
        *lines,
        "",
        "",
    ]
    return "\r\n".join(all_lines).encode("latin-1")


@dataclass
class Request:
    """An opening handshake as an origin reads it."""

    target: str
    fields: Sequence[tuple[str, str]]

    def values(self, name: str) -> list[str]:
        """The values of all field lines of that name, in order."""
        return _values(self.fields, name)

    @property
    def entries(self) -> list[str]:
        """The offered subprotocols, in order, from all field lines (RFC 6455 11.3.4)."""
        written = ",".join(self.values("Sec-WebSocket-Protocol"))
        return [entry.strip() for entry in written.split(",") if entry.strip()]


def parse_request(head: bytes) -> Request:
    """Read the head of a request.

    Raises:
        AssertionError: It is none of HTTP/1.1 (RFC 9112).
    """
    http1 = h11.Connection(h11.SERVER)
    http1.receive_data(head)
    try:
        request = http1.next_event()
    except h11.RemoteProtocolError as error:
        raise AssertionError(f"it is no HTTP request: {error}; {head[:200]!r}") from None
    assert isinstance(request, h11.Request), f"it is no HTTP request: {head[:200]!r}"
    return Request(request.target.decode("ascii"), _texts(request.headers))


@dataclass
class Answer:
    """An HTTP response as a parser that is not the relay's reads it."""

    status: int
    fields: list[tuple[str, str]]
    body: bytes

    def values(self, name: str) -> list[str]:
        """The values of all field lines of that name, in order."""
        return _values(self.fields, name)


class _Stream(io.BytesIO):
    def close(self) -> None:
        """Stay open, for what may follow the response."""


class _Wire:
    def __init__(self, data: bytes) -> None:
        self.stream = _Stream(data)

    def makefile(self, _mode: str) -> io.BytesIO:
        return self.stream


def parse_answer(data: bytes, method: str = "GET") -> Answer:
    """Read an HTTP response; nothing may follow it."""
    wire = _Wire(data)
    with HTTPResponse(cast("socket.socket", wire), method=method) as response:
        response.begin()
        answer = Answer(response.status, response.getheaders(), response.read())
        assert wire.stream.read() == b""
    return answer


def read_answer(received: bytes, *, ended: bool) -> tuple[Answer, int] | None:
    """Read the final answer to an opening handshake; None if it is not there wholly.

    Args:
        received: What the client has got, interim answers included.
        ended: Whether its connection has ended, so that no more will come.

    Returns:
        The answer, and how many bytes it has taken; frames may follow a 101.

    Raises:
        AssertionError: It is no answer of HTTP/1.1 (RFC 9112), or has ended before it was whole.
    """
    http1 = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)
    fields = [("Host", "relay.test"), ("Connection", "Upgrade"), ("Upgrade", "websocket")]
    http1.send(h11.Request(method="GET", target="/", headers=fields))
    http1.send(h11.EndOfMessage())
    if received:
        http1.receive_data(received)
    if ended:
        http1.receive_data(b"")
    answer = Answer(0, [], b"")
    try:
        while answer.status != 101:
            event = http1.next_event()
            if event is h11.NEED_DATA:
                return None
            if isinstance(event, h11.EndOfMessage):
                break
            if isinstance(event, h11.Data):
                answer.body += bytes(event.data)
            elif isinstance(event, h11.InformationalResponse | h11.Response):
                answer.status = event.status_code  # an interim one is replaced by the next
                answer.fields = _texts(event.headers)
            elif http1.their_state is h11.CLOSED:
                raise AssertionError("the client's connection has ended without an answer")
    except h11.RemoteProtocolError as error:
        got = received[:200]
        raise AssertionError(f"the client gets no HTTP answer: {error}; {got!r}") from None
    rest, _ = http1.trailing_data
    return answer, len(received) - len(rest)


def check_accepted(answer: Answer) -> None:
    """An answer is a 101 that opens a WebSocket for a client that has sent ``KEY``.

    Raises:
        AssertionError: It is none (RFC 6455 4.1).
    """
    assert answer.status == 101, f"the client gets {answer.status} {answer.body[:200]!r}"
    values = answer.values("Sec-WebSocket-Accept")
    assert values == [ACCEPT.decode()], f"Sec-WebSocket-Accept is {values} (RFC 6455 4.1)"


def _values(fields: Sequence[tuple[str, str]], name: str) -> list[str]:
    return [value for each, value in fields if each.lower() == name.lower()]


def _texts(fields: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    return [(name.decode("ascii"), value.decode("latin-1")) for name, value in fields]
