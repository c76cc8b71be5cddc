"""Hearing the end of a response whose client has gone, so that its usage is known.

Providers state what a response used at its end. What they say until then is read, metered and
discarded, a chunk at a time; their Pings are answered, or they would give up.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

import trio

from relay.link import CHUNK, next_chunk, receive
from relay.protocol import PONG, Pings, Pipe, control_frame

__all__ = ["linger"]


async def linger(
    upstream: trio.abc.Stream,
    inbound: Pipe,
    outbound: Pipe,
    pings: Pings,
    is_answering: Callable[[], bool],
    idle_timeout: float,
) -> None:
    """Read and discard what the provider says, while that is the rest of a response.

    The caller brings the deadline.

    Args:
        upstream: The provider's connection.
        inbound: The client's direction, which has ended.
        outbound: The provider's direction.
        pings: Those to the client, which nobody else will answer.
        is_answering: Whether the response still runs.
        idle_timeout: Seconds of silence, after which it is not expected to go on.
    """
    chunk = CHUNK
    while is_answering():
        await _answer(upstream, inbound, pings)
        with trio.move_on_after(idle_timeout) as silence:
            data = await receive(upstream, outbound.most_at_once(chunk))
        if silence.cancelled_caught:
            return
        before = outbound.frames
        outbound.receive_data(data)
        chunk = next_chunk(outbound.frames - before, len(data))


async def _answer(upstream: trio.abc.SendStream, inbound: Pipe, pings: Pings) -> None:
    """Answer the newest Ping, if it is unanswered: that is enough (RFC 6455 5.5.3)."""
    payload = pings.owed
    if payload is None or not inbound.can_inject:
        return
    pings.received(payload)
    sent = False
    try:
        await upstream.send_all(control_frame(PONG, payload, secrets.token_bytes(4)))
        sent = True
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        pass  # what there still is to read is read
    finally:
        if not sent:
            inbound.send_failed()  # also if it was cancelled: an unknown part of it is out
