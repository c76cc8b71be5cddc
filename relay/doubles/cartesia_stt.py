"""Doubles of Cartesia's speech to text, ``/stt/websocket`` and ``/stt/turns/websocket``.

Audio comes in binary messages, PCM16 at the ``sample_rate`` of the query. Without turns, the
commands are bare text, not JSON: ``finalize`` is answered by ``transcript`` and ``flush_done``,
``close`` (in older versions ``done``) by what is left to transcribe, ``done`` and Close 1000. With
turns, ``connected`` comes first, audio is answered by ``turn.start``, ``turn.update`` and, after a
second, ``turn.end``; the commands are ``{"type": "config"}`` and ``{"type": "close"}``. Anything
else gets an ``error`` and the connection stays open.

Shapes: Cartesia's API reference and the types of its SDKs; those of the turns are the least
certain.
"""

from __future__ import annotations

import re

from relay.doubles.audio import seconds_of
from relay.doubles.messages import JsonObject, parse, send, text
from relay.doubles.opening import Request
from relay.doubles.server import Connection

__all__ = ["transcribe", "transcribe_turns"]

_REQUEST_ID = "request-1"
_TURN_SECONDS = 1.0


async def transcribe(connection: Connection) -> None:
    """Transcribe on an accepted connection, whenever the client says ``finalize``."""
    rate = _sample_rate(connection.request)
    size = 0
    while True:
        message = await connection.receive()
        if isinstance(message, bytes):
            size += len(message)
        elif message == "finalize":
            await _send_transcript(connection, seconds_of(size, rate))
            size = 0
            await _send(connection, "flush_done")
        elif message in {"close", "done"}:
            if size:
                await _send_transcript(connection, seconds_of(size, rate))
            await _send(connection, "done")
            await connection.close()
            return
        else:
            await _send_error(connection, "The commands are finalize and close")


async def transcribe_turns(connection: Connection) -> None:
    """Transcribe on an accepted connection, turn by turn."""
    rate = _sample_rate(connection.request)
    size = 0
    await _send(connection, "connected")
    while True:
        message = await connection.receive()
        command = text(parse(message), "type") if isinstance(message, str) else ""
        if isinstance(message, bytes):
            if not size:
                await _send(connection, "turn.start")
            size += len(message)
            await _send(connection, "turn.update", transcript=_words(seconds_of(size, rate)))
        elif command == "close":
            if size:
                await _send(connection, "turn.end", transcript=_words(seconds_of(size, rate)))
            await connection.close()
            return
        elif command != "config":
            await _send_error(connection, "The commands are config and close")
        if seconds_of(size, rate) >= _TURN_SECONDS:
            await _send(connection, "turn.end", transcript=_words(seconds_of(size, rate)))
            size = 0


async def _send_transcript(connection: Connection, seconds: float) -> None:
    words = _words(seconds).split()
    step = seconds / len(words)
    timed = [
        {"word": word, "start": round(step * index, 3), "end": round(step * (index + 1), 3)}
        for index, word in enumerate(words)
    ]
    transcript = {"is_final": True, "text": " ".join(words), "duration": round(seconds, 3)}
    await _send(connection, "transcript", **transcript, language="en", words=timed)


async def _send(connection: Connection, kind: str, **members: object) -> None:
    await send(connection, {"type": kind, "request_id": _REQUEST_ID, **members})


async def _send_error(connection: Connection, message: str) -> None:
    error: JsonObject = {"title": "Invalid message", "message": message, "error_code": None}
    await _send(connection, "error", **error, status_code=400)


def _sample_rate(request: Request) -> int:
    rate = request.parameter("sample_rate") or ""
    return int(rate) if re.fullmatch("[1-9][0-9]{3,5}", rate) else 16000


def _words(seconds: float) -> str:
    return f"{seconds:.1f} seconds of audio"
