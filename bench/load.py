"""The load generator: a closed loop over some connections, one message under way on each."""

from __future__ import annotations

import select
import socket
import time
from dataclasses import dataclass

from bench.frames import frame_size, masked_frame

_HEAD = (
    "GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@dataclass
class Result:
    """What one run measured."""

    round_trips: int
    seconds: float
    latencies: list[float]
    """Of each round trip, in seconds, sorted."""

    def percentile(self, share: float) -> float:
        """A latency in microseconds."""
        return self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))] * 1e6


def _connect(port: int, target: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(_HEAD.format(target=target).encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        more = connection.recv(4096)
        if not more:
            raise ConnectionError("closed during the opening handshake")
        head += more
    if not head.startswith(b"HTTP/1.1 101 "):
        raise ConnectionError(f"no 101: {head.splitlines()[0]!r}")
    return connection


def run(port: int, target: str, connections: int, message_size: int, seconds: float) -> Result:
    """Measure round trips through one port.

    Args:
        port: On 127.0.0.1.
        target: The request's target.
        connections: How many.
        message_size: Payload of each message, in bytes.
        seconds: For how long.

    Raises:
        ConnectionError: A connection was refused or lost: no message may be.
    """
    frame = masked_frame(message_size)
    expected = frame_size(message_size, masked=False)
    poll = select.epoll()
    sockets = {}
    sent_at: dict[int, float] = {}
    left: dict[int, int] = {}
    for _ in range(connections):
        connection = _connect(port, target)
        sockets[connection.fileno()] = connection
        poll.register(connection.fileno(), select.EPOLLIN)
    latencies = []
    clock = time.perf_counter
    started = clock()
    until = started + seconds
    for number, connection in sockets.items():
        left[number] = expected
        sent_at[number] = clock()
        connection.sendall(frame)
    under_way = connections
    while under_way:
        for number, _event in poll.poll(10):
            data = sockets[number].recv(262144)
            if not data:
                raise ConnectionError("lost a connection")
            left[number] -= len(data)
            if left[number]:
                continue
            now = clock()
            latencies.append(now - sent_at[number])
            if now >= until:
                under_way -= 1
                continue
            left[number] = expected
            sent_at[number] = clock()
            sockets[number].sendall(frame)
    elapsed = clock() - started
    for connection in sockets.values():
        connection.close()
    poll.close()
    latencies.sort()
    return Result(len(latencies), elapsed, latencies)
