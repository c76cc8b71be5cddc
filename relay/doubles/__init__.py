"""Doubles of the providers: servers that speak their realtime WebSocket protocols, without them.

People develop against these without keys, ``relay demo`` puts them behind the relay, and so do its
end-to-end tests. A double reads what the client sent and answers as the provider would: a real
tone where audio belongs, the provider's own events, errors, refusals and closes. Nothing is
understood, and nothing leaves the machine.

A double refuses, with 400 and ``{"error": "leak: ..."}``, any request that carries something which
belongs between client and relay (``leaks.py``), so that a leak shows in whatever uses a double.
Any double can be made to misbehave by a fault (``faults.py``).
"""

from __future__ import annotations

import functools
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import trio

from relay.doubles import (
    assemblyai,
    azure_openai,
    cartesia,
    deepgram,
    elevenlabs,
    fal,
    google,
    google_vertex,
    hume,
    inworld,
    mistral,
    openai,
    speechmatics,
    workers_ai,
    xai,
)
from relay.doubles.faults import FAULTS, parse_fault
from relay.doubles.faulty_stream import Fault, FaultyStream
from relay.doubles.leaks import leaked_slot
from relay.doubles.messages import refuse
from relay.doubles.opening import Request
from relay.doubles.server import Closed, Connection, serve_connection

__all__ = [
    "DOUBLES",
    "FAULTS",
    "Closed",
    "Connection",
    "Double",
    "Fault",
    "FaultyStream",
    "Request",
    "parse_fault",
    "serve_connection",
    "serve_double",
    "serve_stream",
]


@dataclass(frozen=True)
class Double:
    """One provider's double: ``serve`` plays a whole connection, for clients that know the key."""

    provider: str
    serve: Callable[[Connection, str], Awaitable[None]]
    own_fields: frozenset[bytes] = frozenset()
    """Field lines of the provider's own that bear the name of one of the relay's."""


DOUBLES: Mapping[str, Double] = MappingProxyType(
    {
        double.provider: double
        for double in (
            Double("openai", openai.serve),
            Double("azure-openai", azure_openai.serve),
            Double("google", google.serve),
            Double("google-vertex-ai", google_vertex.serve),
            Double("cartesia", cartesia.serve),
            Double("elevenlabs", elevenlabs.serve),
            Double("deepgram", deepgram.serve),
            Double("fal", fal.serve),
            Double("xai", xai.serve),
            Double("assemblyai", assemblyai.serve),
            Double("hume", hume.serve),
            Double("mistral", mistral.serve),
            Double("speechmatics", speechmatics.serve),
            Double("inworld", inworld.serve),
            Double("workers-ai", workers_ai.serve, frozenset({b"cf-aig-authorization"})),
        )
    }
)


async def serve_stream(
    provider: str,
    key: str,
    stream: trio.abc.Stream,
    *,
    observe: Callable[[Request], None] | None = None,
    fault: Fault | None = None,
) -> None:
    """Be ``provider`` on one stream until the connection has ended; see ``serve_double``."""
    double = DOUBLES[provider]

    async def handle(connection: Connection) -> None:
        if observe is not None:
            observe(connection.request)
        slot = leaked_slot(connection.request, double.own_fields)
        if slot is not None:
            await refuse(connection, 400, {"error": f"leak: {slot}"})
        else:
            await double.serve(connection, key)

    await serve_connection(stream if fault is None else FaultyStream(stream, fault), handle)


async def serve_double(
    provider: str,
    key: str,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    ssl_context: ssl.SSLContext | None = None,
    observe: Callable[[Request], None] | None = None,
    fault: Fault | None = None,
    task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Be ``provider``, a key of ``DOUBLES``, on a TCP port until cancelled.

    ``key`` is the one credential the double accepts. With ``ssl_context`` it speaks TLS.
    ``observe`` is called with each opening handshake that arrived, before it is judged. ``fault``
    strikes on each connection that the double accepts (``faults.py``). Port 0 takes a free one;
    ``task_status`` reports it once the port is bound.

    Raises:
        KeyError: there is no such double.
        OSError: the port cannot be bound.
    """
    handler = functools.partial(
        serve_stream, DOUBLES[provider].provider, key, observe=observe, fault=fault
    )
    listeners = await trio.open_tcp_listeners(port, host=host)
    task_status.started(int(listeners[0].socket.getsockname()[1]))
    if ssl_context is None:
        await trio.serve_listeners(handler, listeners)
    else:
        await trio.serve_listeners(
            handler, [trio.SSLListener(listener, ssl_context) for listener in listeners]
        )
