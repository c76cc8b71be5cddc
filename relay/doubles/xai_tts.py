"""A double of xAI's text to speech, ``/v1/tts``.

``text.delta`` brings text and is answered by ``audio.delta`` messages, a tenth of a second of tone
for each word (ten at most). ``text.done`` ends the utterance with ``audio.done``, which has a
``trace_id``; ``text.clear`` drops it, with ``audio.clear``. The connection stays open for the next
utterance, and after an ``error``. There is no usage event.

Audio is PCM16 at the ``sample_rate`` of the query, also where ``codec`` names another encoding: the
double has no MP3 encoder. Shapes: xAI's documentation as others render it. The timestamps of
``with_timestamps`` are not played, since no source shows them over WebSocket.
"""

from __future__ import annotations

import re
import uuid

from relay.doubles.audio import pieces, speech, to_base64
from relay.doubles.messages import parse, send, text
from relay.doubles.opening import Request
from relay.doubles.server import Connection

__all__ = ["speak"]

_MAX_DELTA = 15_000
"""Characters of one ``text.delta``."""

_MAX_WORDS = 10


async def speak(connection: Connection) -> None:
    """Speak on an accepted connection."""
    rate = _sample_rate(connection.request)
    while True:
        event = parse(await connection.receive())
        match text(event, "type"):
            case "text.delta" if len(text(event, "delta")) > _MAX_DELTA:
                message = f"A text.delta has at most {_MAX_DELTA} characters"
                await send(connection, {"type": "error", "message": message})
            case "text.delta":
                spoken = text(event, "delta").split()[:_MAX_WORDS]
                for piece in pieces(speech(rate, spoken), rate):
                    await send(connection, {"type": "audio.delta", "delta": to_base64(piece)})
            case "text.done":
                await send(connection, {"type": "audio.done", "trace_id": str(uuid.uuid4())})
            case "text.clear":
                await send(connection, {"type": "audio.clear"})
            case _:
                message = "The messages are text.delta, text.done and text.clear"
                await send(connection, {"type": "error", "message": message})


def _sample_rate(request: Request) -> int:
    rate = request.parameter("sample_rate") or ""
    return int(rate) if re.fullmatch("[1-9][0-9]{3,4}", rate) else 24000
