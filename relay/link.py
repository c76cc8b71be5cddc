"""A connection, over whatever stream: read without surprises, and ended in the right way."""

from __future__ import annotations

import socket
import struct
from contextlib import suppress

import trio

from relay.protocol import Address, parse_address
from relay.socket_stream import SocketStream

__all__ = [
    "CHUNK",
    "close",
    "complete_tls",
    "detect_dead_peer",
    "finish_sending",
    "is_private_path",
    "next_chunk",
    "peer_address",
    "receive",
    "reset",
    "was_reset",
]

CHUNK = 72 * 1024
"""Bytes that are read at a time, at most: a message of 64 KiB, header and all, is one read, and a
session holds one chunk in each direction, at most."""
_SMALL_CHUNK = 4 * 1024
_TINY_FRAMES = 16
"""Bytes on average, and less: then looking at them is what costs."""

_PROBE_AFTER = 30
"""Seconds of silence: half of the minute after which the less patient NATs forget a connection."""
_PROBE_EVERY = 10
_BEYOND_WRITE_TIMEOUT = 30
"""Seconds that the system waits longer than we do; see :func:`detect_dead_peer`."""
_LONGEST_USER_TIMEOUT = 2**31 - 1  # milliseconds


def _transport(stream: trio.abc.Stream) -> trio.abc.Stream:
    """The stream under TLS, if there is TLS."""
    return stream.transport_stream if isinstance(stream, trio.SSLStream) else stream


async def receive(stream: trio.abc.ReceiveStream, max_bytes: int = CHUNK) -> bytes:
    """Read what is there. A connection that broke has ended, as one that was closed has."""
    try:
        return bytes(await stream.receive_some(max_bytes))
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        return b""


def was_reset(error: BaseException | None) -> bool:
    """Whether a connection broke because its peer reset it, below TLS, too."""
    return error is not None and (
        isinstance(error, ConnectionResetError) or was_reset(error.__cause__)
    )


def next_chunk(frames: int, size: int) -> int:
    """How many bytes to read next, at most, after ``size`` bytes that held so many frames.

    A session may take its turn; but with thousands of frames it would take so long that others
    notice.
    """
    return _SMALL_CHUNK if frames * _TINY_FRAMES > size else CHUNK


async def complete_tls(stream: trio.abc.Stream) -> bool:
    """Do the TLS handshake of a socket, if there is TLS on it; return whether there is.

    If it fails, that is found again by whoever reads.
    """
    if not isinstance(stream, SocketStream) or not stream.has_tls:
        return False
    with suppress(trio.BrokenResourceError):
        await stream.do_handshake()
    return True


async def close(stream: trio.abc.Stream) -> None:
    """Close a connection now, whatever is still under way."""
    transport = _transport(stream)
    if isinstance(transport, SocketStream):
        transport.close()  # as below, without a turn of Trio's
    else:
        await trio.aclose_forcefully(transport)


async def finish_sending(stream: trio.abc.Stream) -> None:
    """Say that nothing more is coming, wait until the peer has ended its side, too, and close.

    Closing a connection while bytes of the peer are unread, or still under way, resets it, and a
    reset can overtake the last thing we said. The caller brings the deadline.
    """
    transport = _transport(stream)
    try:
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            if isinstance(stream, trio.SSLStream):
                await stream.unwrap()  # sends close_notify and waits for the peer's
                return
            if isinstance(stream, trio.abc.HalfCloseableStream):
                await stream.send_eof()
            if isinstance(stream, SocketStream):
                await stream.drain()
                return
        while await receive(transport):
            pass
    finally:
        await close(transport)  # an unwrapped SSLStream would leave it open


async def reset(stream: trio.abc.Stream) -> None:
    """End a connection so that the peer cannot take it for an orderly end (RST)."""
    transport = _transport(stream)
    sock = _socket(stream)
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if isinstance(transport, SocketStream):
        transport.mark_broken()  # no close_notify either
    await close(transport)


def _socket(stream: trio.abc.Stream) -> socket.socket | trio.socket.SocketType | None:
    """The socket under a stream, if there is one."""
    transport = _transport(stream)
    return transport.socket if isinstance(transport, trio.SocketStream | SocketStream) else None


def detect_dead_peer(stream: trio.abc.Stream, write_timeout: float) -> None:
    """Have the system end a TCP connection whose peer is gone without a word. Linux only.

    Probes find a peer that is gone while nothing is sent. What is sent and not acknowledged would
    be tried again for a quarter of an hour; the user timeout (RFC 5482) ends that, and decides how
    many probes go unanswered. It also ends a connection on which a living peer reads nothing, which
    ``write_timeout`` is for: that comes first, because it tells the other side why.

    Args:
        stream: An open connection; one that is not TCP is left as it is.
        write_timeout: In seconds.
    """
    sock = _socket(stream)
    if (
        sock is None
        or sock.family not in {socket.AF_INET, socket.AF_INET6}
        or not hasattr(socket, "TCP_USER_TIMEOUT")
    ):
        return
    patience = int(min((write_timeout + _BEYOND_WRITE_TIMEOUT) * 1000, _LONGEST_USER_TIMEOUT))
    with suppress(OSError):  # it is gone already
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _PROBE_AFTER)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _PROBE_EVERY)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, patience)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


def peer_address(stream: trio.abc.Stream) -> Address | None:
    """The peer's IP address; None where there is none (a Unix socket, memory).

    Raises:
        OSError: It is gone already, and nobody knows who it was.
    """
    sock = _socket(stream)
    name = None if sock is None else sock.getpeername()
    return parse_address(name[0]) if isinstance(name, tuple) else None


def is_private_path(stream: trio.abc.Stream) -> bool:
    """Whether nobody between us and the peer can read what is sent: TLS, or this machine.

    Only then may the client's masking keys be passed on: they protect intermediaries that see the
    bytes in the clear (RFC 6455 5.3, 10.3).
    """
    if isinstance(stream, trio.SSLStream) or (isinstance(stream, SocketStream) and stream.has_tls):
        return True
    try:
        address = peer_address(stream)
    except OSError:
        return True  # gone already
    return address is None or address.is_loopback
