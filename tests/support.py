"""What the tests of the Trio layer share: a clock that jumps, peers, and how to vary a session."""

from __future__ import annotations

import functools
import socket
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import dataclass

import pytest
import trio
from trio.testing import MockClock, lockstep_stream_pair, memory_stream_pair, wait_all_tasks_blocked

from relay.drivers.reactor import Reactor
from relay.protocol.frames import CLOSE
from relay.socket_stream import SocketStream
from relay.testing.frames import MASKING_KEY, Frame, close, decode, encode, frame_size
from relay.testing.handshakes import Answer, parse_answer
from tests.sockets import running_reactor, unix_pair

__all__ = [
    "AWAY",
    "IDLE",
    "LOST",
    "MESSAGES",
    "VERBATIM",
    "Ended",
    "Leg",
    "Pair",
    "Peer",
    "SocketLeg",
    "Variant",
    "from_both_sides",
    "in_every_variant",
    "in_portable_variants",
    "in_verbatim_variants",
    "real_clock",
    "trio_test",
]

AWAY = close(1001, "going away")
IDLE = close(1001, "idle timeout")
LOST = close(1011, "upstream connection lost")
"""What peers are told most often when the other one, or nobody, ended the session."""

_FOR_EVER = 7 * 24 * 3600.0


def trio_test(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run an async test under a clock that jumps to the next deadline when all tasks wait.

    So a test that would wait for ever fails at once.
    """

    @functools.wraps(test)
    def run(*args: object, **kwargs: object) -> None:
        async def main() -> None:
            with trio.fail_after(_FOR_EVER):
                await test(*args, **kwargs)

        trio.run(main, clock=MockClock(autojump_threshold=0))

    return run


def real_clock(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run an async test that waits for threads or processes; one that hangs fails."""

    @functools.wraps(test)
    def run(*args: object, **kwargs: object) -> None:
        async def bounded() -> None:
            with trio.fail_after(60):
                await test(*args, **kwargs)

        trio.run(bounded)

    return run


Pair = Callable[[], tuple[trio.abc.Stream, trio.abc.Stream]]


@dataclass(frozen=True)
class Driver:
    """What carries an open session, and the connections that it carries."""

    name: str
    pair: Pair
    """Makes a connection that takes all that is written to it."""
    tight_pair: Pair
    """Makes one on which a write lasts until it was read."""
    leg: Callable[[trio.abc.Stream], Leg | SocketLeg]
    """Wraps the relay's end of a connection."""
    reactor: Callable[[], AbstractAsyncContextManager[Reactor | None]]
    """Runs what it needs."""


@dataclass(frozen=True)
class Variant:
    """A driver and a lane; what holds for sessions holds in each of them."""

    driver: Driver
    messages_lane: bool

    def __str__(self) -> str:
        return f"{self.driver.name}-{'messages' if self.messages_lane else 'verbatim'}"


class Leg(trio.abc.HalfCloseableStream):
    """The relay's end of a connection, which remembers how it was ended."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        assert isinstance(stream, trio.abc.HalfCloseableStream)
        self._stream = stream
        self.closed = False
        self.was_reset = False
        self._breaks_writes = False

    def break_writes(self) -> None:
        """Let the peer take nothing more, though it may still speak."""
        self._breaks_writes = True

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        if self._breaks_writes:
            await trio.lowlevel.checkpoint()
            raise trio.BrokenResourceError
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        return await self._stream.receive_some(max_bytes)

    async def aclose(self) -> None:
        self.closed = True
        await self._stream.aclose()


class SocketLeg(SocketStream):
    """The same for a connection on a socket."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        assert isinstance(stream, SocketStream)
        super().__init__(stream.socket)
        self.closed = False
        self.was_reset = False

    def break_writes(self) -> None:
        """Let the peer take nothing more, though it may still speak."""
        self.socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self.closed = True
        super().close()


_PORTABLE = Driver("portable", memory_stream_pair, lockstep_stream_pair, Leg, nullcontext)
_FAST = Driver("fast", unix_pair, unix_pair, SocketLeg, running_reactor)
VERBATIM = Variant(_PORTABLE, messages_lane=False)
MESSAGES = Variant(_PORTABLE, messages_lane=True)

VARIANTS = [Variant(driver, lane) for driver in (_PORTABLE, _FAST) for lane in (False, True)]
in_every_variant = pytest.mark.parametrize("variant", VARIANTS, ids=str)
in_verbatim_variants = pytest.mark.parametrize(
    "variant", [each for each in VARIANTS if not each.messages_lane], ids=str
)
in_portable_variants = pytest.mark.parametrize("variant", [VERBATIM, MESSAGES], ids=str)
"""For what a socket cannot do: it takes more than was read, and it cannot be tampered with."""
from_both_sides = pytest.mark.parametrize("by", ["client", "provider"])


class Ended(Exception):  # noqa: N818
    """A connection ended where more was expected."""


class Peer:
    """The other end: a client or a provider that speaks in heads and frames.

    Args:
        stream: Its end of the connection.
        masks: Whether it is the client (RFC 6455 5.1).
    """

    def __init__(self, stream: trio.abc.Stream, *, masks: bool) -> None:
        self.stream = stream
        self.masks = masks
        self._received = bytearray()

    @property
    def unread(self) -> bytes:
        """What has come and was not asked for."""
        return bytes(self._received)

    async def send(self, *frames: Frame) -> None:
        """Send frames, all in one piece."""
        await self.stream.send_all(self.encode(*frames))

    async def drip(self, data: bytes) -> None:
        """Send one byte a second, while somebody takes it."""
        with suppress(trio.BrokenResourceError):
            for byte in data:
                await self.stream.send_all(bytes([byte]))
                await trio.sleep(1)

    def encode(self, *frames: Frame) -> bytes:
        """Frames as this peer sends them."""
        return encode(frames, MASKING_KEY if self.masks else None)

    async def receive_head(self) -> bytes:
        """The next HTTP head, once the relay has done all that follows; what follows it is kept."""
        while (end := self._received.find(b"\r\n\r\n") + 4) < 4:
            await self._receive_more()
        await wait_all_tasks_blocked()
        return self._take(end)

    async def receive(self) -> Frame:
        """The next frame."""
        while not (size := frame_size(self._received, masked=not self.masks)):
            await self._receive_more()
        (frame,) = decode(self._take(size), masked=not self.masks)
        return frame

    async def receive_bytes(self, size: int) -> bytes:
        """Exactly so many bytes."""
        while len(self._received) < size:
            await self._receive_more()
        return self._take(size)

    async def receive_rest(self) -> bytes:
        """All bytes up to the end."""
        while data := await self.stream.receive_some():
            self._received += data
        return self._take(len(self._received))

    async def hears_nothing(self) -> bool:
        """Whether nothing comes while nothing else happens."""
        with trio.move_on_after(0.001):
            return not (self._received or await self.stream.receive_some())
        return True

    async def receive_answer(self) -> Answer:
        """A final HTTP answer, after which the relay sends nothing; then this peer ends, too."""
        answer = parse_answer(await self.receive_rest())
        await self.end()
        return answer

    async def answer_close(self) -> Frame:
        """The Close frame that must come next; it is answered by the same one."""
        frame = await self.receive()
        assert frame.opcode == CLOSE
        await self.send(frame)
        return frame

    async def end(self) -> None:
        """Vanish."""
        await self.stream.aclose()

    async def _receive_more(self) -> None:
        data = await self.stream.receive_some()
        if not data:
            raise Ended(f"after {self.unread!r}")
        self._received += data

    def _take(self, size: int) -> bytes:
        taken = bytes(self._received[:size])
        del self._received[:size]
        return taken
