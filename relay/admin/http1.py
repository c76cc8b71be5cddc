"""Hypercorn's HTTP/1.1, and nothing that a client could have it changed into.

Hypercorn goes over to HTTP/2 where a client knows that (RFC 9113 3.3) or asks for it, and to
WebSocket; and what it refuses by itself has none of our fields.
"""

from __future__ import annotations

import h11
from hypercorn.events import Closed
from hypercorn.protocol import ProtocolWrapper
from hypercorn.protocol.h11 import H11Protocol

from relay.admin.gate import FIELDS

__all__ = ["speak_http1"]


def speak_http1(connection: ProtocolWrapper) -> None:
    """Have a connection speak nothing else, before it has received anything."""
    connection.protocol = _Http1(
        connection.app,
        connection.config,
        connection.context,
        connection.task_group,
        connection.state,
        connection.ssl,
        connection.client,
        connection.server,
        connection.send,
    )


class _Http1(H11Protocol):
    async def _check_protocol(self, event: h11.Request) -> None:
        """Stay with HTTP/1.1."""

    async def _create_stream(self, request: h11.Request) -> None:
        """Ignore ``Upgrade``, as a server may (RFC 9110 7.8), and refuse another version."""
        if request.http_version not in {b"1.0", b"1.1"}:  # the preface of HTTP/2 is such a request
            await self._send_error_response(505)
            await self.send(Closed())
            return
        fields = [each for each in request.headers.raw_items() if each[0].lower() != b"upgrade"]
        await super()._create_stream(
            h11.Request(
                method=request.method,
                target=request.target,
                headers=fields,
                http_version=request.http_version,
            )
        )

    async def _send_error_response(self, status_code: int) -> None:
        """Refuse what is no HTTP/1.1."""
        fields = {**FIELDS, "Content-Length": "0", "Connection": "close"}
        server = self.config.response_headers("h11")
        headers = [*((name.encode(), value.encode()) for name, value in fields.items()), *server]
        await self._send_h11_event(h11.Response(status_code=status_code, headers=headers))
        await self._send_h11_event(h11.EndOfMessage())
