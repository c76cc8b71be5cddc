"""A relay of messages with ``websockets``, as carefully as its interface allows: PORT UPSTREAM.

The origin is dialled before the client is answered. Codes and reasons are handed on; what cannot be
sent (no code, 1006) becomes 1000 and 1011.
"""

from __future__ import annotations

import asyncio
import sys

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

_SENDABLE = {1005: 1000, 1006: 1011}
_upstreams: dict[ServerConnection, ClientConnection] = {}


async def dial(client: ServerConnection, request: Request) -> Response | None:
    """Ask the origin; its refusal is the client's."""
    offered = ",".join(request.headers.get_all("Sec-WebSocket-Protocol"))
    entries = [Subprotocol(each.strip()) for each in offered.split(",") if each.strip()]
    url = f"ws://127.0.0.1:{sys.argv[2]}/"
    try:
        upstream = await connect(url, subprotocols=entries or None, max_size=None, proxy=None)
    except InvalidStatus as refused:
        response = client.respond(refused.response.status_code, "")
        response.body = refused.response.body or b""
        del response.headers["Content-Length"]
        response.headers["Content-Length"] = str(len(response.body))
        return response
    except (InvalidHandshake, EOFError, OSError):
        return client.respond(502, "")
    _upstreams[client] = upstream
    return None


def choose(client: ServerConnection, _offered: object) -> Subprotocol | None:
    """What the origin has chosen."""
    return _upstreams[client].subprotocol


async def relay(client: ServerConnection) -> None:
    """One session."""
    upstream = _upstreams.pop(client)
    await asyncio.gather(carry(client, upstream), carry(upstream, client))


async def carry(source: Connection, sink: Connection) -> None:
    """One direction, until its sender has ended; then the other side is told the same."""
    try:
        async for message in source:
            await sink.send(message)
    except ConnectionClosed:
        pass
    await source.wait_closed()
    code = source.close_code or 1006
    await sink.close(_SENDABLE.get(code, code), source.close_reason or "")


async def main() -> None:
    """Serve for ever."""
    async with serve(
        *(relay, "127.0.0.1", int(sys.argv[1])),
        process_request=dial,
        select_subprotocol=choose,
        max_size=None,
    ) as server:
        await server.serve_forever()


asyncio.run(main())
