"""A double of xAI's speech to text, ``/v1/stt``.

``transcript.created`` comes first. Audio comes in binary messages, in the ``encoding`` (``pcm``,
``mulaw`` or ``alaw``) and at the ``sample_rate`` of the query. Every second of it ends an
utterance, which stands for xAI's own endpointing: ``transcript.partial`` with ``is_final`` and
``speech_final``. Audio before that is answered by a ``transcript.partial`` without them if
``?interim_results=true``. ``{"type": "audio.done"}`` ends with ``transcript.done``, which has the
whole text and duration, and Close 1000. Anything else gets an ``error``, and the connection stays
open.

Shapes: xAI's documentation as others render it. Not confirmed: whether ``transcript.done`` repeats
what was final already. Chunks that are final inside an utterance, channels and speakers are not
played.
"""

from __future__ import annotations

import re

from relay.doubles.messages import JsonObject, parse, send, text
from relay.doubles.opening import Request
from relay.doubles.server import Connection

__all__ = ["transcribe"]

_UTTERANCE_SECONDS = 1.0


async def transcribe(connection: Connection) -> None:
    """Transcribe on an accepted connection."""
    request = connection.request
    bytes_per_second = _bytes_per_second(request)
    interim = request.parameter("interim_results") == "true"
    start, size = 0.0, 0
    utterances: list[str] = []
    await send(connection, {"type": "transcript.created"})
    while True:
        message = await connection.receive()
        seconds = size / bytes_per_second
        if isinstance(message, bytes):
            size += len(message)
            seconds = size / bytes_per_second
            ended = seconds >= _UTTERANCE_SECONDS
            if ended or (interim and message):
                await _send_partial(connection, start, seconds, final=ended)
            if ended:
                utterances.append(_heard(seconds))
                start, size = start + seconds, 0
        elif text(parse(message), "type") == "audio.done":
            if size:
                utterances.append(_heard(seconds))
            duration = round(start + seconds, 3)
            done = {"type": "transcript.done", "text": " ".join(utterances), "duration": duration}
            await send(connection, done)
            await connection.close()
            return
        else:
            error: JsonObject = {"type": "error", "message": "The only command is audio.done"}
            await send(connection, error)


async def _send_partial(
    connection: Connection, start: float, seconds: float, *, final: bool
) -> None:
    words = _heard(seconds).split()
    step = seconds / len(words)
    timed = [
        {
            "text": word,
            "start": round(start + step * index, 3),
            "end": round(start + step * (index + 1), 3),
        }
        for index, word in enumerate(words)
    ]
    partial: JsonObject = {
        "type": "transcript.partial",
        "text": " ".join(words),
        "words": timed,
        "is_final": final,
        "speech_final": final,
        "start": round(start, 3),
        "duration": round(seconds, 3),
    }
    await send(connection, partial)


def _heard(seconds: float) -> str:
    return f"{seconds:.1f} seconds of audio"


def _bytes_per_second(request: Request) -> int:
    rate = request.parameter("sample_rate") or ""
    samples = int(rate) if re.fullmatch("[1-9][0-9]{3,4}", rate) else 16000
    return samples if request.parameter("encoding") in {"mulaw", "alaw"} else 2 * samples
