"""One request to a collector and its answer, in blocking sockets, with a deadline over both.

The official exporters send by themselves, too, but they also read endpoints, credentials and
proxies from the environment, take redirects for success, and tell nobody why something failed.
"""

from __future__ import annotations

import socket
import ssl
import time
from typing import NamedTuple

import h11

from relay.records.settings import Collector

__all__ = ["Answer", "post"]

_CHUNK = 65_536
_MOST = 65_536  # bytes of an answer that are read


class Answer(NamedTuple):
    """What a collector said."""

    status: int
    body: bytes


def post(
    collector: Collector,
    fields: list[tuple[bytes, bytes]],
    body: bytes,
    tls: ssl.SSLContext | None,
    seconds: float,
) -> Answer:
    """Send ``body`` to a collector.

    Args:
        collector: Where it goes.
        fields: Field lines besides those that belong to any request.
        body: The body.
        tls: Verifies the collector; None for a connection without TLS.
        seconds: How long it may take, from the connection on.

    Raises:
        OSError: There is no connection, or not for long enough; ``TimeoutError`` if it is slow.
        h11.RemoteProtocolError: The answer makes no sense.
    """
    deadline = time.monotonic() + seconds
    stream = socket.create_connection((collector.host, collector.port), seconds)
    try:
        if tls is not None:
            stream.settimeout(_left(deadline))
            stream = tls.wrap_socket(stream, server_hostname=collector.host)
        engine = h11.Connection(h11.CLIENT)
        request = h11.Request(
            method="POST",
            target=collector.path,
            headers=[
                (b"host", collector.authority.encode()),
                (b"connection", b"close"),
                (b"content-length", str(len(body)).encode()),
                *fields,
            ],
        )
        stream.settimeout(_left(deadline))
        stream.sendall(
            (engine.send(request) or b"")
            + (engine.send(h11.Data(body)) or b"")
            + (engine.send(h11.EndOfMessage()) or b"")
        )
        return _answer(engine, stream, deadline)
    finally:
        stream.close()


def _answer(engine: h11.Connection, stream: socket.socket, deadline: float) -> Answer:
    status, body = 0, b""
    while True:
        event = engine.next_event()
        if event is h11.NEED_DATA:
            stream.settimeout(_left(deadline))
            engine.receive_data(stream.recv(_CHUNK))
        elif isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > _MOST:
                return Answer(status, body)
        elif isinstance(event, h11.EndOfMessage):
            return Answer(status, body)


def _left(deadline: float) -> float:
    """Seconds until then.

    Raises:
        TimeoutError: There are none.
    """
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
