"""A client of a double over streams in memory, on wsproto."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import trio
from trio.testing import memory_stream_pair
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Message,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)

from relay.doubles import serve_stream

__all__ = ["KEY", "Ended", "Json", "Peer", "connect", "refusal"]

Json = dict[str, Any]

KEY = "sk-test-0123456789abcdef"
"""The key that the doubles of these tests accept."""

Pair = Callable[[], tuple[trio.abc.Stream, trio.abc.Stream]]


class Ended(Exception):  # noqa: N818
    """The stream ended, without a Close frame."""


class Peer:
    """The client's end of one connection."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.stream = stream
        self.subprotocol: str | None = None
        self._ws = WSConnection(ConnectionType.CLIENT)

    async def request(
        self, target: str, headers: Sequence[tuple[str, str]], subprotocols: Sequence[str]
    ) -> None:
        """Send the opening handshake."""
        lines = [(name.encode(), value.encode()) for name, value in headers]
        request = Request(
            host="double", target=target, extra_headers=lines, subprotocols=list(subprotocols)
        )
        await self.transmit(request)

    async def answer(self) -> tuple[int, bytes]:
        """Read the answer: its status, and its body if it is a refusal."""
        event = await self.next()
        if isinstance(event, AcceptConnection):
            self.subprotocol = event.subprotocol
            return 101, b""
        assert isinstance(event, RejectConnection)
        body = b""
        while True:
            data = await self.next()
            assert isinstance(data, RejectData)
            body += bytes(data.data)
            if data.body_finished:
                return event.status_code, body

    async def transmit(self, event: Event) -> None:
        """Send one event of wsproto's."""
        await self.stream.send_all(self._ws.send(event))

    async def send(self, message: Json | str | bytes) -> None:
        """Send a message: a JSON object as text."""
        if isinstance(message, bytes):
            await self.transmit(BytesMessage(data=message))
        else:
            words = message if isinstance(message, str) else json.dumps(message)
            await self.transmit(TextMessage(data=words))

    async def next(self) -> Event:
        """The next event of wsproto's."""
        while True:
            for event in self._ws.events():
                return event
            data = await self.stream.receive_some()
            if not data:
                raise Ended
            self._ws.receive_data(bytes(data))

    async def receive(self) -> str | bytes:
        """The next message."""
        parts: list[Any] = []
        while True:
            event = await self.next()
            assert isinstance(event, Message), event
            parts.append(event.data)
            if event.message_finished:
                return "".join(parts) if isinstance(event, TextMessage) else b"".join(parts)

    async def json(self) -> Json:
        """The next message, which must be a JSON object."""
        document = json.loads(await self.receive())
        assert isinstance(document, dict)
        return document

    async def until(self, kind: str, member: str = "type") -> list[Json]:
        """The next messages, to the first whose ``member`` is ``kind``."""
        documents = [await self.json()]
        while documents[-1].get(member) != kind:
            documents.append(await self.json())
        return documents

    async def close_frame(self) -> tuple[int, str]:
        """Read the Close frame that must come next, answer it, and see the stream end."""
        event = await self.next()
        assert isinstance(event, CloseConnection), event
        await self.transmit(event.response())
        assert await self.stream.receive_some() == b""
        return event.code, event.reason or ""


@contextlib.asynccontextmanager
async def connect(
    provider: str,
    target: str,
    *,
    key: str = KEY,
    headers: Sequence[tuple[str, str]] = (),
    subprotocols: Sequence[str] = (),
    pair: Pair = memory_stream_pair,
) -> AsyncIterator[Peer]:
    """A connection to a double that has answered 101; the double must end when it ends."""
    ours, theirs = pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve_stream, provider, key, theirs)
        peer = Peer(ours)
        await peer.request(target, headers, subprotocols)
        status, body = await peer.answer()
        assert status == 101, body
        yield peer
        await ours.aclose()


async def refusal(
    provider: str,
    target: str,
    *,
    key: str = KEY,
    headers: Sequence[tuple[str, str]] = (),
    subprotocols: Sequence[str] = (),
) -> tuple[int, Json]:
    """The status and the JSON body with which a double refuses an opening handshake."""
    ours, theirs = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve_stream, provider, key, theirs)
        peer = Peer(ours)
        await peer.request(target, headers, subprotocols)
        status, body = await peer.answer()
    assert status != 101
    return status, json.loads(body)
