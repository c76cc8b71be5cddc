"""One session of OpenAI's Live API, which one connection owns and sidebands may follow."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Awaitable, Callable

import trio

from relay.doubles.audio import pieces, seconds_of, to_base64, tone
from relay.doubles.messages import JsonObject, decoded, parse, reply, section, send, text
from relay.doubles.openai_conversation import SAMPLE_RATE
from relay.doubles.server import Closed, Connection

__all__ = ["Session"]

_UPDATABLE = frozenset({"delegation", "triggers"})
_NOT_OF_SIDEBANDS = frozenset({"session.start", "session.input_audio.append"})
_ACKNOWLEDGED = {
    "session.input_audio.mute": "session.input_audio.muted",
    "session.input_audio.unmute": "session.input_audio.unmuted",
}
_APPENDED = {
    "session.instructions.append": "session.instructions.appended",
    "session.thinking.append": "session.thinking.appended",
    "session.commentary.append": "session.commentary.appended",
}

Handler = Callable[[JsonObject | None], Awaitable[None]]


class Session:
    """What all connections to one session share. It has not started, and none follows it."""

    def __init__(self, provider: str, owner: Connection) -> None:
        self._provider = provider
        self._owner = owner
        self._config: JsonObject = {}  # empty until session.start
        self._seconds = 0.0
        self._numbers = itertools.count(1)
        self._readers: dict[Connection, trio.CancelScope] = {}

    @property
    def id(self) -> str:
        """The id of the session, empty until it has started."""
        return text(self._config, "id")

    async def follow(self, connection: Connection, handle: Handler) -> None:
        """Send every event of the session to ``connection``, and what it says to ``handle``.

        Returns when the session has ended and ``connection`` is closed.

        Raises:
            Closed: ``connection`` has ended before the session.
        """
        try:
            with trio.CancelScope() as reader:
                self._readers[connection] = reader
                while True:
                    await handle(parse(await connection.receive()))
        finally:
            del self._readers[connection]
        await connection.close()

    async def start(self, event: JsonObject, config: JsonObject) -> None:
        """Start with ``config``, in answer to ``event``, and greet."""
        self._config = config
        await self._send("session.started", event, session=config)
        await self._speak("".join(reply(self._provider, text(config, "instructions"))), 0.6)
        await self._report(event)

    async def end(self, reason: str, event: JsonObject | None) -> None:
        """Announce the end to all who follow, who then close."""
        end = {"session": self._config, "usage": self._usage()}
        await self._send("session.closed", event, reason=reason, **end)
        for reader in self._readers.values():
            reader.cancel()

    async def take_from_sideband(self, event: JsonObject | None) -> None:
        """Like ``take``, for an event of a connection that does not own the session."""
        if text(event, "type") in _NOT_OF_SIDEBANDS:
            await self.send_error(event, "invalid_value", "No client event of a sideband")
        else:
            await self.take(event)

    async def take(self, event: JsonObject | None) -> None:
        """Do what a client event says; None is a message that was no JSON object."""
        name = text(event, "type")
        if event is None:
            await self.send_error(None, "invalid_json", "Not a JSON object")
        elif not self.id:
            await self.send_error(event, "session_not_started", "Send session.start first")
        elif name == "session.start":
            await self.send_error(event, "session_already_started", "The session has started")
        elif name == "session.close":
            await self.end("close_requested", event)
        elif name == "session.input_audio.append":
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
            await self.send_error(event, "invalid_value", "No client event of a Live session")

    async def send_error(self, event: JsonObject | None, code: str, message: str) -> None:
        """Send an ``error`` event about the client's ``event``."""
        error = {"type": "invalid_request_error", "code": code, "message": message}
        await self._send("error", event, error=error)

    async def _hear(self, event: JsonObject) -> None:
        audio = decoded(event, "audio")
        if audio is None:
            await self.send_error(event, "invalid_value", "The audio is not base64")
            return
        reflected: JsonObject = {"type": "session.input_audio.append", "audio": event["audio"]}
        await self._broadcast(reflected, [c for c in self._readers if c is not self._owner])
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
            audio: JsonObject = {"type": "session.output_audio.delta", "delta": delta}
            await self._broadcast(audio, list(self._readers))
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
        await self._broadcast(document, list(self._readers))

    async def _broadcast(self, document: JsonObject, connections: list[Connection]) -> None:
        for connection in connections:
            with contextlib.suppress(Closed):  # whoever reads from it has to see its end
                await send(connection, document)
