"""A double of ElevenLabs' realtime speech to text (Scribe), ``/v1/speech-to-text/realtime``.

``session_started`` comes first. Each ``input_audio_chunk`` with audio is answered by a
``partial_transcript`` of what came since the last commit, one that says ``commit`` by a
``committed_transcript``, and with ``?include_timestamps=true`` by a
``committed_transcript_with_timestamps``. Anything else gets an ``input_error`` and the session goes
on. All of them name their kind in ``message_type``, not in ``type``.

Shapes: ElevenLabs' API reference and the types of its SDKs.
"""

from __future__ import annotations

import re
import secrets

from relay.doubles.audio import seconds_of
from relay.doubles.messages import JsonObject, decoded, member, parse, send, text
from relay.doubles.opening import Request
from relay.doubles.server import Connection

__all__ = ["transcribe"]


async def transcribe(connection: Connection) -> None:
    """Play one session on an accepted connection."""
    request = connection.request
    rate = _sample_rate(request)
    config = {
        "model_id": request.parameter("model_id"),
        "audio_format": request.parameter("audio_format") or "pcm_16000",
        "commit_strategy": request.parameter("commit_strategy") or "manual",
        "sample_rate": rate,
    }
    session_id = secrets.token_hex(8)
    await _send(connection, "session_started", session_id=session_id, config=config)
    timed = request.parameter("include_timestamps") == "true"
    size = 0
    while True:
        event = parse(await connection.receive())
        audio = decoded(event, "audio_base_64")
        if text(event, "message_type") != "input_audio_chunk" or audio is None:
            await _send(connection, "input_error", error="Not an input_audio_chunk with audio")
            continue
        size += len(audio)
        words = f"{seconds_of(size, rate):.1f} seconds of audio"
        if audio:
            await _send(connection, "partial_transcript", text=words)
        if member(event, "commit") is True:
            await _send(connection, "committed_transcript", text=words)
            if timed:
                members = _timestamps(words, seconds_of(size, rate))
                await _send(connection, "committed_transcript_with_timestamps", **members)
            size = 0


def _timestamps(words: str, seconds: float) -> JsonObject:
    """The words, spread evenly over ``seconds``."""
    spoken = words.split()
    step = seconds / len(spoken)
    timed = [
        {"text": word, "type": "word", "start": step * index, "end": step * (index + 1)}
        for index, word in enumerate(spoken)
    ]
    return {"text": words, "language_code": "en", "words": timed}


async def _send(connection: Connection, kind: str, **members: object) -> None:
    await send(connection, {"message_type": kind, **members})


def _sample_rate(request: Request) -> int:
    """The rate in an ``audio_format`` such as ``pcm_16000``, in Hz."""
    found = re.fullmatch("[a-z]+_([1-9][0-9]{3,4})", request.parameter("audio_format") or "")
    return int(found.group(1)) if found else 16000
