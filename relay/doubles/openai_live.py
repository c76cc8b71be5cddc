"""A double of OpenAI's Live API, ``/v1/live/sessions`` and what is below it.

The client speaks first: ``session.start`` names the model and is answered by ``session.started``, a
greeting in audio and transcript, and ``session.usage.updated``. Each ``session.input_audio.append``
is answered by its transcript, as much tone as audio came in, up to a second, and the usage so far:
**cumulative** seconds, not to be summed. ``session.close`` ends with ``session.closed`` and Close
1000. ``session.update``, ``session.input_audio.mute|unmute`` and
``session.instructions|thinking|commentary.append`` are acknowledged.

``{id}/attach`` joins a session that runs (a sideband): it gets the events of the session and the
audio that its client sends, and its commands enter the session, all but ``session.start`` and
``session.input_audio.append``. ``{id}/fork`` begins a new session with the configuration of one
that said ``store``: its ``session.start`` names no model.

Shapes: OpenAI's API reference and the types of its SDKs (``types.live``). Not confirmed: that a
sideband or a fork of an unknown session is refused with 404, and the error code of a command that
the connection may not send. Every sideband is closed gracefully, as if it had said
``graceful_close``.
"""

from __future__ import annotations

import functools
import secrets
import time
from collections.abc import Awaitable, Callable

from relay.doubles.messages import JsonObject, section, text
from relay.doubles.openai_live_session import Session
from relay.doubles.server import Closed, Connection

__all__ = ["converse", "fork", "sideband"]

Endpoint = Callable[[Connection], Awaitable[None]]

_MAX_STORED = 100

# By id, since a sideband or fork arrives on another connection than the session it belongs to.
_running: dict[str, Session] = {}
_stored: dict[str, JsonObject] = {}


async def converse(connection: Connection, provider: str = "OpenAI") -> None:
    """Play one session on an accepted connection."""
    await _play(connection, provider, None)


def sideband(session_id: str) -> Endpoint | None:
    """What plays a connection to the running session of that id, or None if there is no such."""
    session = _running.get(session_id)
    if session is None:
        return None
    return functools.partial(session.follow, handle=session.take_from_sideband)


def fork(session_id: str) -> Endpoint | None:
    """What plays a fork of the stored session of that id, or None if there is no such."""
    stored = _stored.get(session_id)
    if stored is None:
        return None
    return functools.partial(_play, provider="OpenAI", inherited=stored)


async def _play(connection: Connection, provider: str, inherited: JsonObject | None) -> None:
    session = Session(provider, connection)

    async def handle(event: JsonObject | None) -> None:
        if event is not None and text(event, "type") == "session.start" and not session.id:
            await _start(session, event, inherited)
        else:
            await session.take(event)

    try:
        await session.follow(connection, handle)
    except Closed:
        await session.end("connection_lost", None)
        raise
    finally:
        _running.pop(session.id, None)


async def _start(session: Session, event: JsonObject, inherited: JsonObject | None) -> None:
    wanted = section(event, "session")
    if inherited is None and not text(wanted, "model"):
        message = "Missing required parameter: 'session.model'"
        await session.send_error(event, "missing_required_parameter", message)
        return
    if inherited is not None and "model" in wanted:
        message = "Unknown parameter: 'session.model'"
        await session.send_error(event, "unknown_parameter", message)
        return
    session_id = f"live_{secrets.token_hex(8)}"
    config: JsonObject = {
        **(inherited or {}),
        **wanted,
        "id": session_id,
        "expires_at": int(time.time()) + 3600,
        "status": "active",
    }
    _running[session_id] = session
    if config.get("store") is True:
        _stored[session_id] = config
        if len(_stored) > _MAX_STORED:
            del _stored[next(iter(_stored))]
    await session.start(event, config)
