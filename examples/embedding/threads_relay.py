"""A relay on sockets and threads: all that `relay.protocol` leaves to its driver.

Begin with `Session.run`. threads_link.py is a connection, docs/embedding.md explains the calls of
the core, and asyncio_relay.py is the same relay on asyncio's streams, in the same order. A session
has a thread for each direction, and one that waits for both.

    RELAY_TOKEN=rly_... OPENAI_API_KEY=sk-... python examples/embedding/threads_relay.py
"""

from __future__ import annotations

import ipaddress
import logging
import os
import socket
import ssl
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from settings import Settings, from_environment
from threads_link import CHUNK, Link, Signal, Stopped, accept

from relay import protocol
from relay.protocol import Pipe, Refused, State, closing

PIECE = 16 * 1024  # bytes that are written at a time, so that a slow sink is no stalled one
FOR_THE_BODY = 2  # seconds for the body of a provider's refusal, once its head has come
log = logging.getLogger("relay")
now = time.monotonic


class Direction:
    """Carries one direction, chunk by chunk, and notes what the Watch looks at."""

    def __init__(
        self,
        session: Session,
        source: Link,
        sink: Link,
        pipe: Pipe,
        first: bytes = b"",
        last: Callable[[], bytes] = bytes,
    ) -> None:
        self.session, self.source, self.sink, self.pipe = session, source, sink, pipe
        self.last_activity = now()
        self.writing_since: float | None = None
        self.stopping, self.at_once = Signal(), Signal()
        self.thread = threading.Thread(target=self.run, args=(first, last), daemon=True)

    def run(self, first: bytes, last: Callable[[], bytes]) -> None:
        try:
            with suppress(OSError, Stopped):
                self.carry(first, last)
            if self.writing_since is not None:  # it failed, or was stopped
                self.pipe.send_failed()
            self.session.ended.append(self)
        except Exception:  # a fault of ours
            log.exception("session %s", self.session.id)
            self.session.faulted = True
        self.session.changed.set()

    def carry(self, first: bytes, last: Callable[[], bytes]) -> None:
        """Carry until the source ends or the sink fails; if stopped, to the end of a frame."""
        self.write(first)
        try:
            while most := self.pipe.most_at_once(CHUNK):
                self.forward(self.source.read(most, signal=self.stopping))
            self.write(last())
        except Stopped:
            if self.writing_since is not None:  # told by `at_once`: no time is left
                raise
            while most := self.pipe.most_at_once(CHUNK, finishing=True):
                self.forward(self.source.read(most, signal=self.at_once))

    def forward(self, data: bytes) -> None:
        self.last_activity = now()
        self.write(self.pipe.receive_data(data))

    def write(self, data: bytes) -> None:
        for start in range(0, len(data), PIECE):
            self.writing_since = self.last_activity
            self.sink.write(data[start : start + PIECE], signal=self.at_once)
            self.last_activity = now()
        self.writing_since = None

    def join(self, until: float) -> None:
        """Wait for what is being written, and its frame, to end, until then; then cut it short."""
        self.thread.join(max(0, until - now()))
        self.at_once.set()
        self.thread.join()


