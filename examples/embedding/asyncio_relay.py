"""A relay on asyncio's streams: all that `relay.protocol` leaves to its driver, in one file.

It runs under uvloop, too. docs/embedding.md explains it step by step; a session is `Session.run`.

    RELAY_TOKEN=rly_... OPENAI_API_KEY=sk-... python examples/embedding/asyncio_relay.py
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import logging
import math
import os
import socket
import ssl
import struct
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from relay import protocol
from relay.protocol import Pipe, Refused, State, closing

CHUNK = 64 * 1024  # bytes that are read at a time, and that are kept of an early client
PIECE = 16 * 1024  # bytes that are written at a time, so that a slow sink is no stalled one
FOR_THE_BODY = 2  # seconds for the body of a provider's refusal, once its head has come
log = logging.getLogger("relay")


@dataclass(frozen=True)
class Settings:
    """What a relay runs by."""

    gateways: Mapping[str, protocol.Gateway]
    providers: Mapping[str, protocol.Provider]
    trust: Mapping[str, ssl.SSLContext]
    """By the provider's name: what verifies it."""
    limits: protocol.Limits = field(default_factory=protocol.Limits)
    timeouts: protocol.Timeouts = field(default_factory=protocol.Timeouts)
    capture: Callable[..., Capture] | None = None
    """Gets a session's id and what its pipes are made of; gives what notes it. See replay.py."""


class Capture(Protocol):
    """Notes what an open session reads, and why it ends."""

    def read(self, source: str, data: bytes) -> None: ...
    def end(self, cause: protocol.Cause, lost: Sequence[str]) -> None: ...


