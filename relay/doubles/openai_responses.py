"""A double of OpenAI's Responses API over WebSocket, ``/v1/responses``.

The client speaks first: each ``response.create``, which names the model, is answered by the stream
of events from ``response.created`` to ``response.completed`` with its usage. A ``stream_id`` names
a lane and comes back in every event of its response. Other messages get an ``error`` and the
connection stays open.

Shapes: OpenAI's API reference and the types of its SDKs (``types.responses``).
"""

from __future__ import annotations

import itertools
import time

from relay.doubles.messages import JsonObject, elements, parse, reply, send, text
from relay.doubles.openai_conversation import Tokens
from relay.doubles.server import Connection

__all__ = ["respond"]


async def respond(connection: Connection, provider: str = "OpenAI") -> None:
    """Answer every ``response.create`` on an accepted connection."""
    for number in itertools.count(1):
        event = parse(await connection.receive())
        if event is None:
            await _send_error(connection, event, "invalid_json", "Not a JSON object", None)
        elif text(event, "type") != "response.create":
            message = "No client event of the Responses API"
            await _send_error(connection, event, "invalid_value", message, "type")
        elif not text(event, "model"):
            message = "Missing required parameter: 'model'"
            await _send_error(connection, event, "missing_required_parameter", message, "model")
        else:
            await _Response(connection, event, number).play(provider)


class _Response:
    def __init__(self, connection: Connection, event: JsonObject, number: int) -> None:
        self._connection = connection
        self._id = f"resp_{number}"
        self._item_id = f"msg_{number}"
        self._heard = _input_text(event)
        self._model = text(event, "model")
        self._lane = _lane(event)
        self._previous = text(event, "previous_response_id") or None
        self._numbers = itertools.count()

    async def play(self, provider: str) -> None:
        pieces = reply(provider, self._heard)
        whole = "".join(pieces)
        outer = {"output_index": 0}
        where = {"item_id": self._item_id, "output_index": 0, "content_index": 0}
        await self._send("response.created", response=self._response("in_progress"))
        await self._send("response.in_progress", response=self._response("in_progress"))
        await self._send("response.output_item.added", **outer, item=self._item(None))
        await self._send("response.content_part.added", **where, part=_part(""))
        for piece in pieces:
            await self._send("response.output_text.delta", **where, delta=piece, logprobs=[])
        await self._send("response.output_text.done", **where, text=whole, logprobs=[])
        await self._send("response.content_part.done", **where, part=_part(whole))
        item = self._item(whole)
        await self._send("response.output_item.done", **outer, item=item)
        usage = _usage(Tokens.of_text(self._heard).total, Tokens.of_text(whole).total)
        response = self._response("completed") | {"output": [item], "usage": usage}
        await self._send("response.completed", response=response)

    async def _send(self, name: str, **members: object) -> None:
        numbered = {"type": name, "sequence_number": next(self._numbers), **members}
        await send(self._connection, {**numbered, **self._lane})

    def _response(self, status: str) -> JsonObject:
        return {
            "id": self._id,
            "object": "response",
            "created_at": int(time.time()),
            "status": status,
            "model": self._model,
            "previous_response_id": self._previous,
            "output": [],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "error": None,
            "incomplete_details": None,
            "usage": None,
        }

    def _item(self, words: str | None) -> JsonObject:
        """The one message of the answer, in progress as long as it has no words."""
        return {
            "id": self._item_id,
            "type": "message",
            "role": "assistant",
            "status": "in_progress" if words is None else "completed",
            "content": [] if words is None else [_part(words)],
        }


def _part(words: str) -> JsonObject:
    return {"type": "output_text", "text": words, "annotations": [], "logprobs": []}


def _lane(event: JsonObject | None) -> JsonObject:
    stream_id = text(event, "stream_id")
    return {"stream_id": stream_id} if stream_id else {}


def _input_text(event: JsonObject) -> str:
    """The text of ``input``: a string, or messages whose content is a string or parts."""
    messages = elements(event, "input")
    parts = [part for message in messages for part in elements(message, "content")]
    found = [text(event, "input")]
    found += [text(message, "content") for message in messages]
    found += [text(part, "text") for part in parts]
    return " ".join(filter(None, found))


def _usage(read: int, written: int) -> JsonObject:
    return {
        "input_tokens": read,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": written,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": read + written,
    }


async def _send_error(
    connection: Connection, event: JsonObject | None, code: str, message: str, param: str | None
) -> None:
    error = {"type": "invalid_request_error", "code": code, "message": message, "param": param}
    await send(connection, {"type": "error", "status": 400, "error": error, **_lane(event)})
