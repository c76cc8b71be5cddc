"""A relay on asyncio's streams: all that `relay.protocol` leaves to its driver.

Begin with `Session.run`. asyncio_link.py is a connection, docs/embedding.md explains the calls of
the core, and threads_relay.py is the same relay with threads, in the same order. This one runs
under uvloop, too.

    RELAY_TOKEN=rly_... OPENAI_API_KEY=sk-... python examples/embedding/asyncio_relay.py
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import math
import os
import ssl
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from asyncio_link import CHUNK, Link
from settings import Settings, from_environment

from relay import protocol
from relay.protocol import Pipe, Refused, State, closing

PIECE = 16 * 1024  # bytes that are written at a time, so that a slow sink is no stalled one
FOR_THE_BODY = 2  # seconds for the body of a provider's refusal, once its head has come
QUIET = 0.5  # seconds of silence, after which a client that is refused has said all that it will
log = logging.getLogger("relay")


class Direction:
    """Carries one direction, chunk by chunk, and notes what the Watch looks at."""

    def __init__(
        self,
        source: Link,
        sink: Link,
        pipe: Pipe,
        first: bytes = b"",
        last: Callable[[], bytes] = bytes,
    ) -> None:
        self.source, self.sink, self.pipe = source, sink, pipe
        self.last_activity = time.monotonic()
        self.writing_since: float | None = None
        self.stopping = False
        self.task = asyncio.create_task(self.carry(first, last))

    async def carry(self, first: bytes, last: Callable[[], bytes]) -> None:
        """Carry until the source ends or the sink fails; if stopped, to the end of a frame."""
        try:
            with suppress(OSError):
                await self.write(first)
                while most := self.pipe.most_at_once(CHUNK, finishing=self.stopping):
                    data = await self.source.read(most)
                    self.last_activity = time.monotonic()
                    await self.write(self.pipe.receive_data(data))
                if not self.stopping:
                    await self.write(last())
        finally:
            if self.writing_since is not None:  # it failed, or was cancelled
                self.pipe.send_failed()

    async def write(self, data: bytes) -> None:
        for start in range(0, len(data), PIECE):
            self.writing_since = self.last_activity
            await self.sink.write(data[start : start + PIECE])
            self.last_activity = time.monotonic()
        self.writing_since = None

    async def stop(self, patience: float) -> None:
        """Bring what is being written, and its frame, to an end within so many seconds."""
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
        self.cause: protocol.Cause | None = None  # of the relay's own
        self.told_to_end: asyncio.Future[None] = asyncio.get_running_loop().create_future()

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
        if self.cause is None:
            self.cause = cause
            self.told_to_end.set_result(None)

    async def refuse(self, handshake: protocol.ClientHandshake, refused: Refused) -> None:
        log.info("session %s: refused, %d %s", self.id, refused.status, refused.message)
        with suppress(OSError):
            async with asyncio.timeout(self.timeouts.close):
                await self.client.write(handshake.refuse(refused, self.id))
                await self.client.finish(QUIET)

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
        self.admission = protocol.authorise(identity, target, credentials, settings.providers)
        # A relay that counts sessions refuses with 429 here.
        asked = protocol.upstream_request(self.admission, fields, credentials)
        dialling = asyncio.create_task(self.dial(asked))
        listening = asyncio.create_task(self.listen(handshake.early_data, dialling))
        try:
            await asyncio.wait({dialling})
        finally:
            dialling.cancel()
            listening.cancel()
            await asyncio.wait({dialling, listening})
        if dialling.cancelled():  # the client has left
            return
        upstream, asked, answer = dialling.result()
        if self.relay.draining:
            raise Refused.draining()
        inbound, outbound = protocol.pipes(asked, answer, self.admission.gateway.limits)
        farewell = partial(protocol.farewell, inbound, outbound, os.urandom(4))
        accepted = handshake.accept(opening, answer, self.id)
        await self.carry(
            Direction(self.client, upstream, inbound, last=farewell),
            Direction(upstream, self.client, outbound, first=accepted),
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

    async def dial(self, asked: protocol.UpstreamRequest) -> Dialled:
        """Ask one upstream after the other."""
        *others, last = protocol.attempts(asked)
        for request in others:
            try:
                return await self.ask(request)
            except Refused as refused:
                if not protocol.may_fail_over(request, refused):
                    raise
        return await self.ask(last)

    async def ask(self, request: protocol.UpstreamRequest) -> Dialled:
        """Connect to an upstream, and ask it for the upgrade."""
        origin = request.origin
        trust = self.settings.trust[self.admission.route.provider.name]
        tls = trust if origin.scheme == "wss" else None
        try:
            async with asyncio.timeout(self.timeouts.connect):
                streams = await asyncio.open_connection(origin.host, origin.port, ssl=tls)
        except OSError as error:  # TimeoutError is one
            raise protocol.unreachable(error) from None
        link = Link(*streams)
        self.links.append(link)
        peer = link.writer.get_extra_info("peername")[0].partition("%")[0]
        if tls is None and not ipaddress.ip_address(peer).is_loopback:
            request = request.overheard()
        handshake = protocol.UpstreamHandshake(
            request, os.urandom(16), self.admission.gateway.limits
        )
        try:
            async with asyncio.timeout(self.timeouts.upstream) as patience:
                with suppress(OSError):  # it may have answered all the same
                    await link.write(handshake.request_data())
                while (answer := handshake.receive_data(await link.read())) is None:
                    if handshake.refused:
                        due = asyncio.get_running_loop().time() + FOR_THE_BODY
                        patience.reschedule(min(patience.when() or math.inf, due))
        except TimeoutError:
            raise handshake.timed_out() from None
        link.unread = handshake.early_data
        return link, request, answer

    async def carry(self, inbound: Direction, outbound: Direction) -> None:
        """Carry both directions until the session has to end, and end it."""
        try:
            cause = await self.watch(inbound, outbound)
            patience = await self.stop(inbound, outbound, cause)
        finally:
            inbound.task.cancel()
            outbound.task.cancel()
        end = protocol.ending(inbound.pipe, outbound.pipe, cause, os.urandom(4))
        await asyncio.gather(
            self.end_leg(inbound.source, end.client, inbound.pipe, patience),
            self.end_leg(outbound.source, end.upstream, outbound.pipe, patience),
        )

    async def watch(self, inbound: Direction, outbound: Direction) -> protocol.Cause:
        """Wait until the session has to end."""
        watch = protocol.Watch(inbound, outbound, self.timeouts, time.monotonic())
        waiting: set[asyncio.Future[None]] = {inbound.task, outbound.task, self.told_to_end}
        ended: list[Direction] = []  # in the order in which they did
        while (cause := watch.look(time.monotonic(), ended, self.cause)) is None:
            patience = watch.next_look - time.monotonic()
            done, waiting = await asyncio.wait(
                waiting, timeout=patience, return_when="FIRST_COMPLETED"
            )
            for direction in (each for each in (inbound, outbound) if each.task in done):
                if fault := direction.task.exception():
                    log.error("session %s", self.id, exc_info=fault)
                    return closing.FAULT  # whatever the peers did
                ended.append(direction)
        return cause

    async def stop(self, inbound: Direction, outbound: Direction, cause: protocol.Cause) -> float:
        """Stop both directions; return how long each connection then has to end, in seconds."""
        grace = protocol.grace(inbound.pipe, outbound.pipe, cause, self.timeouts.close)
        await asyncio.gather(outbound.stop(grace.outbound), inbound.stop(grace.inbound))
        return grace.legs

    async def end_leg(self, link: Link, leg: protocol.Leg, received: Pipe, patience: float) -> None:
        """End one connection as the closing table says; ``received`` is what came from it."""
        if leg.reset:
            link.reset()
            return
        with suppress(OSError):
            async with asyncio.timeout(patience):
                await link.write(leg.frame)
                while leg.close is not None and received.state is State.OPEN:  # it will answer
                    received.receive_data(await link.read())
                if received.state is State.CLOSING and link is not self.client:
                    while await link.read():  # RFC 6455 7.1.1: the server ends it first
                        pass
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
            self.accept, host, port, ssl=tls, ssl_handshake_timeout=patience
        )

    def new_session(self, client: Link) -> Session:
        return Session(self, client)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = self.new_session(Link(reader, writer))
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


async def main(relay: Relay) -> None:
    """Serve until Ctrl-C."""
    logging.basicConfig(level=logging.INFO)
    async with await relay.listen("127.0.0.1", 8080) as server:
        try:
            await server.serve_forever()
        finally:
            await relay.drain()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main(Relay(from_environment())))
