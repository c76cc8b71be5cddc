"""Running an example through the relay, as any client would."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

import trio

from relay.client import (
    ClientConnection,
    Closed,
    OpeningFailed,
    Rejected,
    Traffic,
    open_websocket,
    read_rejection,
    split_url,
)
from relay.demo.examples import Example, JsonObject
from relay.demo.world import World
from relay.printable import printable
from relay.tls import client_context

__all__ = ["DEADLINE", "Progress", "State", "converse"]

DEADLINE = 20.0
"""Seconds for a whole conversation."""


class State(Enum):
    """How far a conversation has got."""

    WAITING = "waiting"
    OPENING = "opening"
    OPEN = "open"
    DONE = "done"
    FAILED = "failed"


@dataclass
class Progress:
    """What is known of a conversation; it changes as the conversation goes on."""

    provider: str
    authentication: str = ""
    """Where the gateway token stands: in a ``header``, or a subprotocol ``entry``."""
    state: State = State.WAITING
    opened_after: float | None = None
    """Seconds from the first packet to the 101."""
    output_after: float | None = None
    """Seconds from the client's first message to the first audio or token."""
    sent: Traffic = field(default_factory=Traffic)
    received: Traffic = field(default_factory=Traffic)
    usage: str = ""
    """What the provider bills, in words."""
    close_code: int | None = None
    """Of the Close that came back."""
    failure: str = ""
    """Why it failed."""


class _Failed(Exception):  # noqa: N818 - an outcome
    """The conversation did not go as it should; the message says why."""


async def converse(
    example: Example, world: World, progress: Progress, changed: Callable[[], None]
) -> None:
    """Run an example over TLS, through the relay.

    Args:
        example: What to say, and what to wait for.
        world: Where.
        progress: Kept up to date, its failure included; nothing is raised.
        changed: Called when there is something new to show.
    """
    try:
        with trio.fail_after(DEADLINE):
            await _converse(example, world, progress, changed)
        progress.state = State.DONE
    except (_Failed, OpeningFailed) as error:
        progress.failure = printable(str(error))
    except Rejected as rejected:
        read = read_rejection(rejected)
        progress.failure = printable(f"{rejected.status} from {read.source}: {read.message}")
    except Closed as closed:
        progress.failure = printable(f"closed with {closed.code} {closed.reason}".rstrip())
    except trio.TooSlowError:
        progress.failure = f"not done after {DEADLINE:.0f} s"
    except (OSError, trio.BrokenResourceError) as error:
        progress.failure = f"no connection: {error.__cause__ or error}"
    if progress.failure:
        progress.state = State.FAILED
    changed()


async def _converse(
    example: Example, world: World, progress: Progress, changed: Callable[[], None]
) -> None:
    progress.state = State.OPENING
    changed()
    opening = example.opening(world.token, world.keys[example.provider])
    url = split_url(f"{world.secure_url}/{opening.resource}")
    began = trio.current_time()
    stream = await trio.open_ssl_over_tcp_stream(
        url.host, url.port, ssl_context=client_context(world.ca), https_compatible=True
    )
    async with stream:
        await stream.do_handshake()
        connection = await open_websocket(
            stream,
            url.authority,
            url.target,
            fields=opening.fields,
            subprotocols=opening.subprotocols,
        )
        progress.state, progress.opened_after = State.OPEN, trio.current_time() - began
        progress.sent, progress.received = connection.sent, connection.received
        changed()
        try:
            await _talk(example, connection, progress, changed)
        finally:
            closed = await connection.close(1000)
        progress.close_code = closed.code
        if closed.code != 1000:
            raise closed


async def _talk(
    example: Example,
    connection: ClientConnection,
    progress: Progress,
    changed: Callable[[], None],
) -> None:
    """Say what the example says, until its last message has come."""
    await connection.send(json.dumps(example.message))
    said_at = trio.current_time()
    if example.billed:
        progress.usage = f"{len(str(example.message[example.billed]))} chars"
    while True:
        event = _parse(await connection.receive())
        names = _names(event)
        if "error" in names:
            raise _Failed(f"the provider reports an error: {json.dumps(event)[:200]}")
        if example.output in names and progress.output_after is None:
            progress.output_after = trio.current_time() - said_at
        if example.answer is not None and example.cue in names:
            await connection.send(json.dumps(example.answer))
            said_at = trio.current_time()
        progress.usage = _tokens(event) or progress.usage
        if progress.output_after is not None:  # nothing is timed any more that drawing could delay
            changed()
        if example.last in names:
            return


def _parse(message: str | bytes) -> JsonObject:
    """A message of the provider; Google's JSON comes in binary ones."""
    try:
        event = json.loads(message)
    except ValueError:
        event = None
    if not isinstance(event, dict):
        raise _Failed("the provider sent a message that is no JSON object")
    return event


def _names(event: JsonObject) -> set[str]:
    """What an event is: its ``type``, or, with Google, the names of its members."""
    content = event.get("serverContent")
    return {str(event.get("type")), *event, *(content if isinstance(content, dict) else ())}


def _tokens(event: JsonObject) -> str:
    """The tokens that an event reports; empty if it reports none."""
    response = event.get("response")
    usage = response.get("usage") if isinstance(response, dict) else event.get("usageMetadata")
    if not isinstance(usage, dict):
        return ""
    read = usage.get("input_tokens", usage.get("promptTokenCount", 0))
    written = usage.get("output_tokens", usage.get("responseTokenCount", 0))
    return f"{read}+{written} tokens"
