"""A double of OpenAI's realtime translation, ``/v1/realtime/translations``.

``session.created`` comes first. Each ``session.input_audio_buffer.append`` is answered at once by
transcripts of both sides and as much tone as audio came in, up to a second; ``session.update`` by
``session.updated``; ``session.close`` by ``session.closed`` and Close 1000. There is no usage
event.

Shapes: OpenAI's API reference and the types of its SDKs (``types.realtime``).
"""

from __future__ import annotations

import secrets
import time

from relay.doubles.audio import seconds_of, to_base64, tone
from relay.doubles.messages import JsonObject, decoded, parse, section, text
from relay.doubles.openai_conversation import GA, SAMPLE_RATE, Conversation
from relay.doubles.server import Connection

__all__ = ["translate"]


async def translate(connection: Connection) -> None:
    """Play one session on an accepted connection."""
    conversation = Conversation(connection, GA)
    audio: JsonObject = {"input": {}, "output": {"language": "en"}}
    session: JsonObject = {
        "id": f"sess_{secrets.token_hex(8)}",
        "type": "translation",
        "model": connection.request.parameter("model"),
        "expires_at": int(time.time()) + 3600,
        "audio": audio,
    }
    await conversation.send("session.created", session=session)
    heard = 0.0
    while True:
        event = parse(await connection.receive())
        match text(event, "type"):
            case "session.update":
                audio |= section(section(event, "session"), "audio")
                await conversation.send("session.updated", session=session)
            case "session.input_audio_buffer.append":
                pcm = decoded(event, "audio")
                if pcm is None:
                    message = "The audio is not base64"
                    await conversation.send_error(event, "invalid_value", message, "audio")
                else:
                    seconds = seconds_of(len(pcm), SAMPLE_RATE)
                    heard += seconds
                    await _translate(conversation, seconds, round(heard * 1000))
            case "session.close":
                await conversation.send("session.closed")
                await connection.close()
                return
            case _:
                message = "No client event of a translation session"
                await conversation.send_error(event, "invalid_value", message, "type")


async def _translate(conversation: Conversation, seconds: float, elapsed_ms: int) -> None:
    words = f"{seconds:.1f} seconds of audio "
    await conversation.send("session.input_transcript.delta", delta=words, elapsed_ms=elapsed_ms)
    await conversation.send("session.output_transcript.delta", delta=words, elapsed_ms=elapsed_ms)
    await conversation.send(
        "session.output_audio.delta",
        delta=to_base64(tone(SAMPLE_RATE, min(seconds, 1.0))),
        elapsed_ms=elapsed_ms,
        sample_rate=SAMPLE_RATE,
        channels=1,
        format="pcm16",
    )
