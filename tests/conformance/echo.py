"""The server under test: wsproto on Trio, which sends back every message."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import trio
from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import AcceptConnection, CloseConnection, Event, Message, Ping, Request
from wsproto.extensions import PerMessageDeflate

__all__ = ["serve_echo"]

_CHUNK = 65536
_PATIENCE = 1.0
_ALIVE = {ConnectionState.CONNECTING, ConnectionState.OPEN}


@asynccontextmanager
async def serve_echo() -> AsyncIterator[int]:
    """Serve on a free port of loopback until the end of the block; gives the port."""
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, _echo, listeners)
        yield listeners[0].socket.getsockname()[1]
        nursery.cancel_scope.cancel()


async def _echo(stream: trio.SocketStream) -> None:
    connection = WSConnection(ConnectionType.SERVER)
    message: list[Message[Any]] = []

    def answer(event: Event) -> bytes:
        """What is sent because of an event."""
        match event:
            case Request():
                return connection.send(AcceptConnection(extensions=[PerMessageDeflate()]))
            case Message(message_finished=finished):
                message.append(event)
                return connection.send(_whole(message)) if finished else b""
            case Ping() | CloseConnection():
                return connection.send(event.response())
        return b""

    try:
        while connection.state in _ALIVE and (data := await stream.receive_some(_CHUNK)):
            connection.receive_data(bytes(data))
            if answers := b"".join(map(answer, connection.events())):
                await stream.send_all(answers)
        await stream.send_eof()
        with trio.move_on_after(_PATIENCE):
            while await stream.receive_some(_CHUNK):  # unread bytes would reset the connection
                pass
    except trio.BrokenResourceError:
        pass  # the suite resets a connection now and then


def _whole(parts: list[Message[Any]]) -> Message[Any]:
    """The message that was received in parts; the suite reads nothing before it has sent all."""
    empty = parts[0].data[:0]
    data = empty.join([part.data for part in parts])
    parts.clear()
    return Message(data)
