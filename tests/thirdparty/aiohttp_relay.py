"""A relay of messages with aiohttp, as carefully as its public interface allows: PORT UPSTREAM.

The origin is dialled before the client is answered. Codes and reasons are handed on; what cannot be
sent (no code, 1006) becomes 1000 and 1011.
"""

from __future__ import annotations

import asyncio
import sys

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, WSServerHandshakeError, web

Side = web.WebSocketResponse | ClientWebSocketResponse


async def carry(source: Side, sink: Side) -> None:
    """One direction, until its sender has ended; then the other side is told the same."""
    while True:
        message = await source.receive()
        if message.type is WSMsgType.TEXT:
            await sink.send_str(message.data)
        elif message.type is WSMsgType.BINARY:
            await sink.send_bytes(message.data)
        else:
            break
    if message.type is WSMsgType.CLOSE:
        await sink.close(code=message.data or 1000, message=(message.extra or "").encode())
    else:
        await sink.close(code=1011)


async def relay(request: web.Request) -> web.StreamResponse:
    """One session."""
    offered = request.headers.get("Sec-WebSocket-Protocol", "")
    entries = [each.strip() for each in offered.split(",") if each.strip()]
    async with ClientSession() as http:
        try:
            upstream = await http.ws_connect(
                f"http://127.0.0.1:{sys.argv[2]}/", protocols=entries, max_msg_size=0
            )
        except WSServerHandshakeError as error:
            status = error.status if error.status >= 400 else 502
            return web.Response(status=status)
        chosen = [upstream.protocol] if upstream.protocol else []
        client = web.WebSocketResponse(protocols=chosen, max_msg_size=0)
        await client.prepare(request)
        await asyncio.gather(carry(client, upstream), carry(upstream, client))
    return client


application = web.Application()
application.router.add_get("/", relay)
web.run_app(application, host="127.0.0.1", port=int(sys.argv[1]), print=None)
