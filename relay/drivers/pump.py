"""The portable pump: one direction of an open session over any Trio streams.

It reads a chunk, gives it to its pipe, and writes what comes back before it reads again, so a
receiver that is slow slows its sender and nobody else. It does not look at bytes or close codes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import trio

from relay.latency import Latency, clock
from relay.link import CHUNK, next_chunk, was_reset
from relay.protocol import Pipe, State

__all__ = ["Pump", "pumping"]

_PIECE = 16 * 1024


class Pump:
    """Carries one direction until its pipe is no longer open or its sink takes nothing more.

    Args:
        source: Read from.
        sink: Written to.
        pipe: The direction.
        ended: Called once with the pump, when it has ended.
        latency: Counts how long chunks stay here, if anybody wants to know.
    """

    def __init__(
        self,
        source: trio.abc.ReceiveStream,
        sink: trio.abc.SendStream,
        pipe: Pipe,
        ended: Callable[[Pump], None],
        latency: Latency | None = None,
    ) -> None:
        self._source = source
        self._sink = sink
        self._ended = ended
        self._latency = latency
        self._all = trio.CancelScope()
        self._reading = trio.CancelScope()
        self._stopping = False
        self._injected = b""  # to be written before anything else
        self._read_at = clock()  # of what is written now, or will be next
        self.pipe = pipe
        self.last_activity = trio.current_time()
        """When the source last gave something, or the sink took something."""
        self.writing_since: float | None = None
        """Since when the sink has been taking what it was given; None while nothing is written."""
        self.waited = 0.0
        """Seconds in which the source was not read because of that, until now."""
        self.source_was_reset = False
        """Whether reading told that the source's connection was reset."""
        self.sink_was_reset = False
        """Whether writing told that the sink's was."""

    async def run(self, early_data: bytes) -> None:
        """Carry; ``early_data`` comes before what is read."""
        with self._all:
            data = early_data
            while True:
                unread = b""
                with self._reading:
                    unread = await self._carry(data)
                if not self._injected or not await self._write_injected():
                    break
                data = unread
            await self._write(self.pipe.receive_data(unread) if unread else b"")
            await self._finish_frame()
        self._ended(self)

    def stop(self) -> None:
        """Read no more than the rest of the frame under way, and end once all that is written."""
        self._stopping = True
        if self.writing_since is None:
            self._reading.cancel()

    def inject(self, frame: bytes) -> bool:
        """Give the sink a frame of the relay's own; return whether one may stand here."""
        pipe = self.pipe
        if self._stopping or self._injected or self.writing_since is not None:
            return False
        if pipe.state is not State.OPEN or not pipe.can_inject:
            return False
        self._injected = frame
        self._reading.cancel()
        return True

    def retry_write(self) -> None:
        """Nothing more can be done than is being done."""

    def abort(self) -> None:
        """End now; what is being written stays unfinished."""
        self._all.cancel()

    async def _carry(self, data: bytes) -> bytes:
        """Carry until there is an end; return what was read, but not given to the pipe."""
        pipe, chunk = self.pipe, CHUNK
        while True:
            if data:
                before = pipe.frames
                out = pipe.receive_data(data)
                chunk = next_chunk(pipe.frames - before, len(data))
                if not await self._write(out):
                    return b""
            if pipe.state is not State.OPEN or self._stopping:
                return b""
            data = await self._receive(pipe.most_at_once(chunk))
            if not data:
                return pipe.receive_data(b"")
            if self._reading.cancel_called:  # it had come already
                return data

    async def _finish_frame(self) -> None:
        """Carry the rest of the frame under way, if it was stopped inside one."""
        pipe = self.pipe
        while most := pipe.most_at_once(CHUNK, finishing=True):
            await self._write(pipe.receive_data(await self._receive(most)))

    async def _receive(self, max_bytes: int) -> bytes:
        """Read what is there. A connection that broke has ended, as one that was closed has."""
        data = b""
        try:
            data = bytes(await self._source.receive_some(max_bytes))
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            self.source_was_reset = was_reset(error)
        self._read_at = clock()
        self.last_activity = trio.current_time()
        return data

    async def _write_injected(self) -> bool:
        """Write what is injected, which is no activity, and let reading go on."""
        frame, self._injected = self._injected, b""
        last_activity, self._read_at = self.last_activity, clock()
        worked = await self._write(frame)
        self.last_activity = last_activity
        self._reading = trio.CancelScope()
        return worked

    async def _write(self, data: bytes) -> bool:
        """Write wholly; return whether that worked.

        It goes in pieces, so that a slow sink is not taken for one that takes nothing.
        """
        began = clock()
        try:
            for start in range(0, len(data), _PIECE):
                self.writing_since = trio.current_time()
                await self._sink.send_all(data[start : start + _PIECE])
                self.last_activity = trio.current_time()
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            self.sink_was_reset = was_reset(error)
            self.pipe.send_failed()
            return False
        except BaseException:
            self.pipe.send_failed()  # cancelled: an unknown part of it is out
            raise
        finally:
            if data:
                self.waited += (clock() - began) / 1e9
        self.writing_since = None
        if data and self._latency is not None:
            self._latency.add(clock() - self._read_at)
        return True


@asynccontextmanager
async def pumping(
    client: trio.abc.Stream,
    upstream: trio.abc.Stream,
    pipes: tuple[Pipe, Pipe],
    early_data: tuple[bytes, bytes],
    ended: Callable[[Pump], None],
    latency: Latency | None = None,
) -> AsyncIterator[tuple[Pump, Pump]]:
    """Carry both directions while the block runs; what has not ended then is cancelled.

    Args:
        client: The client's connection.
        upstream: The provider's.
        pipes: Inbound and outbound.
        early_data: What was read of the client and of the provider before.
        ended: Called with each direction when it has ended.
        latency: Counts how long chunks stay here, if anybody wants to know.
    """
    inbound = Pump(client, upstream, pipes[0], ended, latency)
    outbound = Pump(upstream, client, pipes[1], ended, latency)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(inbound.run, early_data[0])
        nursery.start_soon(outbound.run, early_data[1])
        yield inbound, outbound
        nursery.cancel_scope.cancel()
