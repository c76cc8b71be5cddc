"""A session that was captured, replayed: the peers would have been sent what they were sent."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from relay.protocol import Timeouts
from relay.testing.frames import Frame, close, decode
from tests.e2e.drivers import example
from tests.e2e.support import (
    REQUEST,
    Ends,
    accept,
    connect,
    end_first,
    open_session,
    read_all,
    read_head,
    relay,
)
from tests.support import Ended, Peer, real_clock

_HELLO = Frame(0x1, b"hello")
_FRAGMENTS = (Frame(0x1, b"in ", fin=False), Frame(0x9, b"ping"), Frame(0x0, b"two"))


async def _receive_all(peer: Peer) -> list[Frame]:
    """All frames until the end; a Close is answered, and the provider ends then."""
    frames = []
    try:
        while True:
            frames.append(await peer.receive())
            if frames[-1].opcode == 0x8:
                await peer.send(frames[-1])
                if not peer.masks:
                    await end_first(peer)
                    break
    except (Ended, trio.BrokenResourceError, trio.ClosedResourceError):
        await trio.aclose_forcefully(peer.stream)
    return frames


async def _closes(ends: Ends) -> None:
    await ends.client.send(_HELLO, *_FRAGMENTS)
    await ends.provider.send(_HELLO, *_FRAGMENTS)
    await ends.client.send(close(4000, "bye"))


async def _vanishes(ends: Ends) -> None:
    await ends.provider.send(_HELLO)
    await ends.provider.end()


async def _breaks_the_protocol(ends: Ends) -> None:
    await ends.client.send(_HELLO, Frame(0x3))


async def _says_nothing(_ends: Ends) -> None:
    pass


@pytest.mark.parametrize("chunk", [None, 1])
@pytest.mark.parametrize("lane", ["verbatim", "messages"])
@pytest.mark.parametrize("play", [_closes, _vanishes, _breaks_the_protocol, _says_nothing])
@real_clock
async def test_a_replay_sends_what_was_sent(
    play: Callable[[Ends], Awaitable[None]], lane: str, chunk: int | None, tmp_path: Path
) -> None:
    captures = tmp_path / "captures"
    captures.mkdir()
    received: dict[str, list[Frame]] = {}

    async def receive(name: str, peer: Peer) -> None:
        received[name] = await _receive_all(peer)

    timeouts = Timeouts(max_duration=0.5 if play is _says_nothing else 600)
    async with open_session(
        "asyncio", tmp_path, lane=lane, captures=captures, timeouts=timeouts
    ) as ends:
        await play(ends)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(receive, "client", ends.client)
            nursery.start_soon(receive, "provider", ends.provider)
        await ends.under_test.drain()
    (capture,) = captures.iterdir()
    first, *lines = [json.loads(line) for line in capture.read_text().splitlines()]
    session: Any = example("replay").Replay(first, chunk)
    for line in lines:
        list(session.happen(line))
    assert decode(session.sent["client"], masked=False) == received["client"]
    assert decode(session.sent["provider"], masked=True) == received["provider"]


@real_clock
async def test_a_session_that_never_opened_is_not_captured(tmp_path: Path) -> None:
    captures = tmp_path / "captures"
    captures.mkdir()
    is_draining = trio.Event()

    async def provider(stream: trio.SSLStream[trio.SocketStream], head: bytes) -> None:
        if not asked.is_set():
            asked.set()
            await is_draining.wait()
            await accept(stream, head)
            await read_all(stream)

    async def ask() -> bytes:
        stream = await connect(under_test)
        await stream.send_all(REQUEST)
        answer = await read_head(stream)
        await trio.aclose_forcefully(stream)
        return answer.split(b" ")[1]

    async def ask_first() -> None:
        assert await ask() == b"503"

    asked = trio.Event()
    async with (
        relay(provider, tmp_path, driver="asyncio", captures=captures) as under_test,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(ask_first)
        await asked.wait()
        nursery.start_soon(under_test.drain)
        while await ask() != b"503":  # drains only when it has come to it
            pass
        is_draining.set()
    assert not list(captures.iterdir())
