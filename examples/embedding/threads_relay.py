"""A relay on sockets and threads: all that `relay.protocol` leaves to its driver, in one file.

A session has a thread for each direction, and one that waits for both. The order of the calls is
that of docs/embedding.md.

    RELAY_TOKEN=rly_... OPENAI_API_KEY=sk-... python examples/embedding/threads_relay.py
"""

from __future__ import annotations

import hashlib
import ipaddress
import logging
import math
import os
import select
import socket
import ssl
import struct
import threading
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from relay import protocol
from relay.protocol import Pipe, Refused, State, closing

CHUNK = 64 * 1024  # bytes that are read at a time, and that are kept of an early client
PIECE = 16 * 1024  # bytes that are written at a time, so that a slow sink is no stalled one
FOR_THE_BODY = 2  # seconds for the body of a provider's refusal, once its head has come
log = logging.getLogger("relay")
now = time.monotonic


@dataclass(frozen=True)
class Settings:
    """What a relay runs by."""

    gateways: Mapping[str, protocol.Gateway]
    providers: Mapping[str, protocol.Provider]
    trust: Mapping[str, ssl.SSLContext]
    """By the provider's name: what verifies it."""
    limits: protocol.Limits = field(default_factory=protocol.Limits)
    timeouts: protocol.Timeouts = field(default_factory=protocol.Timeouts)


class Late(Exception):  # noqa: N818 - an outcome
    """A deadline has passed."""


class Stopped(Exception):  # noqa: N818 - an outcome
    """A thread is to wait no longer."""


class Signal:
    """Ends the waiting of a thread, once it is set."""

    def __init__(self) -> None:
        self.descriptor, self._end = os.pipe()

    def set(self) -> None:
        os.write(self._end, b"!")

    def __del__(self) -> None:
        os.close(self.descriptor)
        os.close(self._end)


def wait(sock: socket.socket, event: int, until: float, signal: Signal | None) -> None:
    """Wait for a socket, until a moment or a signal; raise Late or Stopped then."""
    poll = select.poll()
    poll.register(sock, event)
    if signal is not None:
        poll.register(signal.descriptor, select.POLLIN)
    ready = dict(poll.poll(None if until == math.inf else max(0, until - now()) * 1000))
    if signal is not None and signal.descriptor in ready:
        raise Stopped
    if not ready:
        raise Late


class Link:
    """A connection, and the ways to end it. One thread may read while another one writes.

    Python's ``ssl`` does not allow that of one SSLSocket, so TLS is done in memory, under a lock.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.unread = b""  # what was read too early
        self.tls: ssl.SSLObject | None = None
        self.encrypted, self.to_send = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.lock = threading.Lock()
        sock.setblocking(False)

    def start_tls(
        self, tls: ssl.SSLContext, until: float, signal: Signal | None, host: str | None = None
    ) -> None:
        """Do the TLS handshake: as a client of that host, or as a server."""
        self.tls = tls.wrap_bio(self.encrypted, self.to_send, host is None, host)
        while True:
            try:
                return self.tls.do_handshake()
            except ssl.SSLWantReadError:
                pass
            finally:
                self._send(self.to_send.read(), until, signal)  # our part of it, or an alert
            self._feed(self._receive(CHUNK, until, signal))

    def read(
        self, most: int = CHUNK, until: float = math.inf, signal: Signal | None = None
    ) -> bytes:
        """Read what is there; b"" once it has ended, in whatever way."""
        if self.unread:
            data, self.unread = self.unread[:most], self.unread[most:]
            return data
        with suppress(OSError):
            if self.tls is None:
                return self._receive(most, until, signal)
            while True:
                with self.lock, suppress(ssl.SSLWantReadError):
                    return self.tls.read(most)
                self._feed(self._receive(CHUNK, until, signal))
        return b""

    def write(self, data: bytes, until: float = math.inf, signal: Signal | None = None) -> None:
        """Write all, or raise OSError."""
        if self.tls is not None and data:
            with self.lock:
                self.tls.write(data)
                data = self.to_send.read()
        self._send(data, until, signal)

    def finish(self, until: float) -> None:
        """End our side, wait for the peer to end its side.

        A connection that is closed with bytes unread is reset, which can overtake our last words.
        """
        if self.tls is not None:
            with suppress(ssl.SSLError):  # the peer's close_notify is still to come
                self.tls.unwrap()
            self._send(self.to_send.read(), until, None)
        self.sock.shutdown(socket.SHUT_WR)
        while self._receive(CHUNK, until, None):
            pass

    def reset(self) -> None:
        """End it so that the peer cannot take that for an orderly end."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def cut(self) -> None:
        """End it while other threads use it."""
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def _receive(self, most: int, until: float, signal: Signal | None) -> bytes:
        wait(self.sock, select.POLLIN, until, signal)
        return self.sock.recv(most)

    def _feed(self, data: bytes) -> None:
        with self.lock:
            self.encrypted.write(data)
            if not data:
                self.encrypted.write_eof()

    def _send(self, data: bytes, until: float, signal: Signal | None) -> None:
        rest = memoryview(data)
        while rest:
            wait(self.sock, select.POLLOUT, until, signal)
            rest = rest[self.sock.send(rest) :]


