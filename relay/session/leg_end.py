"""The end of one leg: its last Close, the one that answers, and the end of its connection."""

from __future__ import annotations

import structlog
import trio

from relay.link import finish_sending, receive, reset
from relay.log import log_fault
from relay.protocol import Leg, Pipe, State

__all__ = ["end_leg"]


async def end_leg(
    stream: trio.abc.Stream,
    leg: Leg,
    received: Pipe,
    patience: float,
    log: structlog.typing.FilteringBoundLogger,
    *,
    is_server: bool = False,
) -> None:
    """End a connection. A fault is logged: the other side is still told.

    Args:
        stream: The connection.
        leg: What is still to be sent on it, as the closing table says.
        received: What its peer sends.
        patience: Seconds for all of it.
        log: Says which session it is about.
        is_server: Whether its peer is the server, the provider.
    """
    try:
        if leg.reset:
            await reset(stream)
            return
        with trio.move_on_after(patience):
            await _say(stream, leg, received)
            if is_server and received.state is State.CLOSING:
                while await receive(stream):  # RFC 6455 7.1.1: a client waits for the server
                    pass
            elif received.state in {State.CLOSING, State.WITHHELD, State.FAILED}:
                await finish_sending(stream)
            await stream.aclose()
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