class Session:
    """A client's connection, from its first byte to its last."""

    def __init__(self, relay: Relay, client: Link, tls: ssl.SSLContext | None) -> None:
        self.relay, self.client, self.tls = relay, client, tls
        self.settings, self.timeouts = relay.settings, relay.settings.timeouts
        self.id = str(uuid.uuid4())
        self.links = [client]
        self.ended: list[Direction] = []  # in the order in which they did
        self.cause: protocol.Cause | None = None  # of the relay's own
        self.faulted = False
        self.changed = threading.Event()  # one of these three has
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self) -> None:
        """Live; no exception leaves this."""
        self.relay.sessions.add(self)
        handshake = protocol.ClientHandshake(self.settings.limits)
        try:
            self.open(handshake)
        except Refused as refused:
            self.refuse(handshake, refused)
        except Exception:  # a fault of ours
            log.exception("session %s", self.id)
            with suppress(Exception):  # the 101 may be out
                self.refuse(handshake, Refused.fault())
            self.cut()  # one direction may wait, if there was no thread for the other
        finally:
            for link in self.links:
                link.sock.close()
            self.relay.sessions.discard(self)

    def end(self, cause: protocol.Cause) -> None:
        """End it, if it is open; both sides are told why."""
        self.cause = cause
        self.changed.set()

    def cut(self) -> None:
        """End it now."""
        for link in self.links:
            link.cut()

    def refuse(self, handshake: protocol.ClientHandshake, refused: Refused) -> None:
        log.info("session %s: refused, %d %s", self.id, refused.status, refused.message)
        until = now() + self.timeouts.close
        with suppress(OSError):
            self.client.write(handshake.refuse(refused, self.id), until)
            self.client.finish(until)

    def open(self, handshake: protocol.ClientHandshake) -> None:
        """Read the request, decide on it, ask the provider, answer, and carry what follows."""
        request = self.receive_request(handshake)
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
        try:
            upstream, asked, answer = self.dial(asked)
        except Stopped:  # the client has left
            return
        if self.relay.draining:
            raise Refused.draining()
        inbound, outbound = protocol.pipes(asked, answer, self.admission.gateway.limits)
        farewell = partial(protocol.farewell, inbound, outbound, os.urandom(4))
        accepted = handshake.accept(opening, answer, self.id)
        self.client.unread = handshake.early_data  # what came after it was left unread
        self.carry(
            Direction(self, self.client, upstream, inbound, last=farewell),
            Direction(self, upstream, self.client, outbound, first=accepted),
        )

    def receive_request(self, handshake: protocol.ClientHandshake) -> protocol.Request | None:
        """The client's request; None if it leaves, or never says anything."""
        until = now() + self.timeouts.opening
        try:
            if self.tls is not None:
                self.client.start_tls(self.tls, until, None, None)
            while data := self.client.read(until=until):
                if (request := handshake.receive_data(data)) is not None:
                    return request
        except OSError:  # no TLS, or not in time
            if handshake.started:
                raise handshake.timed_out() from None
        return None

    def dial(self, asked: protocol.UpstreamRequest) -> Dialled:
        """Ask one upstream after the other."""
        *others, last = protocol.attempts(asked)
        for request in others:
            try:
                return self.ask(request)
            except Refused as refused:
                if not protocol.may_fail_over(request, refused):
                    raise
        return self.ask(last)

    def ask(self, request: protocol.UpstreamRequest) -> Dialled:
        """Connect to an upstream, and ask it for the upgrade. Stopped says that the client left."""
        host, port = request.origin.host, request.origin.port
        trust = self.settings.trust[self.admission.route.provider.name]
        tls = trust if request.origin.scheme == "wss" else None
        until = now() + self.timeouts.connect
        try:
            link = Link(socket.create_connection((host, port), self.timeouts.connect))
            self.links.append(link)
            if tls is not None:
                link.start_tls(tls, until, self.client, host)
        except OSError as error:  # TimeoutError is one
            raise protocol.unreachable(error) from None
        peer = link.sock.getpeername()[0].partition("%")[0]
        if tls is None and not ipaddress.ip_address(peer).is_loopback:
            request = request.overheard()
        handshake = protocol.UpstreamHandshake(
            request, os.urandom(16), self.admission.gateway.limits
        )
        until = now() + self.timeouts.upstream
        try:
            with suppress(OSError):  # it may have answered all the same
                link.write(handshake.request_data(), until, self.client)
            while (answer := handshake.receive_data(link.read(CHUNK, until, self.client))) is None:
                if handshake.refused:
                    until = min(until, now() + FOR_THE_BODY)
        except TimeoutError:
            raise handshake.timed_out() from None
        link.unread = handshake.early_data
        return link, request, answer

    def carry(self, inbound: Direction, outbound: Direction) -> None:
        """Carry both directions until the session has to end, and end it."""
        inbound.thread.start()
        outbound.thread.start()
        cause = self.watch(inbound, outbound)
        patience = self.stop(inbound, outbound, cause)
        end = protocol.ending(inbound.pipe, outbound.pipe, cause, os.urandom(4))
        upstream = (outbound.source, end.upstream, outbound.pipe, now() + patience)
        ending = threading.Thread(target=self.end_leg, args=upstream, daemon=True)
        ending.start()
        self.end_leg(inbound.source, end.client, inbound.pipe, now() + patience)
        ending.join()

    def watch(self, inbound: Direction, outbound: Direction) -> protocol.Cause:
        """Wait until the session has to end."""
        watch = protocol.Watch(inbound, outbound, self.timeouts, now())
        while not self.faulted:
            if (cause := watch.look(now(), self.ended, self.cause)) is not None:
                return cause
            self.changed.wait(max(0, watch.next_look - now()))
            self.changed.clear()
        return closing.FAULT  # whatever the peers did

    def stop(self, inbound: Direction, outbound: Direction, cause: protocol.Cause) -> float:
        """Stop both directions; return how long each connection then has to end, in seconds."""
        grace = protocol.grace(inbound.pipe, outbound.pipe, cause, self.timeouts.close)
        began = now()
        outbound.stopping.set()
        inbound.stopping.set()
        outbound.join(began + grace.outbound)
        inbound.join(began + grace.inbound)
        return grace.legs

    def end_leg(self, link: Link, leg: protocol.Leg, received: Pipe, until: float) -> None:
        """End one connection as the closing table says; ``received`` is what came from it."""
        if leg.reset:
            link.reset()
            return
        with suppress(OSError):
            link.write(leg.frame, until)
            while leg.close is not None and received.state is State.OPEN:  # it will answer
                received.receive_data(link.read(until=until))
            if received.state is State.CLOSING and link is not self.client:
                while link.read(until=until):  # RFC 6455 7.1.1: the server ends it first
                    pass
            link.finish(until)


Dialled = tuple[Link, protocol.UpstreamRequest, protocol.UpstreamAnswer]
"""An upstream that has answered with its 101, what it was asked, and the 101."""


class Relay:
    """All sessions, by whatever listener they came."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.draining = False
        self.closing = Signal()
        self.sessions: set[Session] = set()

    def listen(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Accept clients until the relay is closed; return the port."""
        listener = socket.create_server((host, port), backlog=1024)
        accepting = (listener, partial(self.begin, tls), self.closing)
        threading.Thread(target=accept, args=accepting, daemon=True).start()
        return int(listener.getsockname()[1])

    def begin(self, tls: ssl.SSLContext | None, client: Link) -> None:
        Session(self, client, tls).thread.start()

    def drain(self) -> None:
        """Open no more sessions, and end those that are open; cut off those that take too long."""
        self.draining = True
        until = now() + self.settings.timeouts.drain
        for session in list(self.sessions):
            session.end(closing.DRAINING)
        for session in list(self.sessions):
            session.thread.join(max(0, until - now()))
            session.cut()

    def close(self) -> None:
        """Accept no more clients, and cut off all sessions."""
        self.closing.set()
        for session in list(self.sessions):
            session.cut()
            session.thread.join()


def main() -> None:
    """Serve until Ctrl-C."""
    logging.basicConfig(level=logging.INFO)
    relay = Relay(from_environment())
    relay.listen("127.0.0.1", 8080)
    try:
        threading.Event().wait()
    finally:
        relay.drain()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