class Direction:
    """Carries one direction, chunk by chunk, and notes what the Watch looks at."""

    def __init__(self, session: Session, source: Link, sink: Link, pipe: Pipe) -> None:
        self.session, self.source, self.sink, self.pipe = session, source, sink, pipe
        self.last_activity = now()
        self.writing_since: float | None = None
        self.no_reading, self.at_once = Signal(), Signal()
        self.stopping = False
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self) -> None:
        try:
            with suppress(OSError, Stopped):
                self.carry()
            if self.writing_since is not None:  # it failed, or was stopped
                self.pipe.send_failed()
            self.session.ended.append(self)
        except Exception:  # a fault of ours
            log.exception("session %s", self.session.id)
            self.session.faulted = True
        self.session.changed.set()

    def carry(self) -> None:
        """Carry until the pipe is no longer open, or the sink takes nothing more."""
        pipe = self.pipe
        with suppress(Stopped):
            while pipe.state is State.OPEN and not self.stopping:
                self.carry_chunk(CHUNK, self.no_reading)
        while pipe.state is State.OPEN and pipe.rest_of_frame and self.writing_since is None:
            self.carry_chunk(min(CHUNK, pipe.rest_of_frame), self.at_once)

    def carry_chunk(self, most: int, signal: Signal) -> None:
        data = self.source.read(self.pipe.most_at_once(most), signal=signal)
        self.last_activity = now()
        self.write(self.pipe.receive_data(data))

    def write(self, data: bytes) -> None:
        for start in range(0, len(data), PIECE):
            self.writing_since = self.last_activity
            self.sink.write(data[start : start + PIECE], signal=self.at_once)
            self.last_activity = now()
        self.writing_since = None

    def stop(self) -> None:
        """Read no more than the frame under way, after which a Close may follow."""
        self.stopping = True
        self.no_reading.set()

    def join(self, patience: float) -> None:
        """Wait for its end; what is read and written until then has so many seconds."""
        self.thread.join(patience)
        self.at_once.set()
        self.thread.join()


