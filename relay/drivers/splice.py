"""The fast pump: an open session between two sockets, served by the reactor.

A chunk is read, given to the pipe, and what comes back is written. What the sink does not take is
kept, and its source is not read until it has gone: so a receiver that is slow slows its sender and
nobody else, and a session holds at most one chunk per direction. It has the interface of the
portable pump, and like it looks at no byte and no close code.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager

import trio

from relay.drivers.reactor import READ, WRITE, Reactor
from relay.drivers.spliced_socket import SplicedSocket
from relay.drivers.tls_records import RECORD
from relay.latency import SHORTEST, Latency, clock
from relay.link import CHUNK, next_chunk
from relay.protocol import Pipe, State
from relay.socket_stream import SocketStream

__all__ = ["Flow", "splicing"]

_SUSPECT = 16 * 1024  # bytes of a chunk from which on it may be thousands of frames


class Flow:
    """One direction.

    Args:
        source: Read from.
        sink: Written to.
        pipe: The direction.
        ended: Called once with the flow, when it has ended.
        latency: Counts how long chunks stay here, if anybody wants to know.
    """

    __slots__ = (
        "_asks",
        "_chunk",
        "_ended",
        "_latency",
        "_over",
        "_read_at",
        "_receive",
        "_receive_data",
        "_send",
        "_sink",
        "_source",
        "_stopping",
        "_suspect",
        "_unsent",
        "error",
        "last_activity",
        "pipe",
        "sink_was_reset",
        "source_was_reset",
        "waited",
        "writing_since",
    )

    def __init__(
        self,
        source: SplicedSocket,
        sink: SplicedSocket,
        pipe: Pipe,
        ended: Callable[[Flow], None],
        latency: Latency | None = None,
    ) -> None:
        self._source = source
        self._sink = sink
        self._receive = source.records.receive if source.records else source.stream.socket.recv
        self._send = sink.records.send if sink.records else sink.stream.socket.send
        self._receive_data = pipe.receive_data
        self._chunk = pipe.most_at_once(CHUNK)  # bytes to read at once, at most
        self._asks = self._chunk < CHUNK  # the pipe after each chunk how large the next may be
        self._suspect = 0 if self._asks else _SUSPECT  # the least chunk to look at more closely
        self._ended = ended
        self._unsent: memoryview | None = None
        self._stopping = False
        self._over = False
        self._latency = latency
        self._read_at = 0  # when what is unsent was read, in nanoseconds
        self.pipe = pipe
        self.error: Exception | None = None
        """A fault of ours that ended it."""
        self.last_activity = trio.current_time()
        """When the source last gave something, or the sink took something it had not at once."""
        self.writing_since: float | None = None
        """Since when the sink has taken nothing of what it was given; None while it takes all."""
        self.waited = 0.0
        """Seconds in which the source was not read because of that, until now."""
        self.source_was_reset = False
        """Whether reading told that the source's connection was reset."""
        self.sink_was_reset = False
        """Whether writing told that the sink's was."""

    def start(self, early_data: bytes) -> None:
        """Carry; ``early_data`` comes before what is read."""
        self._source.wait_for(READ, wanted=True)
        out = self._receive_data(early_data) if early_data else b""
        if out:
            self._hold(memoryview(out), clock())
            self.writable()
        elif self.pipe.state is not State.OPEN:
            self.stop()
        self._go_on()

    def readable(self, now: float) -> None:
        """Carry one chunk; ``now`` is the time.

        What a message costs is what is done here, so it is done without a call that can be saved.
        """
        if self._over:
            return  # by an earlier event of the same batch
        try:
            data = self._receive(self._chunk)
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        except OSError as error:
            self.source_was_reset = isinstance(error, ConnectionResetError)
            # It broke: it has ended, as one that was closed has. So has one that wants something
            # of OpenSSL itself (a key update), and takes nothing in which it could be answered.
            data = b""
        latency = self._latency
        read_at = 0 if latency is None else clock()
        self.last_activity = now
        size = len(data)
        out = self._receive_data(data) if size < self._suspect else self._receive_suspect(data)
        sent = 0
        if out:
            try:
                sent = self._send(out)
            except (BlockingIOError, ssl.SSLWantWriteError):
                pass
            except ssl.SSLWantReadError:
                self._hold(memoryview(out), read_at)
                self._sink.write_after_read()
                return
            except OSError as error:
                self._lose_sink(error)
                return
            if latency is not None and sent == len(out):
                try:  # latency.add(), without the call
                    latency.counts[(clock() - read_at >> SHORTEST).bit_length()] += 1
                except IndexError:
                    latency.counts[-1] += 1
        if sent != len(out):
            self._hold(memoryview(out)[sent:], read_at)
        elif self.pipe.state is not State.OPEN:
            self.stop()
        elif size >= RECORD or size >= self._suspect:
            self._go_on()

    def writable(self) -> None:
        """Write more of what the sink did not take at once."""
        if self._unsent is None:
            return
        try:
            sent = self._send(self._unsent)
        except (BlockingIOError, ssl.SSLWantWriteError):
            self._sink.wait_for(WRITE, wanted=True)
            return
        except ssl.SSLWantReadError:
            self._sink.write_after_read()
            return
        except OSError as error:
            self._lose_sink(error)
            return
        self.last_activity = self._source.reactor.now
        if sent == len(self._unsent):
            self._resume()
        else:
            self._hold(self._unsent[sent:], self._read_at)

    def inject(self, frame: bytes) -> bool:
        """Give the sink a frame of the relay's own; return whether one may stand here."""
        pipe = self.pipe
        if self._over or self._stopping or self._unsent is not None:
            return False
        if pipe.state is not State.OPEN or not pipe.can_inject:
            return False
        try:
            sent = self._send(frame)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            sent = 0
        except OSError as error:
            self._lose_sink(error)
            return False
        if sent != len(frame):
            self._source.reactor.now = trio.current_time()  # no batch is being served
            self._hold(memoryview(frame)[sent:], clock())
        return True

    def retry_write(self) -> None:
        """Write more, if there is room of which the system has not told.

        It tells only when a good part of a socket's buffer is free, which takes a slow receiver
        long.
        """
        self._source.reactor.now = trio.current_time()  # no batch is being served
        self.writable()

    def stop(self) -> None:
        """Read no more than the rest of the frame under way, and end once all that is written."""
        self._stopping = True
        self._go_on()

    def abort(self) -> None:
        """End now; what is being written stays unfinished."""
        if self._unsent is not None:
            self._cut_short()
        else:
            self._end()

    def fail(self, error: Exception) -> None:
        """End now for a fault of ours; another one in doing so must not reach the reactor."""
        self.error = self.error or error
        try:
            self.abort()
        except Exception:  # noqa: BLE001 - the first one is told
            self._over = True
            self._ended(self)

    def sink_lost(self) -> None:
        """The sink is gone while it takes nothing."""
        if self._unsent is not None:
            self.abort()

    def _receive_suspect(self, data: bytes) -> bytes:
        """Look at a chunk that may hold thousands of frames, and read less next time if it did."""
        before = self.pipe.frames
        out = self._receive_data(data)
        if not self._stopping:
            chunk = next_chunk(self.pipe.frames - before, len(data))
            self._chunk = self.pipe.most_at_once(chunk)
            # Else the next ones come here, too.
            self._suspect = _SUSPECT if chunk == CHUNK and not self._asks else 0
        return out

    def _go_on(self) -> None:
        """Unless something is unsent, do what no event will lead to: end, if it is to end here, or
        carry what has been read of the source already."""
        if self._unsent is not None or self._over:
            return
        if self._stopping:
            self._chunk = self.pipe.most_at_once(CHUNK, finishing=True)
            if not self._chunk:
                self._end()
                return
            self._suspect = 0  # so that each chunk leads here again
            self._source.wait_for(READ, wanted=True)
        records = self._source.records
        if records is not None and records.has_unread():
            self.readable(self._source.reactor.now)

    def _hold(self, unsent: memoryview, read_at: int) -> None:
        """Keep what the sink does not take, and read no more until it has gone."""
        if self._unsent is None:
            self._sink.wait_for(WRITE, wanted=True)
            self._source.wait_for(READ, wanted=False)
            self._read_at = read_at
        self._unsent = unsent
        self.writing_since = self._source.reactor.now
        if self.pipe.state is not State.OPEN:
            self._stopping = True

    def _resume(self) -> None:
        """All is written: go on, or end."""
        self._let_go()
        self._sink.wait_for(WRITE, wanted=False)
        if not self._stopping:
            self._source.wait_for(READ, wanted=True)
        self._go_on()

    def _let_go(self) -> None:
        """Keep nothing any more."""
        self._unsent = None
        self.writing_since = None
        held = clock() - self._read_at
        self.waited += held / 1e9
        if self._latency is not None:
            self._latency.add(held)

    def _lose_sink(self, error: OSError) -> None:
        """A write has failed."""
        self.sink_was_reset = isinstance(error, ConnectionResetError)
        self._cut_short()

    def _cut_short(self) -> None:
        """End with a write that is not finished."""
        if self._unsent is not None:
            self._let_go()
        self.pipe.send_failed()
        self._sink.stream.mark_broken()
        self._sink.wait_for(WRITE, wanted=False)
        self._end()

    def _end(self) -> None:
        if not self._over:
            self._over = True
            self._source.wait_for(READ, wanted=False)
            self._ended(self)


