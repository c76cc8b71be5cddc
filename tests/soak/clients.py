"""One client's part of a session, and how it ended for the client."""

from __future__ import annotations

import socket
import ssl
import struct
from dataclasses import dataclass

import trio

from relay.testing.frames import Frame
from tests.soak import client as raw
from tests.soak.client import CLOSE, TEXT, Ended, upgrade
from tests.soak.plan import FAULTS, Client, Session

__all__ = ["GONE", "STUCK", "Relay", "live"]

GONE = "left"
"""The client went away, and cannot know."""
STUCK = "stuck"
"""The session did not end."""
_DEADLINE = 90.0
_STALL = 13.0  # seconds: until the relay's idle timeout, and its close timeout after that
_PIECE = 16
_UPDATE = Frame(TEXT, b'{"type": "session.update", "session": {"type": "realtime"}}')
_VIOLATIONS = (
    Frame(0x3, b"reserved opcode").encode(bytes(4)),
    Frame(TEXT, b"not masked").encode(),
    Frame(CLOSE, b"\x03\xed").encode(bytes(4)),  # 1005
    Frame(0x2, b"", missing=2 * 1024 * 1024).encode(bytes(4)),
    Frame(0x0, b"continuation of nothing").encode(bytes(4)),
)


@dataclass(frozen=True, slots=True)
class Relay:
    """Where the relay is, and how it is trusted."""

    http_port: int
    https_port: int
    trust: ssl.SSLContext
    token: str


async def live(session: Session, relay: Relay) -> str:
    """Live a session; how it ended."""
    with trio.move_on_after(_DEADLINE):
        try:
            return await _live(session, relay)
        except Ended as ended:
            return str(ended)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return GONE
    return STUCK


async def _live(session: Session, relay: Relay) -> str:
    port = relay.https_port if session.client_tls else relay.http_port
    tcp = await trio.open_tcp_stream("127.0.0.1", port)
    stream: trio.abc.Stream = tcp
    try:
        if session.client is Client.STALLS:
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        if session.client is Client.SILENT and session.number % 2:
            return GONE
        if session.client_tls:
            stream = trio.SSLStream(
                tcp, relay.trust, server_hostname="localhost", https_compatible=True
            )
            await stream.do_handshake()
        return await _behave(session, relay, tcp, raw.Client(stream))
    finally:
        await trio.aclose_forcefully(tcp)


async def _behave(
    session: Session, relay: Relay, tcp: trio.SocketStream, client: raw.Client
) -> str:
    who, token = session.client, relay.token
    if who is Client.SILENT:
        return GONE
    if who is Client.WRONG_TOKEN:
        token = "rly_" + "x" * 43
    provider = f"p{FAULTS.index(session.fault)}-{'tls' if session.upstream_tls else 'tcp'}"
    request = upgrade(
        f"/v1/acct/{session.lane}/{provider}?model=m", f"cf-aig-authorization: {token}"
    )
    if who is Client.PARTIAL:
        await client.send(request[: len(request) // 2])
        return GONE
    early = _UPDATE.encode(b"abcd") if who is Client.EARLY else b""
    await client.send(request + early)
    if who is Client.QUITS:
        await trio.sleep(session.number % 5 / 1000)
        return GONE
    await client.accepted()
    if who is Client.STALLS:
        await trio.sleep(_STALL)
        return await client.ending()
    if who in {Client.LEAVES, Client.RESETS}:
        frame = _UPDATE.encode(b"abcd")
        await client.send(frame[: len(frame) // 2])
        if who is Client.RESETS:
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return GONE
    if who is Client.VIOLATES:
        await client.send(_VIOLATIONS[session.number % len(_VIOLATIONS)])
        return await client.silent_ending()
    return await _converse(client, who)


async def _converse(client: raw.Client, who: Client) -> str:
    """Ask for one more message than the provider sends by itself, and close."""
    while True:
        message = await client.message()
        if b"session.created" in message and who is Client.SLOW:
            frame = _UPDATE.encode(b"abcd")
            for start in range(0, len(frame), _PIECE):
                await client.send(frame[start : start + _PIECE])
                await trio.sleep(0.001)
        elif b"session.created" in message and who is Client.ORDERLY:
            await client.send_frames(_UPDATE)
        elif b"session.updated" in message or len(message) == 65536:
            return await client.close(1000)
        elif b"\xff" in message:
            return await client.close(1007)
