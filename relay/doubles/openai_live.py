"""A double of OpenAI's Live API, ``/v1/live/sessions``.

The client speaks first: ``session.start`` names the model and is answered by ``session.started``, a
greeting in audio and transcript, and ``session.usage.updated``. Each ``session.input_audio.append``
is answered by its transcript, as much tone as audio came in, up to a second, and the usage so far:
**cumulative** seconds, not to be summed. ``session.close`` ends with ``session.closed`` and Close
1000. ``session.update``, ``session.input_audio.mute|unmute`` and
``session.instructions|thinking|commentary.append`` are acknowledged.

Shapes: OpenAI's API reference and the types of its SDKs (``types.live``). Sideband connections and
forks are not played.
"""

from __future__ import annotations

import itertools
import secrets
import time

from relay.doubles.audio import pieces, seconds_of, to_base64, tone
from relay.doubles.messages import JsonObject, decoded, parse, reply, section, send, text
from relay.doubles.openai_conversation import SAMPLE_RATE
from relay.doubles.server import Connection

__all__ = ["converse"]

_UPDATABLE = frozenset({"delegation", "triggers"})
_ACKNOWLEDGED = {
    "session.input_audio.mute": "session.input_audio.muted",
    "session.input_audio.unmute": "session.input_audio.unmuted",
}
_APPENDED = {
    "session.instructions.append": "session.instructions.appended",
    "session.thinking.append": "session.thinking.appended",
    "session.commentary.append": "session.commentary.appended",
}


async def converse(connection: Connection) -> None:
    """Play one session on an accepted connection."""
    await _Session(connection).run()


class _Session:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._config: JsonObject = {}  # empty until session.start
        self._seconds = 0.0
        self._numbers = itertools.count(1)

    async def run(self) -> None:
        while True:
            event = parse(await self._connection.receive())
            name = text(event, "type")
            if event is None:
                await self._send_error(None, "invalid_json", "Not a JSON object")
            elif name == "session.start":
                await self._start(event)
            elif not self._config:
                await self._send_error(event, "session_not_started", "Send session.start first")
            elif name == "session.close":
                end = {"session": self._config, "usage": self._usage()}
                await self._send("session.closed", event, reason="close_requested", **end)
                await self._connection.close()
                return
            else:
                await self._handle(name, event)

    async def _start(self, event: JsonObject) -> None:
        wanted = section(event, "session")
        if self._config:
            await self._send_error(event, "session_already_started", "The session has started")
            return
        if not text(wanted, "model"):
            message = "Missing required parameter: 'session.model'"
            await self._send_error(event, "missing_required_parameter", message)
            return
        self._config = {
            **wanted,
            "id": f"live_{secrets.token_hex(8)}",
            "expires_at": int(time.time()) + 3600,
            "status": "active",
        }
        await self._send("session.started", event, session=self._config)
        await self._speak("".join(reply("OpenAI", text(wanted, "instructions"))), 0.6)
        await self._report(event)

    async def _handle(self, name: str, event: JsonObject) -> None:
        if name == "session.input_audio.append":
            await self._hear(event)
        elif name == "session.update":
            changes = section(event, "session")
            self._config |= {name: changes[name] for name in changes.keys() & _UPDATABLE}
            await self._send("session.updated", event, session=self._config)
        elif name in _ACKNOWLEDGED:
            await self._send(_ACKNOWLEDGED[name], event)
        elif name in _APPENDED:
            now = round(self._seconds * 1000)
            await self._send(_APPENDED[name], event, start_ms=now, end_ms=now)
        else:
            await self._send_error(event, "invalid_value", "No client event of a Live session")

    async def _hear(self, event: JsonObject) -> None:
        audio = decoded(event, "audio")
        if audio is None:
            await self._send_error(event, "invalid_value", "The audio is not base64")
            return
        seconds = seconds_of(len(audio), SAMPLE_RATE)
        words = f"{seconds:.1f} seconds of audio "
        now = round(self._seconds * 1000)
        where = {"start_ms": now, "end_ms": now + round(seconds * 1000)}
        await self._send("session.input_transcript.delta", None, delta=words, **where)
        await self._speak(words, min(seconds, 1.0))
        await self._report(None)

    async def _speak(self, words: str, seconds: float) -> None:
        start = round(self._seconds * 1000)
        for piece in pieces(tone(SAMPLE_RATE, seconds), SAMPLE_RATE):
            delta = to_base64(piece)  # in the one server event without an event_id
            await send(self._connection, {"type": "session.output_audio.delta", "delta": delta})
        self._seconds += seconds
        where = {"start_ms": start, "end_ms": round(self._seconds * 1000)}
        await self._send("session.output_transcript.delta", None, delta=words, **where)

    async def _report(self, event: JsonObject | None) -> None:
        await self._send("session.usage.updated", event, usage=self._usage())

    def _usage(self) -> JsonObject:
        return {"seconds": round(self._seconds, 3)}

    async def _send(self, name: str, cause: JsonObject | None, **members: object) -> None:
        """Send a server event, and name the client event that caused it if that had an id."""
        document = {"type": name, "event_id": f"event_{next(self._numbers)}", **members}
        client_event_id = text(cause, "event_id")
        if client_event_id:
            document["client_event_id"] = client_event_id
        await send(self._connection, document)

    async def _send_error(self, event: JsonObject | None, code: str, message: str) -> None:
        error = {"type": "invalid_request_error", "code": code, "message": message}
        await self._send("error", event, error=error)
