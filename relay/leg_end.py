"""The end of one leg: its last Close, the one that answers, and the end of its connection."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog
import trio

from relay.link import finish_sending, receive, reset
from relay.log import log_fault
from relay.protocol import Leg, Pipe, State

__all__ = ["end_client", "end_upstream"]

_Log = structlog.typing.FilteringBoundLogger


async def end_client(
    client: trio.abc.Stream, leg: Leg, inbound: Pipe, patience: float, log: _Log
) -> None:
    """End the client's connection. A fault is logged: the other side is still told.

    Args:
        client: The connection.
        leg: What is still to be sent, as the closing table says.
        inbound: What the client sends.
        patience: Seconds for all of it.
        log: Says which session it is about.
    """

    async def end() -> None:
        await _say(client, leg, inbound)
        if inbound.state in {State.CLOSING, State.WITHHELD, State.FAILED}:
            await finish_sending(client)
        await client.aclose()

    await _end(client, leg, end, patience, log)


async def end_upstream(
    upstream: trio.abc.Stream, leg: Leg, outbound: Pipe, patience: float, log: _Log
) -> None:
    """End the provider's connection, likewise.

    Args:
        upstream: The connection.
        leg: What is still to be sent, as the closing table says.
        outbound: What the provider sends.
        patience: Seconds for all of it.
        log: Says which session it is about.
    """

    async def end() -> None:
        await _say(upstream, leg, outbound)
        if outbound.state is State.FAILED:
            await finish_sending(upstream)
        elif outbound.state is State.CLOSING:
            while await receive(upstream):  # RFC 6455 7.1.1: a client waits for the server
                pass
        await upstream.aclose()

    await _end(upstream, leg, end, patience, log)


async def _end(
    stream: trio.abc.Stream,
    leg: Leg,
    end: Callable[[], Awaitable[None]],
    patience: float,
    log: _Log,
) -> None:
    try:
        if leg.reset:
            await reset(stream)
            return
        with trio.move_on_after(patience):
            await end()
    except Exception as error:  # noqa: BLE001 - the fence
        log_fault(log, error)


async def _say(stream: trio.abc.Stream, leg: Leg, received: Pipe) -> None:
    """Send the Close that is still to be sent, and wait for the one that answers what was said."""
    if leg.close is None:
        return
    try:
        await stream.send_all(leg.frame)
    except trio.BrokenResourceError:
        return
    while received.state is State.OPEN:
        received.receive_data(await receive(stream))