class Link:
    """A connection, and the ways to end it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.unread = b""  # what was read too early
        self.capture: Callable[[bytes], None] | None = None
        writer.transport.set_write_buffer_limits(high=1, low=0)  # drain() waits until all is out

    async def read(self, most: int = CHUNK) -> bytes:
        """Read what is there; b"" once it has ended, in whatever way."""
        data, self.unread = self.unread[:most], self.unread[most:]
        if not data:
            with suppress(OSError):
                data = await self.reader.read(most)
        if self.capture is not None:
            self.capture(data)
        return data

    async def write(self, data: bytes) -> None:
        """Write all, or raise OSError."""
        self.writer.write(data)
        await self.writer.drain()

    async def finish(self) -> None:
        """End our side, wait for the peer to end its side, and close.

        A connection that is closed with bytes unread is reset, which can overtake our last words.
        """
        if self.writer.can_write_eof():
            self.writer.write_eof()
            while await self.read():
                pass
        self.writer.close()  # with TLS this sends close_notify, and waits for the peer's
        await self.writer.wait_closed()

    def reset(self) -> None:
        """End it so that the peer cannot take that for an orderly end."""
        if (sock := self.writer.get_extra_info("socket")) is not None:  # it was not closed yet
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.abort()

    def abort(self) -> None:
        """Close it now."""
        self.writer.transport.abort()


class Direction:
    """Carries one direction, chunk by chunk, and notes what the Watch looks at."""

    def __init__(self, source: Link, sink: Link, pipe: Pipe) -> None:
        self.source, self.sink, self.pipe = source, sink, pipe
        self.last_activity = time.monotonic()
        self.writing_since: float | None = None
        self.stopping = False
        self.task = asyncio.create_task(self.carry())

    async def carry(self) -> None:
        """Carry until the pipe is no longer open, or the sink takes nothing more."""
        pipe = self.pipe
        try:
            with suppress(OSError):
                while pipe.state is State.OPEN and (pipe.rest_of_frame or not self.stopping):
                    most = min(CHUNK, pipe.rest_of_frame) if self.stopping else CHUNK
                    data = await self.source.read(pipe.most_at_once(most))
                    self.last_activity = time.monotonic()
                    await self.write(pipe.receive_data(data))
        finally:
            if self.writing_since is not None:  # it failed, or was cancelled
                pipe.send_failed()

    async def write(self, data: bytes) -> None:
        for start in range(0, len(data), PIECE):
            self.writing_since = self.last_activity
            await self.sink.write(data[start : start + PIECE])
            self.last_activity = time.monotonic()
        self.writing_since = None

    async def stop(self, patience: float) -> None:
        """Read no more than the frame under way, after which a Close may follow; what is read and
        written until then has so many seconds."""
        self.stopping = True
        if self.writing_since is not None or self.pipe.rest_of_frame:
            await asyncio.wait({self.task}, timeout=patience)
        self.task.cancel()
        await asyncio.wait({self.task})


class Session:
    """A client's connection, from its first byte to its last."""

    def __init__(self, relay: Relay, client: Link) -> None:
        self.relay, self.client = relay, client
        self.settings, self.timeouts = relay.settings, relay.settings.timeouts
        self.id = str(uuid.uuid4())
        self.links = [client]
        self.capture: Capture | None = None
        self.cause: protocol.Cause | None = None  # of the relay's own
        self.ended: list[Direction] = []  # in the order in which they did
        self.faulted = False
        self.changed = asyncio.Event()  # there is something new for watch()

    async def run(self) -> None:
        """Live; no exception leaves this."""
        handshake = protocol.ClientHandshake(self.settings.limits)
        try:
            await self.open(handshake)
        except Refused as refused:
            await self.refuse(handshake, refused)
        except Exception:  # a fault of ours
            log.exception("session %s", self.id)
            with suppress(Exception):  # the 101 may be out
                await self.refuse(handshake, Refused.fault())
        finally:
            for link in self.links:
                link.abort()

    def end(self, cause: protocol.Cause) -> None:
        """End it, if it is open; both sides are told why."""
        self.cause = cause
        self.changed.set()

    async def refuse(self, handshake: protocol.ClientHandshake, refused: Refused) -> None:
        log.info("session %s: refused, %d %s", self.id, refused.status, refused.message)
        with suppress(OSError):
            async with asyncio.timeout(self.timeouts.close):
                await self.client.write(handshake.refuse(refused, self.id))
                await self.client.finish()

    async def open(self, handshake: protocol.ClientHandshake) -> None:
        """Read the request, decide on it, ask the provider, answer, and carry what follows."""
        request = await self.receive_request(handshake)
        if request is None:
            return
        settings = self.settings
        opening = protocol.examine(request, settings.providers)
        if self.relay.draining:
            raise Refused.draining()
        target, fields, credentials = opening.target, opening.fields, opening.credentials
        identity = protocol.authenticate(
            target, fields, credentials, settings.gateways, time.time()
        )
        admission = protocol.authorise(identity, target, credentials, settings.providers)
        # A relay that counts sessions refuses with 429 here.
        asked = protocol.upstream_request(admission, fields, credentials)
        trust, limits = settings.trust[admission.route.provider.name], admission.gateway.limits
        dialling = asyncio.create_task(self.dial(asked, trust, limits))
        listening = asyncio.create_task(self.listen(handshake.early_data, dialling))
        try:
            await asyncio.wait({dialling})
        finally:
            listening.cancel()
            dialling.cancel()
            await asyncio.wait({dialling, listening})
        if dialling.cancelled():  # the client has left
            return
        upstream, asked, answer = dialling.result()
        if self.relay.draining:
            raise Refused.draining()
        inbound, outbound = protocol.pipes(asked, answer, limits)
        if settings.capture is not None:
            self.capture = settings.capture(self.id, asked, answer, limits)
            self.client.capture = partial(self.capture.read, "client")
            upstream.capture = partial(self.capture.read, "provider")
        try:
            async with asyncio.timeout(self.timeouts.write):
                await self.client.write(handshake.accept(opening, answer, self.id))
        except OSError:  # the client is gone, and the provider has to be told
            outbound.send_failed()
            inbound.receive_data(b"")
        await self.carry(
            Direction(self.client, upstream, inbound), Direction(upstream, self.client, outbound)
        )

    async def receive_request(self, handshake: protocol.ClientHandshake) -> protocol.Request | None:
        """The client's request; None if it leaves, or never says anything."""
        try:
            async with asyncio.timeout(self.timeouts.opening):
                while data := await self.client.read():
                    if (request := handshake.receive_data(data)) is not None:
                        return request
        except TimeoutError:
            if handshake.started:
                raise handshake.timed_out() from None
        return None

    async def listen(self, early_data: bytes, dialling: asyncio.Task[Dialled]) -> None:
        """Keep what the client sends while the provider is dialled; stop that if it leaves."""
        try:
            while (room := CHUNK - len(early_data)) > 0:
                if not (data := await self.client.read(room)):
                    dialling.cancel()
                    return
                early_data += data
        finally:
            self.client.unread = early_data

    async def dial(
        self, asked: protocol.UpstreamRequest, trust: ssl.SSLContext, limits: protocol.Limits
    ) -> Dialled:
        """Ask one upstream after the other."""
        *others, last = protocol.attempts(asked)
        for request in others:
            try:
                return await self.ask(request, trust, limits)
            except Refused as refused:
                if not protocol.may_fail_over(request, refused):
                    raise
        return await self.ask(last, trust, limits)

    async def ask(
        self, request: protocol.UpstreamRequest, trust: ssl.SSLContext, limits: protocol.Limits
    ) -> Dialled:
        """Connect to an upstream, and ask it for the upgrade."""
        host, port, secure = (
            request.origin.host,
            request.origin.port,
            request.origin.scheme == "wss",
        )
        try:
            async with asyncio.timeout(self.timeouts.connect):
                streams = await asyncio.open_connection(
                    host, port, ssl=trust if secure else None, limit=CHUNK
                )
        except OSError as error:  # TimeoutError is one
            raise protocol.unreachable(error) from None
        link = Link(*streams)
        self.links.append(link)
        peer = link.writer.get_extra_info("peername")[0].partition("%")[0]
        if not (secure or ipaddress.ip_address(peer).is_loopback):
            request = request.overheard()
        handshake = protocol.UpstreamHandshake(request, os.urandom(16), limits)
        try:
            async with asyncio.timeout(self.timeouts.upstream) as patience:
                with suppress(OSError):  # it may have answered all the same
                    await link.write(handshake.request_data())
                while (answer := handshake.receive_data(await link.read(4096))) is None:
                    if handshake.refused:
                        due = asyncio.get_running_loop().time() + FOR_THE_BODY
                        patience.reschedule(min(patience.when() or math.inf, due))
        except TimeoutError:
            raise handshake.timed_out() from None
        link.unread = handshake.early_data
        return link, request, answer

    async def carry(self, inbound: Direction, outbound: Direction) -> None:
        """Carry both directions until the session has to end, and end it."""
        for direction in (inbound, outbound):
            direction.task.add_done_callback(partial(self.has_ended, direction))
        try:
            cause = await self.watch(
                protocol.Watch(inbound, outbound, self.timeouts, time.monotonic())
            )
            if (inbound.pipe.state, outbound.pipe.state) == (State.FAILED, State.OPEN):
                await self.hear_out(inbound, outbound)
            patience = 0 if cause is closing.CLOSE_TIMEOUT else self.timeouts.close
            client_gone = inbound.pipe.state is State.CLOSED or cause is closing.CLIENT_STALLED
            gone = outbound.pipe.state is State.CLOSED or cause is closing.UPSTREAM_STALLED
            await asyncio.gather(
                outbound.stop(0 if client_gone else patience), inbound.stop(0 if gone else patience)
            )
        finally:
            inbound.task.cancel()
            outbound.task.cancel()
        if self.capture is not None:
            lost = [
                name
                for name, direction in (("client", outbound), ("provider", inbound))
                if direction.writing_since is not None
            ]
            self.capture.end(cause, lost)
        end = protocol.ending(inbound.pipe, outbound.pipe, cause, os.urandom(4))
        await asyncio.gather(
            self.end_leg(inbound.source, end.client, inbound.pipe, patience),
            self.end_leg(outbound.source, end.upstream, outbound.pipe, patience, is_server=True),
        )

    def has_ended(self, direction: Direction, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (fault := task.exception()) is not None:
            log.error("session %s", self.id, exc_info=fault)
            self.faulted = True
        elif not task.cancelled():
            self.ended.append(direction)
        self.changed.set()

    async def watch(self, watch: protocol.Watch) -> protocol.Cause:
        """Wait until the session has to end."""
        while not self.faulted:
            cause = watch.look(time.monotonic(), self.ended, self.cause)
            if cause is not None:
                return cause
            with suppress(TimeoutError):
                async with asyncio.timeout(watch.next_look - time.monotonic()):
                    await self.changed.wait()
            self.changed.clear()
        return closing.FAULT  # whatever the peers did

    async def hear_out(self, inbound: Direction, outbound: Direction) -> None:
        """Let the client have the answers to what it sent before it broke the protocol."""
        if frame := protocol.farewell(inbound.pipe, outbound.pipe, os.urandom(4)):
            with suppress(OSError):
                async with asyncio.timeout(self.timeouts.close):
                    await inbound.sink.write(frame)
                    await asyncio.wait({outbound.task})
            if outbound.pipe.state is not State.CLOSED:
                inbound.pipe.send_failed()  # told already, or beyond telling

    async def end_leg(
        self,
        link: Link,
        leg: protocol.Leg,
        received: Pipe,
        patience: float,
        is_server: bool = False,
    ) -> None:
        """End one connection as the closing table says; ``received`` is what came from it."""
        if leg.reset:
            link.reset()
            return
        with suppress(OSError):
            async with asyncio.timeout(patience):
                if leg.close is not None:
                    await link.write(leg.frame)
                    while received.state is State.OPEN:  # the answering Close
                        received.receive_data(await link.read())
                while is_server and received.state is State.CLOSING and await link.read():
                    pass  # RFC 6455 7.1.1: the server ends the connection first
                await link.finish()


Dialled = tuple[Link, protocol.UpstreamRequest, protocol.UpstreamAnswer]
"""An upstream that has answered with its 101, what it was asked, and the 101."""


class Relay:
    """All sessions, by whatever listener they came."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.draining = False
        self.sessions: dict[asyncio.Task[None], Session] = {}

    async def listen(
        self, host: str, port: int, tls: ssl.SSLContext | None = None
    ) -> asyncio.Server:
        """Accept clients until the server that is returned is closed."""
        patience = self.settings.timeouts.opening if tls else None
        return await asyncio.start_server(
            self.accept, host, port, ssl=tls, ssl_handshake_timeout=patience, limit=CHUNK
        )

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(self, Link(reader, writer))
        task = asyncio.create_task(session.run())
        self.sessions[task] = session
        task.add_done_callback(self.sessions.pop)

    async def drain(self) -> None:
        """Open no more sessions, and end those that are open; cut off those that take too long."""
        self.draining = True
        for session in self.sessions.values():
            session.end(closing.DRAINING)
        if self.sessions:
            _, late = await asyncio.wait(self.sessions, timeout=self.settings.timeouts.drain)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)


async def main() -> None:
    """Serve the gateway ``acct/main``, for OpenAI, until Ctrl-C."""
    logging.basicConfig(level=logging.INFO)
    token, key = os.environ["RELAY_TOKEN"].encode(), os.environ["OPENAI_API_KEY"].encode()
    gateway = protocol.Gateway(
        "acct/main",
        tokens=(protocol.GatewayToken("main", hashlib.sha256(token).digest()),),
        providers=frozenset({"openai"}),
        stored_key=lambda _provider, _alias: protocol.Secret(key),
    )
    trust = {"openai": ssl.create_default_context()}
    relay = Relay(Settings({gateway.name: gateway}, protocol.by_name(), trust))
    async with await relay.listen("127.0.0.1", 8080) as server:
        try:
            await server.serve_forever()
        finally:
            await relay.drain()


if __name__ == "__main__":
    asyncio.run(main())
