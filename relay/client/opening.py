"""The opening handshake from the client's side: wsproto's, behind the relay's check of heads."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence

import h11
import trio
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, RejectConnection, RejectData, Request
from wsproto.utilities import RemoteProtocolError

from relay.client.connection import ClientConnection
from relay.link import receive
from relay.protocol import Limits
from relay.protocol.head import HeadReader, HeadTooLargeError, MalformedHeadError

__all__ = ["OpeningFailed", "Rejected", "open_websocket"]

_MAX_BODY_SIZE = 64 * 1024
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 5.6.2


class Rejected(Exception):  # noqa: N818 - an answer, not a fault
    """The server refused the opening handshake: it answered with something else than 101.

    ``status`` is the HTTP status; ``fields`` are the answer's field lines, names in lower case;
    ``body`` is its body, of which at most 64 KiB are kept.
    """

    def __init__(self, status: int, fields: Sequence[tuple[str, str]], body: bytes) -> None:
        super().__init__(status)
        self.status = status
        self.fields = fields
        self.body = body


class OpeningFailed(Exception):  # noqa: N818 - RFC 6455 4.1 fails the connection
    """What came from the server is no answer to an opening handshake, or nothing came."""


async def open_websocket(
    stream: trio.abc.Stream,
    host: str,
    target: str,
    *,
    fields: Sequence[tuple[str, str]] = (),
    subprotocols: Sequence[str] = (),
) -> ClientConnection:
    """Do the opening handshake (RFC 6455 4.1) on a connection that has nothing on it yet.

    Args:
        stream: The connection; it stays the caller's to close unless the WebSocket opens.
        host: The value of the ``Host`` field.
        target: Path and query.
        fields: Further field lines.
        subprotocols: The entries to offer, in order of preference.

    Raises:
        Rejected: The server answered with another status than 101. Interim answers are skipped.
        OpeningFailed: It answered with a 101 that is not valid, with no HTTP, or not at all.
        ValueError: Something in the arguments cannot stand in a request.
    """
    ws = WSConnection(ConnectionType.CLIENT)
    request = _request(ws, host, target, fields, subprotocols)
    with contextlib.suppress(trio.BrokenResourceError):  # it may have answered all the same
        await stream.send_all(request)
    answer, rest = await _read_answer(stream, ws)
    if isinstance(answer, RejectConnection):
        body = await _read_body(stream, ws, rest)
        raise Rejected(answer.status_code, _decoded(answer.headers), body)
    return ClientConnection(stream, ws, answer.subprotocol, _decoded(answer.extra_headers), rest)


def _request(
    ws: WSConnection,
    host: str,
    target: str,
    fields: Sequence[tuple[str, str]],
    subprotocols: Sequence[str],
) -> bytes:
    """The bytes of the request; nothing of the arguments is quoted if they are no good."""
    if not all(_TOKEN.fullmatch(entry) for entry in subprotocols):
        raise ValueError("a subprotocol entry has a character that may not stand in it")
    try:
        lines = [(name.encode("ascii"), value.encode("latin-1")) for name, value in fields]
        request = Request(
            host=host, target=target, extra_headers=lines, subprotocols=list(subprotocols)
        )
        return ws.send(request)
    except (h11.LocalProtocolError, UnicodeError):
        raise ValueError(
            "the host, the target or a field line has a character that may not stand in it"
        ) from None


async def _read_answer(
    stream: trio.abc.Stream, ws: WSConnection
) -> tuple[AcceptConnection | RejectConnection, bytes]:
    """The final answer's head, and what came after it."""
    rest = b""
    while True:
        reader = HeadReader(Limits())
        try:
            head = reader.receive_data(rest)
            while head is None:
                data = await receive(stream)
                if not data:
                    raise OpeningFailed("the connection ended without an answer")
                head = reader.receive_data(data)
            ws.receive_data(head)
        except (HeadTooLargeError, MalformedHeadError) as error:
            raise OpeningFailed(f"no answer in HTTP/1.1: {error}") from None
        except RemoteProtocolError as error:
            raise OpeningFailed(f"no valid answer: {error}") from None
        except UnicodeDecodeError:  # wsproto decodes field lines without a guard
            raise OpeningFailed("no valid answer: a field line is not ASCII") from None
        rest = reader.rest
        event = next(ws.events())
        if isinstance(event, AcceptConnection) or (
            isinstance(event, RejectConnection) and event.status_code >= 200
        ):
            return event, rest


async def _read_body(stream: trio.abc.Stream, ws: WSConnection, data: bytes) -> bytes:
    """The body of a refusal; as much as came of it, and not more than 64 KiB."""
    body = b""
    while True:
        try:
            if data:  # to h11, no bytes mean the end
                ws.receive_data(data)
            for event in ws.events():
                if isinstance(event, RejectData):
                    body += event.data
                    if event.body_finished or len(body) >= _MAX_BODY_SIZE:
                        return body[:_MAX_BODY_SIZE]
        except RemoteProtocolError:
            return body
        data = await receive(stream)
        if not data:
            return body  # it ends with the connection, or was cut short


def _decoded(fields: Sequence[tuple[bytes, bytes]]) -> Sequence[tuple[str, str]]:
    return tuple((name.decode("ascii").lower(), value.decode("latin-1")) for name, value in fields)
