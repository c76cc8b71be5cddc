"""Connections on real sockets, and a reactor that serves them."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio
from trio.testing import wait_all_tasks_blocked

from relay.drivers.reactor import Reactor
from relay.socket_stream import SocketStream
from tests.certificates import client_context, server_context

__all__ = [
    "open_descriptors",
    "received_now",
    "reset",
    "running_reactor",
    "settle",
    "shake_hands",
    "tcp_pair",
    "tls_pair",
    "unix_pair",
]

_SERVER_TLS = server_context("relay.test")


def open_descriptors() -> int:
    """How many this process has open."""
    return len(os.listdir("/proc/self/fd"))


def unix_pair(buffer: int | None = None) -> tuple[SocketStream, SocketStream]:
    """Both ends of a connection on which what is written is there at once.

    Args:
        buffer: SO_SNDBUF of both ends in bytes; the kernel has a minimum.
    """
    ours, theirs = socket.socketpair()
    return _stream(ours, buffer), _stream(theirs, buffer)


def tcp_pair() -> tuple[SocketStream, SocketStream]:
    """Both ends of a TCP connection, which can be reset."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        theirs = socket.create_connection(listener.getsockname())
        ours, _ = listener.accept()
    return _stream(ours, None), _stream(theirs, None)


def _stream(sock: socket.socket, buffer: int | None) -> SocketStream:
    sock.setblocking(False)
    if buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
    return SocketStream(sock)


async def shake_hands(server: SocketStream, client: SocketStream) -> None:
    """Put TLS on a connection."""
    server.start_tls(_SERVER_TLS, server_side=True)
    client.start_tls(client_context(), server_hostname="relay.test")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.do_handshake)
        nursery.start_soon(client.do_handshake)


async def tls_pair(buffer: int | None = None) -> tuple[SocketStream, SocketStream]:
    """Both ends of a connection with TLS, the server's first."""
    ours, theirs = unix_pair(buffer)
    await shake_hands(ours, theirs)
    return ours, theirs


def reset(stream: SocketStream) -> None:
    """Break a TCP connection off."""
    stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.socket.close()


def received_now(stream: SocketStream) -> bytes:
    """What has come, read while nothing else runs."""
    received = b""
    while True:
        try:
            data = stream.socket.recv(65536)
        except OSError:  # nothing more yet
            return received
        if not data:
            return received
        received += data


@asynccontextmanager
async def running_reactor() -> AsyncIterator[Reactor]:
    """A reactor that serves while the block runs; no port may be left in it."""
    reactor = Reactor()
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(reactor.run)
            yield reactor
            nursery.cancel_scope.cancel()
        assert not reactor._ports
    finally:
        reactor.close()


async def settle(reactor: Reactor) -> None:
    """Let everything happen that happens by itself; it must come to an end."""
    for _ in range(2000):
        await trio.lowlevel.checkpoint()
        if not reactor._epoll.poll(0):
            await wait_all_tasks_blocked()
            if not reactor._epoll.poll(0):
                return
    raise AssertionError("the reactor spins")
