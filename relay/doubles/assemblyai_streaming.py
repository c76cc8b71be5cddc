"""A double of AssemblyAI's streaming speech to text, ``/v3/ws``.

``Begin`` comes first. Each piece of audio, in a binary message, is answered by a ``Turn`` of what
came so far; after a second, or when ``ForceEndpoint`` asks for it, the turn ends, and with
``?format_turns=true`` it is repeated formatted. ``UpdateConfiguration`` changes that and has no
answer, nor has ``KeepAlive``. ``Terminate`` ends the turn and gets ``Termination``, the usage in
whole seconds, and Close 1000.

A failure is an ``Error`` and a Close with its number: 1008 for credentials, 3006 for a message or
parameter, 3007 for a piece of PCM that lasts less than 50 or more than 1000 ms, 3008 after three
hours. AssemblyAI also refuses audio that comes faster than it lasts (3007), more sessions than an
account may have (3009) and sessions that fail (3005); the double does not.

Documented: all of these. Not confirmed: the words about a sample rate.
"""

from __future__ import annotations

import re
import time
import uuid

import trio

from relay.doubles.messages import JsonObject, member, parse, send, text
from relay.doubles.opening import Request
from relay.doubles.server import Connection

__all__ = ["SESSION_LIMIT", "reject", "transcribe"]

SESSION_LIMIT = 3 * 3600.0
"""Seconds that a session may last."""

_TURN_SECONDS = 1.0
_MAX_REASON = 123  # RFC 6455 5.5: 125 bytes less those of the status code
_WIDTHS = {"pcm_s16le": 2, "pcm_mulaw": 1}
_SELF_DESCRIBING = frozenset({"opus", "ogg_opus", "aac"})


class _Failure(Exception):  # noqa: N818 (the client's, or the end of its time)
    """The session must end with ``Error``. ``code`` is the status code of the Close."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


async def reject(connection: Connection, reason: str) -> None:
    """End an accepted connection whose credentials are not good."""
    await _fail(connection, _Failure(1008, f"Unauthorized Connection: {reason}"))


async def transcribe(connection: Connection) -> None:
    """Play one session on an accepted connection."""
    try:
        await _Transcriber(connection).run()
    except _Failure as failure:
        await _fail(connection, failure)


async def _fail(connection: Connection, failure: _Failure) -> None:
    message = str(failure).encode(errors="replace").decode()  # JSON may name half a character
    await send(connection, {"type": "Error", "error_code": failure.code, "error": message})
    fits = len(message.encode()) <= _MAX_REASON
    await connection.close(failure.code, message if fits else "See Error message for details")


class _Transcriber:
    def __init__(self, connection: Connection) -> None:
        request = connection.request
        self._connection = connection
        self._encoding = request.parameter("encoding") or "pcm_s16le"
        self._rate = _sample_rate(request, self._encoding)
        # AssemblyAI's Python SDK writes True.
        self._formats = (request.parameter("format_turns") or "").lower() == "true"
        self._model = request.parameter("speech_model") or "universal-streaming-english"
        self._size = 0
        self._pending = 0
        self._turn_order = 0

    async def run(self) -> None:
        begun = trio.current_time()
        expires_at = int(time.time() + SESSION_LIMIT)
        configuration = {"model": self._model}
        identity = {"id": str(uuid.uuid4()), "expires_at": expires_at}
        await self._send("Begin", **identity, configuration=configuration)
        while True:
            message = await self._receive(begun + SESSION_LIMIT)
            if isinstance(message, bytes):
                await self._hear(message)
            elif await self._obey(message):
                break
        await self._send(
            "Termination",
            audio_duration_seconds=round(self._seconds(self._size)),
            session_duration_seconds=round(trio.current_time() - begun),
        )
        await self._connection.close()

    async def _receive(self, deadline: float) -> str | bytes:
        with trio.move_on_at(deadline):
            return await self._connection.receive()
        raise _Failure(3008, "Session Expired: Maximum session duration exceeded")

    async def _hear(self, audio: bytes) -> None:
        milliseconds = round(1000 * self._seconds(len(audio)))
        if self._encoding in _WIDTHS and not 50 <= milliseconds <= 1000:
            what = f"Input duration violation: {milliseconds} ms. Expected between 50 and 1000 ms"
            raise _Failure(3007, what)
        self._size += len(audio)
        self._pending += len(audio)
        await self._send_turn()
        if self._seconds(self._pending) >= _TURN_SECONDS:
            await self._end_turn()

    async def _obey(self, message: str) -> bool:
        """Do what a text message says; whether it ends the session."""
        command = parse(message)
        if command is None:
            kind = "Invalid Message" if message.startswith("[") else "Invalid JSON"
            raise _Failure(3006, f"{kind}: {message}")
        match text(command, "type"):
            case "ForceEndpoint":
                await self._end_turn()
            case "UpdateConfiguration":
                formats = member(command, "format_turns")
                self._formats = formats if isinstance(formats, bool) else self._formats
            case "KeepAlive":
                pass
            case "Terminate":
                await self._end_turn()
                return True
            case kind:
                raise _Failure(3006, f"Invalid Message Type: {kind}")
        return False

    async def _end_turn(self) -> None:
        if self._pending:
            await self._send_turn(end_of_turn=True)
            if self._formats:
                await self._send_turn(end_of_turn=True, formatted=True)
            self._pending = 0
            self._turn_order += 1

    async def _send_turn(self, *, end_of_turn: bool = False, formatted: bool = False) -> None:
        seconds = self._seconds(self._pending)
        transcript = f"{seconds:.1f} seconds of audio"
        start = 1000 * self._seconds(self._size - self._pending)
        await self._send(
            "Turn",
            turn_order=self._turn_order,
            turn_is_formatted=formatted,
            end_of_turn=end_of_turn,
            transcript=f"{transcript}." if formatted else transcript,
            end_of_turn_confidence=0.9 if end_of_turn else 0.1,
            words=_words(transcript, start, 1000 * seconds, final=end_of_turn),
        )

    def _seconds(self, size: int) -> float:
        """How long ``size`` bytes last; without a decoder, compressed ones count as PCM16."""
        return size / (self._rate * _WIDTHS.get(self._encoding, 2))

    async def _send(self, kind: str, **members: object) -> None:
        await send(self._connection, {"type": kind, **members})


def _sample_rate(request: Request, encoding: str) -> int:
    """The sample rate in Hz, which only self-describing encodings may omit."""
    rate = request.parameter("sample_rate")
    if rate is None and encoding in _SELF_DESCRIBING:
        return 16000
    if rate is None or not re.fullmatch("[1-9][0-9]{3,5}", rate):
        raise _Failure(3006, "Invalid sample_rate")
    return int(rate)


def _words(transcript: str, start: float, length: float, *, final: bool) -> list[JsonObject]:
    """The words of ``transcript``, spread evenly over ``length`` from ``start``, both in ms."""
    words = transcript.split()
    step = length / len(words)
    return [
        {
            "text": word,
            "start": round(start + step * index),
            "end": round(start + step * (index + 1)),
            "confidence": 0.99,
            "word_is_final": final,
        }
        for index, word in enumerate(words)
    ]
