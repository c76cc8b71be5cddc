"""A double of Cartesia's text to speech, ``/tts/websocket``.

Each generation request is answered, in its ``context_id``, by a ``chunk`` for every word of its
transcript (a tenth of a second of tone each, ten at most), by ``timestamps`` if ``add_timestamps``
asks for them, by ``flush_done`` if it says ``flush``, and by ``done`` unless it says ``continue``:
a context that is only ever continued gets **no** ``done``. A context keeps the ``output_format`` of
its first request; the double plays ``pcm_s16le`` and ``pcm_f32le``. ``cancel`` forgets the context.
What cannot be used gets an ``error`` and the connection stays open. There is no usage event.

Shapes: Cartesia's API reference and the types of its SDKs.
"""

from __future__ import annotations

from collections.abc import Callable

from relay.doubles.audio import PIECE_SECONDS, pieces, speech, to_base64, to_float32
from relay.doubles.messages import JsonObject, member, number, parse, section, send, text
from relay.doubles.server import Connection

__all__ = ["speak"]

_MAX_WORDS = 10
_ENCODINGS: dict[str, Callable[[bytes], bytes]] = {"pcm_s16le": bytes, "pcm_f32le": to_float32}
_RATES = frozenset({8000, 16000, 22050, 24000, 44100, 48000})


async def speak(connection: Connection) -> None:
    """Answer requests on an accepted connection."""
    contexts: dict[str, _Context] = {}
    while True:
        request = parse(await connection.receive())
        context_id = text(request, "context_id") or "context-1"
        if request is None:
            await _send_error(connection, None, "Invalid JSON", "The message is no JSON object")
        elif member(request, "cancel") is True:
            contexts.pop(context_id, None)
        else:
            await _generate(connection, contexts, context_id, request)


class _Context:
    def __init__(self, context_id: str, encoding: str, sample_rate: int) -> None:
        self.id = context_id
        self.encode = _ENCODINGS[encoding]
        self.sample_rate = sample_rate
        self.seconds = 0.0
        self.flushes = 0


async def _generate(
    connection: Connection, contexts: dict[str, _Context], context_id: str, request: JsonObject
) -> None:
    output = section(request, "output_format")
    encoding, sample_rate = text(output, "encoding"), number(output, "sample_rate")
    if context_id not in contexts:
        if encoding not in _ENCODINGS or sample_rate not in _RATES:
            message = "The double plays pcm_s16le and pcm_f32le at Cartesia's sample rates"
            await _send_error(connection, context_id, "Invalid output format", message)
            return
        contexts[context_id] = _Context(context_id, encoding, sample_rate)
    context = contexts[context_id]
    words = text(request, "transcript").split()[:_MAX_WORDS]
    await _speak(connection, context, words)
    if member(request, "add_timestamps") is True and words:
        await _send_timestamps(connection, context, words)
    context.seconds += len(words) * PIECE_SECONDS
    if member(request, "flush") is True:
        context.flushes += 1
        flushed = {"flush_done": True, "flush_id": context.flushes}
        await _send(connection, "flush_done", context, 206, done=False, **flushed)
    if member(request, "continue") is not True:
        del contexts[context_id]
        await _send(connection, "done", context, 200, done=True)


async def _speak(connection: Connection, context: _Context, words: list[str]) -> None:
    for piece in pieces(speech(context.sample_rate, words), context.sample_rate):
        data = {"data": to_base64(context.encode(piece)), "step_time": 1.0}
        await _send(connection, "chunk", context, 206, done=False, **data)


async def _send_timestamps(connection: Connection, context: _Context, words: list[str]) -> None:
    starts = [round(context.seconds + PIECE_SECONDS * index, 3) for index in range(len(words))]
    ends = [round(start + PIECE_SECONDS, 3) for start in starts]
    timestamps = {"words": words, "start": starts, "end": ends}
    await _send(connection, "timestamps", context, 206, done=False, word_timestamps=timestamps)


async def _send(
    connection: Connection, kind: str, context: _Context, status: int, **members: object
) -> None:
    document = {"type": kind, "context_id": context.id, "status_code": status, **members}
    await send(connection, document)


async def _send_error(
    connection: Connection, context_id: str | None, title: str, message: str
) -> None:
    context = {} if context_id is None else {"context_id": context_id}
    error: JsonObject = {
        "type": "error",
        "done": True,
        "status_code": 400,
        "error_code": None,
        "title": title,
        "message": message,
        "request_id": "request-1",
    }
    await send(connection, error | context)
