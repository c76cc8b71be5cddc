"""A double of fal's realtime inference, ``/{model}/realtime``.

Messages are MessagePack, in binary, both ways. Each input with a ``prompt`` is answered by a
picture, and its ``request_id`` comes back. What is no such input ends the connection as fal's
server does: ``x-fal-error`` in JSON, in text, and Close 1000.

Shapes: fal's open server code, and the output of its image models. The double never waits for
input long enough to say ``TIMEOUT``, and sends no timings.
"""

from __future__ import annotations

from relay.doubles import msgpack, picture
from relay.doubles.messages import JsonObject, number, send, text
from relay.doubles.server import Connection

__all__ = ["infer"]


async def infer(connection: Connection) -> None:
    """Answer every input on an accepted connection."""
    while True:
        message = await connection.receive()
        try:
            given = msgpack.unpack(message) if isinstance(message, bytes) else None
        except msgpack.Malformed as error:
            await _fail(connection, str(error))
            return
        prompt = text(given, "prompt")
        if not prompt:
            await _fail(connection, "The input is no MessagePack map with a prompt")
            return
        image = {
            "content": picture.paint(prompt),
            "content_type": picture.CONTENT_TYPE,
            "width": picture.SIZE,
            "height": picture.SIZE,
        }
        output: JsonObject = {"images": [image], "prompt": prompt, "seed": number(given, "seed")}
        request_id = text(given, "request_id")
        if request_id:
            output["request_id"] = request_id
        await connection.send(msgpack.pack(output))


async def _fail(connection: Connection, reason: str) -> None:
    error: JsonObject = {"type": "x-fal-error", "error": "INTERNAL_ERROR", "reason": reason}
    await send(connection, error)
    await connection.close()
