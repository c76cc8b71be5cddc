"""A relay of messages with the asyncio side of `websockets`, everything at its default."""

import asyncio

from websockets.asyncio.client import connect
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from bench.programs.legs import Legs, from_arguments


async def main(legs: Legs) -> None:
    url = f"{'wss' if legs.client else 'ws'}://localhost:{legs.upstream}"

    async def relay(client: ServerConnection) -> None:
        async with connect(url, ssl=legs.client, host="127.0.0.1") as upstream:
            await asyncio.gather(carry(client, upstream), carry(upstream, client))

    async with serve(relay, "127.0.0.1", legs.port, ssl=legs.server) as server:
        await server.serve_forever()


async def carry(source: Connection, destination: Connection) -> None:
    """One direction, until either connection has closed; the other one is then closed too."""
    try:
        async for message in source:
            await destination.send(message)
    except ConnectionClosed:
        pass
    await destination.close()


asyncio.run(main(from_arguments()))
