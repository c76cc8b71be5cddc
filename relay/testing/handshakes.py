"""Both sides of an opening handshake, written and read by nothing of the relay's (RFC 6455 4)."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import socket
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import cast

__all__ = [
    "ACCEPT",
    "KEY",
    "NONCE",
    "UPGRADE_LINES",
    "Answer",
    "accept_value",
    "head",
    "parse_answer",
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
class Answer:
    """An HTTP response as a parser that is not the relay's reads it."""

    status: int
    fields: list[tuple[str, str]]
    body: bytes

    def values(self, name: str) -> list[str]:
        """The values of all field lines of that name, in order."""
        return [value for each, value in self.fields if each.lower() == name.lower()]


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
