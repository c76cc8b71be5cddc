"""A double of fal's HTTP over WebSocket, ``/{model}``.

Each JSON message is the body of a request, and is answered by a response: ``start`` with status and
headers, the body, and ``end``. A ``prompt`` gets a picture, in one JSON message; a ``text`` gets a
tone, in binary messages of PCM16 at 24 kHz. Anything else gets status 422 with a body that says
why. The connection stays open for the next request.

Shapes: fal's documentation and its HTTP API.
"""

from __future__ import annotations

import uuid

import trio

from relay.doubles import picture
from relay.doubles.audio import pieces, speech, to_base64
from relay.doubles.messages import JsonObject, dump, number, parse, send, text
from relay.doubles.server import Connection

__all__ = ["respond"]

_SAMPLE_RATE = 24000
_MAX_WORDS = 10


async def respond(connection: Connection) -> None:
    """Answer every request on an accepted connection."""
    while True:
        payload = parse(await connection.receive())
        began = trio.current_time()
        status, content_type, body = _response(payload)
        request_id = str(uuid.uuid4())
        headers = {"Content-Type": content_type, "X-Fal-Request-Id": request_id}
        about: JsonObject = {"request_id": request_id, "status": status}
        await send(connection, {"type": "start", **about, "headers": headers})
        seconds = trio.current_time() - began
        for part in body:
            await connection.send(part)
        await send(connection, {"type": "end", **about, "time_to_first_byte_seconds": seconds})


def _response(payload: JsonObject | None) -> tuple[int, str, list[str] | list[bytes]]:
    """Status, content type, and the messages of the body."""
    prompt, words = text(payload, "prompt"), text(payload, "text").split()
    if prompt:
        return 200, "application/json", [dump(_picture(prompt, number(payload, "seed")))]
    if words:
        tone = speech(_SAMPLE_RATE, words[:_MAX_WORDS])
        return 200, f"audio/pcm;rate={_SAMPLE_RATE}", pieces(tone, _SAMPLE_RATE)
    missing = {"loc": ["body", "prompt"], "msg": "Field required", "type": "missing"}
    return 422, "application/json", [dump({"detail": [missing]})]


def _picture(prompt: str, seed: int | None) -> JsonObject:
    image = {
        "url": f"data:{picture.CONTENT_TYPE};base64,{to_base64(picture.paint(prompt))}",
        "content_type": picture.CONTENT_TYPE,
        "width": picture.SIZE,
        "height": picture.SIZE,
    }
    return {"images": [image], "prompt": prompt, "seed": seed}