class Session:
    """A client's connection, from its first byte to its last."""

    def __init__(self, relay: Relay, client: Link, tls: ssl.SSLContext | None) -> None:
        self.relay, self.client, self.tls = relay, client, tls
        self.settings, self.timeouts = relay.settings, relay.settings.timeouts
        self.id = str(uuid.uuid4())
        self.links = [client]
        self.client_left = Signal()
        self.cause: protocol.Cause | None = None  # of the relay's own
        self.ended: list[Direction] = []  # in the order in which they did
        self.faulted = False
        self.changed = threading.Event()  # there is something new for watch()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self) -> None:
        """Live; no exception leaves this."""
        handshake = protocol.ClientHandshake(self.settings.limits)
        try:
            self.open(handshake)
        except Refused as refused:
            self.refuse(handshake, refused)
        except Exception:  # a fault of ours
            log.exception("session %s", self.id)
            with suppress(Exception):  # the 101 may be out
                self.refuse(handshake, Refused.fault())
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
        with suppress(OSError, Late):
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
        admission = protocol.authorise(identity, target, credentials, settings.providers)
        # A relay that counts sessions refuses with 429 here.
        asked = protocol.upstream_request(admission, fields, credentials)
        trust, limits = settings.trust[admission.route.provider.name], admission.gateway.limits
        enough = Signal()
        args = (handshake.early_data, enough)
        listening = threading.Thread(target=self.listen, args=args, daemon=True)
        listening.start()
        try:
            upstream, asked, answer = self.dial(asked, trust, limits)
        except Stopped:  # the client has left
            return
        finally:
            enough.set()
            listening.join()
        if self.relay.draining:
            raise Refused.draining()
        inbound, outbound = protocol.pipes(asked, answer, limits)
        accepted = handshake.accept(opening, answer, self.id)
        try:
            self.client.write(accepted, now() + self.timeouts.write)
        except (OSError, Late):  # the client is gone, and the provider has to be told
            outbound.send_failed()
            inbound.receive_data(b"")
        self.carry(
            Direction(self, self.client, upstream, inbound),
            Direction(self, upstream, self.client, outbound),
        )

    def receive_request(self, handshake: protocol.ClientHandshake) -> protocol.Request | None:
        """The client's request; None if it leaves, or never says anything."""
        until = now() + self.timeouts.opening
        try:
            if self.tls is not None:
                self.client.start_tls(self.tls, until, None)
            while data := self.client.read(until=until):
                if (request := handshake.receive_data(data)) is not None:
                    return request
        except OSError:  # no TLS
            return None
        except Late:
            if handshake.started:
                raise handshake.timed_out() from None
        return None

    def listen(self, early_data: bytes, enough: Signal) -> None:
        """Keep what the client sends while the provider is dialled; stop that if it leaves."""
        with suppress(Stopped):
            while (room := CHUNK - len(early_data)) > 0:
                if not (data := self.client.read(room, signal=enough)):
                    self.client_left.set()
                    break
                early_data += data
        self.client.unread = early_data

    def dial(
        self, asked: protocol.UpstreamRequest, trust: ssl.SSLContext, limits: protocol.Limits
    ) -> Dialled:
        """Ask one upstream after the other."""
        *others, last = protocol.attempts(asked)
        for request in others:
            try:
                return self.ask(request, trust, limits)
            except Refused as refused:
                if not protocol.may_fail_over(request, refused):
                    raise
        return self.ask(last, trust, limits)

    def ask(
        self, request: protocol.UpstreamRequest, trust: ssl.SSLContext, limits: protocol.Limits
    ) -> Dialled:
        """Connect to an upstream, and ask it for the upgrade."""
        host, port, secure = (
            request.origin.host,
            request.origin.port,
            request.origin.scheme == "wss",
        )
        until = now() + self.timeouts.connect
        try:
            link = Link(socket.create_connection((host, port), self.timeouts.connect))
            self.links.append(link)
            if secure:
                link.start_tls(trust, until, self.client_left, host)
        except Late:
            raise protocol.unreachable(TimeoutError()) from None
        except OSError as error:
            raise protocol.unreachable(error) from None
        peer = link.sock.getpeername()[0].partition("%")[0]
        if not (secure or ipaddress.ip_address(peer).is_loopback):
            request = request.overheard()
        handshake = protocol.UpstreamHandshake(request, os.urandom(16), limits)
        until = now() + self.timeouts.upstream
        try:
            with suppress(OSError):  # it may have answered all the same
                link.write(handshake.request_data(), until, self.client_left)
            while True:
                answer = handshake.receive_data(link.read(4096, until, self.client_left))
                if answer is not None:
                    link.unread = handshake.early_data
                    return link, request, answer
                if handshake.refused:
                    until = min(until, now() + FOR_THE_BODY)
        except Late:
            raise handshake.timed_out() from None

    def carry(self, inbound: Direction, outbound: Direction) -> None:
        """Carry both directions until the session has to end, and end it."""
        inbound.thread.start()
        outbound.thread.start()
        cause = self.watch(protocol.Watch(inbound, outbound, self.timeouts, now()))
        if (inbound.pipe.state, outbound.pipe.state) == (State.FAILED, State.OPEN):
            self.hear_out(inbound, outbound)
        patience = 0 if cause is closing.CLOSE_TIMEOUT else self.timeouts.close
        client_gone = inbound.pipe.state is State.CLOSED or cause is closing.CLIENT_STALLED
        gone = outbound.pipe.state is State.CLOSED or cause is closing.UPSTREAM_STALLED
        outbound.stop()
        inbound.stop()
        until = now() + patience
        outbound.join(0 if client_gone else patience)
        inbound.join(0 if gone else max(0, until - now()))
        end = protocol.ending(inbound.pipe, outbound.pipe, cause, os.urandom(4))
        until = now() + patience
        upstream = (outbound.source, end.upstream, outbound.pipe, until, True)
        ending = threading.Thread(target=self.end_leg, args=upstream, daemon=True)
        ending.start()
        self.end_leg(inbound.source, end.client, inbound.pipe, until)
        ending.join()

    def watch(self, watch: protocol.Watch) -> protocol.Cause:
        """Wait until the session has to end."""
        while not self.faulted:
            if (cause := watch.look(now(), self.ended, self.cause)) is not None:
                return cause
            self.changed.wait(max(0, watch.next_look - now()))
            self.changed.clear()
        return closing.FAULT  # whatever the peers did

    def hear_out(self, inbound: Direction, outbound: Direction) -> None:
        """Let the client have the answers to what it sent before it broke the protocol."""
        if frame := protocol.farewell(inbound.pipe, outbound.pipe, os.urandom(4)):
            until = now() + self.timeouts.close
            with suppress(OSError, Late):
                inbound.sink.write(frame, until)
                outbound.thread.join(max(0, until - now()))
            if outbound.pipe.state is not State.CLOSED:
                inbound.pipe.send_failed()  # told already, or beyond telling

    def end_leg(
        self, link: Link, leg: protocol.Leg, received: Pipe, until: float, is_server: bool = False
    ) -> None:
        """End one connection as the closing table says; ``received`` is what came from it."""
        if leg.reset:
            link.reset()
            return
        with suppress(OSError, Late):
            if leg.close is not None:
                link.write(leg.frame, until)
                while received.state is State.OPEN:  # the answering Close
                    received.receive_data(link.read(until=until))
            while is_server and received.state is State.CLOSING and link.read(until=until):
                pass  # RFC 6455 7.1.1: the server ends the connection first
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
        threading.Thread(target=self.accept, args=(listener, tls), daemon=True).start()
        return int(listener.getsockname()[1])

    def accept(self, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        with listener, suppress(Stopped):
            while True:
                wait(listener, select.POLLIN, math.inf, self.closing)
                session = Session(self, Link(listener.accept()[0]), tls)
                self.sessions.add(session)
                session.thread.start()

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
    relay.listen("127.0.0.1", 8080)
    try:
        threading.Event().wait()
    finally:
        relay.drain()


if __name__ == "__main__":
    main()
