"""A relay of messages with a wsproto connection on each leg, over Trio's own streams."""

import trio
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    Request,
    TextMessage,
)
from wsproto.utilities import ProtocolError

from bench.programs.legs import Legs, from_arguments

_CHUNK = 65536


class Leg:
    """A stream, and the wsproto connection that reads and writes it."""

    def __init__(self, stream: trio.abc.Stream, kind: ConnectionType) -> None:
        self.stream = stream
        self.connection = WSConnection(kind)
        # Both directions write: one its messages, the other the answers to what it reads.
        self.lock = trio.Lock()

    async def send(self, event: Event) -> None:
        async with self.lock:
            await self.stream.send_all(self.connection.send(event))

    async def receive(self) -> list[Event]:
        """The events in the next chunk."""
        chunk = await self.stream.receive_some(_CHUNK)
        self.connection.receive_data(bytes(chunk) or None)
        return list(self.connection.events())


async def relay(stream: trio.abc.Stream, legs: Legs) -> None:
    """One session."""
    client = Leg(stream, ConnectionType.SERVER)
    async with stream:
        try:
            opening = await client.receive()
            if not isinstance(next(iter(opening), None), Request):
                return
            async with await dial(legs) as upstream_stream:
                upstream = Leg(upstream_stream, ConnectionType.CLIENT)
                await upstream.send(Request(host="localhost", target="/"))
                answer = await upstream.receive()
                if not isinstance(next(iter(answer), None), AcceptConnection):
                    return
                await client.send(AcceptConnection())
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(carry, client, upstream, opening[1:], nursery.cancel_scope)
                    nursery.start_soon(carry, upstream, client, answer[1:], nursery.cancel_scope)
        except* (ProtocolError, OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # one of the two has gone, and so does the session


async def dial(legs: Legs) -> trio.abc.Stream:
    stream = await trio.open_tcp_stream("127.0.0.1", legs.upstream)
    if legs.client is None:
        return stream
    return trio.SSLStream(stream, legs.client, server_hostname="localhost", https_compatible=True)


async def carry(
    source: Leg, destination: Leg, events: list[Event], session: trio.CancelScope
) -> None:
    """One direction, until its side closes, which ends the session."""
    text: list[str] = []
    payload: list[bytes] = []
    while True:
        for event in events:
            match event:
                case TextMessage():
                    text.append(event.data)
                    if event.message_finished:
                        await destination.send(TextMessage("".join(text)))
                        text.clear()
                case BytesMessage():
                    payload.append(bytes(event.data))
                    if event.message_finished:
                        await destination.send(BytesMessage(b"".join(payload)))
                        payload.clear()
                case Ping():
                    await source.send(event.response())
                case CloseConnection():
                    await destination.send(event)
                    await source.send(event.response())
                    session.cancel()
                    return
                case _:
                    pass
        events = await source.receive()


async def main(legs: Legs) -> None:
    async def handle(stream: trio.abc.Stream) -> None:
        await relay(stream, legs)

    if legs.server is None:
        await trio.serve_tcp(handle, legs.port, host="127.0.0.1")
    else:
        await trio.serve_ssl_over_tcp(
            handle, legs.port, legs.server, host="127.0.0.1", https_compatible=True
        )


trio.run(main, from_arguments())