@asynccontextmanager
async def splicing(
    reactor: Reactor,
    client: SocketStream,
    upstream: SocketStream,
    pipes: tuple[Pipe, Pipe],
    early_data: tuple[bytes, bytes],
    ended: Callable[[Flow], None],
    latency: Latency | None = None,
) -> AsyncIterator[tuple[Flow, Flow]]:
    """Carry both directions while the block runs; what has not ended then is aborted.

    Args:
        reactor: Serves the sockets.
        client: The client's connection.
        upstream: The provider's.
        pipes: Inbound and outbound.
        early_data: What was read of the client and of the provider before.
        ended: Called with each direction when it has ended.
        latency: Counts how long chunks stay here, if anybody wants to know.

    Raises:
        Exception: A fault of ours that ended a direction.
    """
    near, far = SplicedSocket(client, reactor), SplicedSocket(upstream, reactor)
    inbound = Flow(near, far, pipes[0], ended, latency)
    outbound = Flow(far, near, pipes[1], ended, latency)
    reactor.now = trio.current_time()  # no batch is being served
    try:
        near.join(inbound, outbound)
        far.join(outbound, inbound)
        inbound.start(early_data[0])
        outbound.start(early_data[1])
        yield inbound, outbound
    finally:
        with ExitStack() as last:  # each, whatever becomes of the others
            for each in (far.leave, near.leave, outbound.abort, inbound.abort):
                last.callback(each)
        if inbound.error is not None:  # also while cancelled: the next checkpoint will say so again
            raise inbound.error
