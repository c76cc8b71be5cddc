"""What clients and operators do in sessions that end unhappily."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

import trio
from trio.testing import wait_all_tasks_blocked
from wsproto.events import CloseConnection, Ping

from relay.link import reset
from relay.protocol import closing
from relay.protocol.frames import TEXT
from relay.testing.frames import Frame
from tests.doubles.peer import Ended
from tests.e2e.records.world import Client, World

__all__ = [
    "Act",
    "ask",
    "be_cut",
    "be_drained",
    "be_ended",
    "be_restarted",
    "break_off",
    "close",
    "leave",
    "listen",
    "read_nothing",
    "send_on",
    "sends",
]

Act = Callable[[World, Client], Awaitable[None]]


async def listen(here: World, client: Client) -> None:  # noqa: ARG001
    """Take what comes, answer nothing, and end when the other side does."""
    try:
        await _until_close(client)
        await client.stream.send_eof()
        while await client.stream.receive_some():
            pass
    except (Ended, trio.BrokenResourceError):
        pass


async def _until_close(client: Client) -> None:
    """Take what comes, and answer Pings."""
    while not isinstance(event := await client.peer.next(), CloseConnection):
        if isinstance(event, Ping):
            await client.peer.transmit(event.response())


async def ask(here: World, client: Client) -> None:
    """Begin a response, and listen."""
    await _begin(client)
    await listen(here, client)


async def close(here: World, client: Client) -> None:
    """Hear the first message, and close."""
    await client.peer.next()
    await client.peer.transmit(CloseConnection(3001, "bye"))
    await listen(here, client)


async def leave(here: World, client: Client) -> None:  # noqa: ARG001
    """Begin a response, hear some of it, and end the connection."""
    await _begin(client)
    await client.stream.send_eof()
    with suppress(trio.BrokenResourceError):
        while await client.stream.receive_some():
            pass


async def break_off(here: World, client: Client) -> None:  # noqa: ARG001
    """The same with a reset."""
    await _begin(client)
    await reset(client.stream)


async def _begin(client: Client) -> None:
    """Begin a response, and hear some of it."""
    await client.peer.json()
    await client.peer.send({"type": "response.create"})
    await client.peer.until("response.output_audio.delta")


async def read_nothing(here: World, client: Client) -> None:  # noqa: ARG001
    """Take nothing, until the relay has ended the session."""
    await here.accounted.wait()


async def send_on(here: World, client: Client) -> None:  # noqa: ARG001
    """Send without end, and hear how it ends."""

    async def send() -> None:
        data = Frame(TEXT, b" " * 65536).encode(bytes(4))
        try:
            while True:
                await client.stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        with suppress(Ended, trio.BrokenResourceError):
            await _until_close(client)
        nursery.cancel_scope.cancel()


def sends(frame: Frame, *, masked: bool = True) -> Act:
    """Hear the first message, and send a frame."""

    async def act(here: World, client: Client) -> None:
        await client.peer.next()
        await client.stream.send_all(frame.encode(b"\1\2\3\4" if masked else None))
        await listen(here, client)

    return act


async def be_drained(here: World, client: Client) -> None:
    """The relay is told to stop."""
    await client.peer.next()
    here.server.drain()
    await listen(here, client)


async def be_restarted(here: World, client: Client) -> None:
    """The same, to come back."""
    await client.peer.next()
    here.server.drain(restart=True)
    await listen(here, client)


async def be_ended(here: World, client: Client) -> None:
    """An operator ends the session."""
    await client.peer.next()
    assert here.server.live.end(client.log_id, closing.operator("ended by an operator"))
    await listen(here, client)


async def be_cut(here: World, client: Client) -> None:
    """Take nothing while the relay stops, until it waits no longer."""
    await wait_all_tasks_blocked(0.1)  # until the sockets are full
    here.server.drain()
    await read_nothing(here, client)
