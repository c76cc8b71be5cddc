"""A double of ElevenLabs' agents, ``/v1/convai/conversation``.

``conversation_initiation_metadata`` comes first, then a ``ping`` that wants a ``pong``. A
``user_message``, and every second of audio in ``user_audio_chunk`` (PCM16 at 16 kHz), is answered
by ``agent_response`` and ``audio`` events; audio by a ``user_transcript`` before them. Other client
events are taken without an answer. What is no JSON object ends the conversation with Close 1008.
There is no usage event.

Shapes: ElevenLabs' API reference and its SDKs.
"""

from __future__ import annotations

import itertools
import secrets

from relay.doubles.audio import PIECE_SECONDS, pieces, seconds_of, to_base64, tone
from relay.doubles.messages import JsonObject, decoded, parse, reply, send, text
from relay.doubles.server import Connection

__all__ = ["converse"]

_SAMPLE_RATE = 16000

_TURN_SECONDS = 1.0


async def converse(connection: Connection) -> None:
    """Play one conversation on an accepted connection."""
    await _send_opening(connection)
    event_ids = itertools.count(1)
    size = 0
    while True:
        event = parse(await connection.receive())
        if event is None:
            await connection.close(1008, "Invalid message")
            return
        size += len(decoded(event, "user_audio_chunk") or b"")
        if seconds_of(size, _SAMPLE_RATE) >= _TURN_SECONDS:
            heard = f"{seconds_of(size, _SAMPLE_RATE):.1f} seconds of audio"
            size = 0
            transcript: JsonObject = {"user_transcript": heard, "event_id": next(event_ids)}
            await _send(connection, "user_transcript", "user_transcription_event", transcript)
            await _answer(connection, heard, event_ids)
        # Lenient: Cloudflare's documented example talks to an agent in messages of text to speech,
        # which have a text and no type. Here they count as the user's, so that it has an answer.
        elif text(event, "text") and text(event, "type") in {"user_message", ""}:
            await _answer(connection, text(event, "text"), event_ids)


async def _send_opening(connection: Connection) -> None:
    name = "conversation_initiation_metadata"
    metadata: JsonObject = {
        "conversation_id": f"conv_{secrets.token_hex(8)}",
        "agent_output_audio_format": f"pcm_{_SAMPLE_RATE}",
        "user_input_audio_format": f"pcm_{_SAMPLE_RATE}",
    }
    await _send(connection, name, f"{name}_event", metadata)
    await _send(connection, "ping", "ping_event", {"event_id": 1, "ping_ms": None})


async def _answer(connection: Connection, heard: str, event_ids: itertools.count[int]) -> None:
    words = reply("ElevenLabs", heard)
    response: JsonObject = {"agent_response": "".join(words), "event_id": next(event_ids)}
    await _send(connection, "agent_response", "agent_response_event", response)
    for piece, word in zip(pieces(tone(_SAMPLE_RATE), _SAMPLE_RATE), words, strict=False):
        step = PIECE_SECONDS * 1000 / len(word)
        alignment = {
            "chars": list(word),
            "char_start_times_ms": [round(step * index) for index in range(len(word))],
            "char_durations_ms": [round(step)] * len(word),
        }
        audio: JsonObject = {
            "audio_base_64": to_base64(piece),
            "event_id": next(event_ids),
            "alignment": alignment,
        }
        await _send(connection, "audio", "audio_event", audio)


async def _send(connection: Connection, kind: str, member: str, event: JsonObject) -> None:
    await send(connection, {"type": kind, member: event})
