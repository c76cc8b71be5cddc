"""The opening handshake from the server's side: read by h11, judged by wsproto.

h11 keeps every field line as it came, so that whatever reached a double can be looked at. The
request may come with frames behind it already; they stay in the h11 connection's trailing data.
"""

from __future__ import annotations

import base64
import binascii
import http
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

import h11
import trio
from wsproto import ConnectionType, WSConnection
from wsproto import events as ws_events
from wsproto.utilities import RemoteProtocolError

__all__ = ["MAX_HEAD_SIZE", "Headers", "Malformed", "Request", "judge", "read_head", "refuse"]

MAX_HEAD_SIZE = 64 * 1024
"""Bytes of a request head."""

Headers = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Request:
    """An opening handshake as it arrived. Its repr shows the path alone: the rest holds secrets."""

    target: str = field(repr=False)
    path: str
    """What stands before the ``?`` of ``target``, not decoded."""
    query: list[tuple[str, str]] = field(repr=False)
    """The decoded parameters, in order, repeated ones included."""
    headers: list[tuple[bytes, bytes]] = field(repr=False)
    """Every field line: lower-case name, value."""
    subprotocols: list[str] = field(repr=False)
    """The offered entries, in order, also across several field lines."""

    def header(self, name: bytes) -> str | None:
        """The value of the first field line called ``name`` (lower-case), or None."""
        found = (value for line_name, value in self.headers if line_name == name)
        value = next(found, None)
        return None if value is None else value.decode("latin-1")

    def parameter(self, name: str) -> str | None:
        """The value of the first query parameter called ``name``, or None."""
        return next((value for key, value in self.query if key == name), None)


class Malformed(Exception):  # noqa: N818 (what the request is)
    """The request is no opening handshake. ``status`` is the HTTP status to refuse it with.

    The message quotes nothing of the request.
    """

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


async def read_head(stream: trio.abc.ReceiveStream, http1: h11.Connection) -> h11.Request | None:
    """Read a request head into ``http1``; None if the peer left before it sent anything.

    Raises:
        Malformed: h11 refuses it, or it is too large.
        trio.BrokenResourceError: the stream broke.
    """
    try:
        while (event := http1.next_event()) is h11.NEED_DATA:
            http1.receive_data(bytes(await stream.receive_some(4096)))
    except h11.RemoteProtocolError as error:
        raise Malformed("malformed HTTP", error.error_status_hint) from None
    return event if isinstance(event, h11.Request) else None


def judge(head: h11.Request) -> tuple[Request, WSConnection]:
    """Check that ``head`` is an opening handshake (RFC 6455 4.2.1), for ``WSConnection`` to answer.

    Raises:
        Malformed: it is none.
    """
    headers = list(head.headers)
    if head.method != b"GET" or head.http_version != b"1.1":
        raise Malformed("not a GET request of HTTP/1.1")
    if not _is_key(dict(headers).get(b"sec-websocket-key", b"")):
        raise Malformed("no valid Sec-WebSocket-Key")
    ws = WSConnection(ConnectionType.SERVER)
    try:
        ws.initiate_upgrade_connection(headers, head.target)
    except RemoteProtocolError as error:
        raise Malformed(str(error)) from None
    except (h11.ProtocolError, UnicodeError):  # wsproto decodes field lines without a guard
        raise Malformed("malformed field line") from None
    upgrade = next(event for event in ws.events() if isinstance(event, ws_events.Request))
    target = head.target.decode("ascii")
    path, _, query = target.partition("?")
    request = Request(
        target=target,
        path=path,
        query=parse_qsl(query, keep_blank_values=True),
        headers=headers,
        subprotocols=upgrade.subprotocols,
    )
    return request, ws


async def refuse(
    stream: trio.abc.SendStream,
    http1: h11.Connection,
    status: int,
    body: bytes,
    headers: Headers = (),
) -> None:
    """Answer the head that ``http1`` has read with ``status`` and ``body``."""
    response = h11.Response(
        status_code=status,
        reason=http.HTTPStatus(status).phrase.encode(),
        headers=[
            *headers,
            (b"Content-Length", str(len(body)).encode()),
            (b"Connection", b"close"),
        ],
    )
    parts = (response, h11.Data(data=body), h11.EndOfMessage())
    await stream.send_all(b"".join(http1.send(part) or b"" for part in parts))


def _is_key(value: bytes) -> bool:
    """Whether ``value`` is base64 of 16 bytes (RFC 6455 4.2.1, item 5)."""
    try:
        return len(base64.b64decode(value, validate=True)) == 16
    except binascii.Error:
        return False
