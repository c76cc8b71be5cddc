"""A double of AssemblyAI's voice agent, ``/v1/ws``.

``session.update`` must come first and gets ``session.ready``, later ones ``session.updated``; the
first ``greeting`` is said. Audio comes in ``input.audio`` (PCM16 at 24 kHz); every second of it is
transcribed (``transcript.user``) and answered: ``reply.started``, ``reply.audio``,
``transcript.agent`` and ``reply.done``. ``reply.create`` asks for an answer to its instructions.
``tool.result`` has no answer: the double calls no tools. ``session.end`` gets ``session.ended`` and
Close 1000.

Anything else, and ``input.audio`` before ``session.ready``, gets ``session.error``
``invalid_format``, and the session goes on. The double keeps no sessions, so that
``session.resume`` gets ``session_not_found``.

Documented: the events, their order and these codes. Not confirmed: whether an error ends the
session, and how a credential is refused (here ``unauthorized`` and Close 1008).
"""

from __future__ import annotations

import itertools
import secrets

from relay.doubles.audio import pieces, seconds_of, to_base64, tone
from relay.doubles.messages import JsonObject, decoded, parse, reply, section, send, text
from relay.doubles.server import Connection

__all__ = ["converse", "reject"]

_SAMPLE_RATE = 24000
_TURN_SECONDS = 1.0


async def reject(connection: Connection) -> None:
    """End an accepted connection whose credentials are not good."""
    await _send_error(connection, "unauthorized", "The API key or token is missing or not valid")
    await connection.close(1008, "Unauthorized")


async def converse(connection: Connection) -> None:
    """Play one conversation on an accepted connection."""
    await _Agent(connection).run()


class _Agent:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._ready = False
        self._size = 0
        self._ids = itertools.count(1)

    async def run(self) -> None:
        while True:
            message = await self._connection.receive()
            event = parse(message) if isinstance(message, str) else None
            match text(event, "type"):
                case "session.update":
                    await self._update(section(event, "session"))
                case "session.resume":
                    what = "There is no such session"
                    await _send_error(self._connection, "session_not_found", what)
                case "input.audio" if self._ready:
                    await self._hear(decoded(event, "audio"))
                case "reply.create" if self._ready:
                    await self._say("".join(reply("AssemblyAI", text(event, "instructions"))))
                case "tool.result" if self._ready:
                    pass
                case "session.end":
                    await self._send("session.ended")
                    await self._connection.close()
                    return
                case _:
                    await self._send_invalid()

    async def _update(self, session: JsonObject) -> None:
        if self._ready:
            await self._send("session.updated")
            return
        self._ready = True
        await self._send("session.ready", session_id=f"sess_{secrets.token_hex(8)}")
        greeting = text(session, "greeting")
        if greeting:
            await self._say(greeting)

    async def _hear(self, audio: bytes | None) -> None:
        if audio is None:
            await self._send_invalid()
            return
        if audio and not self._size:
            await self._send("input.speech.started")
        self._size += len(audio)
        heard = f"{seconds_of(self._size, _SAMPLE_RATE):.1f} seconds of audio"
        if audio:
            await self._send("transcript.user.delta", text=heard)
        if seconds_of(self._size, _SAMPLE_RATE) >= _TURN_SECONDS:
            self._size = 0
            await self._send("input.speech.stopped")
            await self._send("transcript.user", text=heard, item_id=f"item_{next(self._ids)}")
            await self._say("".join(reply("AssemblyAI", heard)))

    async def _say(self, words: str) -> None:
        reply_id = f"reply_{next(self._ids)}"
        await self._send("reply.started", reply_id=reply_id)
        for piece in pieces(tone(_SAMPLE_RATE), _SAMPLE_RATE):
            await self._send("reply.audio", data=to_base64(piece))
        said = {"text": words, "reply_id": reply_id, "item_id": f"item_{next(self._ids)}"}
        await self._send("transcript.agent", **said, interrupted=False)
        await self._send("reply.done", status="completed")

    async def _send_invalid(self) -> None:
        await _send_error(self._connection, "invalid_format", "Invalid message format")

    async def _send(self, kind: str, **members: object) -> None:
        await send(self._connection, {"type": kind, **members})


async def _send_error(connection: Connection, code: str, message: str) -> None:
    await send(connection, {"type": "session.error", "code": code, "message": message})
