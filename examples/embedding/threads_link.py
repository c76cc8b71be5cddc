"""A connection for threads, as threads_relay.py wants it: each wait has a deadline, and another
thread can end it; and one thread may read while another one writes. And how they are accepted.

Python's `ssl` does not allow that of one SSLSocket, so TLS is done in memory, under a lock.
"""

from __future__ import annotations

import logging
import math
import os
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress

CHUNK = 64 * 1024  # bytes that are read at a time
PAUSE = 0.1  # seconds after which clients are accepted again, if that has failed
log = logging.getLogger("relay")
_PEER_HAS_ENDED = getattr(select, "POLLRDHUP", 0)  # only Linux tells before all is read


class Late(TimeoutError):  # noqa: N818 - an outcome
    """A deadline has passed."""


class Stopped(Exception):  # noqa: N818 - an outcome
    """A thread is to wait no longer."""


class Signal:
    """Ends the waiting of a thread, once it is set."""

    events = select.POLLIN

    def __init__(self) -> None:
        self._descriptor, self._end = os.pipe()

    def set(self) -> None:
        os.write(self._end, b"!")

    def fileno(self) -> int:
        return self._descriptor

    def __del__(self) -> None:
        with suppress(AttributeError):  # there was no descriptor for it
            os.close(self._descriptor)
            os.close(self._end)


def wait(sock: socket.socket, events: int, until: float, signal: Signal | Link | None) -> None:
    """Wait for a socket, until a moment or a signal; raise Late or Stopped then."""
    poll = select.poll()
    poll.register(sock, events)
    if signal is not None:
        poll.register(signal, signal.events)
    ready = dict(poll.poll(None if until == math.inf else max(0, until - time.monotonic()) * 1000))
    if signal is not None and signal.fileno() in ready:
        raise Stopped
    if not ready:
        raise Late


class Link:
    """A connection, and the ways to end it. As a signal, it is set once its peer has ended it.

    ``until`` is the deadline, as :func:`time.monotonic` says.
    """

    events = _PEER_HAS_ENDED

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.unread = b""  # what was read too early
        self.tls: ssl.SSLObject | None = None
        self.encrypted, self.to_send = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.lock = threading.Lock()
        sock.setblocking(False)

    def fileno(self) -> int:
        return self.sock.fileno()

    def start_tls(
        self, tls: ssl.SSLContext, until: float, signal: Signal | Link | None, host: str | None
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
        self, most: int = CHUNK, until: float = math.inf, signal: Signal | Link | None = None
    ) -> bytes:
        """Read what is there; b"" once it has ended, in whatever way."""
        if self.unread:
            data, self.unread = self.unread[:most], self.unread[most:]
            return data
        try:
            if self.tls is None:
                return self._receive(most, until, signal)
            while True:
                with self.lock, suppress(ssl.SSLWantReadError):
                    return self.tls.read(most)
                self._feed(self._receive(CHUNK, until, signal))
        except Late:
            raise
        except OSError:
            return b""

    def write(
        self, data: bytes, until: float = math.inf, signal: Signal | Link | None = None
    ) -> None:
        """Write all, or raise OSError."""
        if self.tls is not None and data:
            with self.lock:
                self.tls.write(data)
                data = self.to_send.read()
        self._send(data, until, signal)

    def finish(self, until: float) -> None:
        """End our side, and wait for the peer to end its side.

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

    def _receive(self, most: int, until: float, signal: Signal | Link | None) -> bytes:
        wait(self.sock, select.POLLIN, until, signal)
        return self.sock.recv(most)

    def _feed(self, data: bytes) -> None:
        with self.lock:
            self.encrypted.write(data)
            if not data:
                self.encrypted.write_eof()

    def _send(self, data: bytes, until: float, signal: Signal | Link | None) -> None:
        rest = memoryview(data)
        while rest:
            wait(self.sock, select.POLLOUT, until, signal)
            rest = rest[self.sock.send(rest) :]


def accept(listener: socket.socket, begin: Callable[[Link], None], closing: Signal) -> None:
    """Begin a session with each client that connects, until the relay is closed."""
    with listener, suppress(Stopped):
        while True:
            wait(listener, select.POLLIN, math.inf, closing)
            try:
                sock = listener.accept()[0]
                try:
                    begin(Link(sock))
                except BaseException:
                    sock.close()
                    raise
            except ConnectionAbortedError:
                pass  # it has left again
            except (OSError, RuntimeError) as error:  # such as no descriptors, no threads
                log.warning("cannot accept clients: %s", error)
                with suppress(Late):
                    wait(listener, 0, time.monotonic() + PAUSE, closing)
