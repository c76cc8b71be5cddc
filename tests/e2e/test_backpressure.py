"""A receiver that does not read holds its sender up, and nobody else; nothing is lost."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import trio

from relay.protocol import Timeouts
from relay.testing.frames import MASKING_KEY, Frame
from tests.e2e.drivers import in_every_driver
from tests.e2e.support import open_session
from tests.support import Peer, from_both_sides, real_clock

_MESSAGE = Frame(0x2, bytes(range(256)) * 4096)
_MESSAGES = 64
_FAR_LESS = 40
"""Messages of a MiB: the buffers of four sockets take fewer."""
_PATIENCE = Timeouts(write=600)


class _Sender:
    """Sends all messages, as fast as they are taken."""

    def __init__(self, peer: Peer, message: bytes) -> None:
        self._peer = peer
        self._message = message
        self.sent = 0
        self.done = trio.Event()

    async def run(self) -> None:
        for _ in range(_MESSAGES):
            await self._peer.stream.send_all(self._message)
            self.sent += 1
        self.done.set()


@in_every_driver
@from_both_sides
@real_clock
async def test_a_sender_waits_for_its_receiver(by: str, driver: str, tmp_path: Path) -> None:
    frame = _MESSAGE.encode(MASKING_KEY if by == "client" else None)
    async with (
        open_session(driver, tmp_path, timeouts=_PATIENCE) as ends,
        trio.open_nursery() as nursery,
    ):
        one, other = (ends.client, ends.provider)[:: 1 if by == "client" else -1]
        sender = _Sender(one, frame)
        nursery.start_soon(sender.run)
        with trio.move_on_after(1):
            await sender.done.wait()
        assert sender.sent < _FAR_LESS
        await other.send(Frame(0x1, b"not held up"))
        assert await one.receive() == Frame(0x1, b"not held up")
        received = hashlib.sha256()
        left = len(frame) * _MESSAGES
        while left:
            data = bytes(await other.stream.receive_some(1 << 20))
            assert data
            received.update(data)
            left -= len(data)
    assert received.digest() == hashlib.sha256(frame * _MESSAGES).digest()


@pytest.mark.parametrize("lane", ["verbatim", "messages"])
@in_every_driver
@real_clock
async def test_both_ways_at_once(driver: str, lane: str, tmp_path: Path) -> None:
    async with (
        open_session(driver, tmp_path, lane=lane, timeouts=_PATIENCE) as ends,
        trio.open_nursery() as nursery,
    ):
        for peer in (ends.client, ends.provider):
            nursery.start_soon(_exchange, peer)


async def _exchange(peer: Peer) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_send_short_ones, peer)
        for index in range(300):
            assert await peer.receive() == Frame(0x1, str(index).encode() * 100)


async def _send_short_ones(peer: Peer) -> None:
    for index in range(300):
        await peer.send(Frame(0x1, str(index).encode() * 100))
