"""A double of OpenAI's Realtime API, ``/v1/realtime``, in its GA and its beta dialect.

Client events: ``session.update``, ``conversation.item.create|retrieve|truncate|delete``,
``input_audio_buffer.append|commit|clear``, ``response.create|cancel``; any other gets an ``error``
and the session goes on. ``?model=`` opens a conversation, ``?call_id=`` joins that of a call (which
the double takes to have just begun), and ``?intent=transcription`` opens a session that only
transcribes. The field line ``OpenAI-Beta: realtime=v1`` selects beta. Audio both ways is PCM16 at
24 kHz. No turns are detected: the client commits its audio and asks for responses.

Shapes: OpenAI's API reference and the types of its SDKs (``types.realtime``,
``types.beta.realtime``).
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable

import trio

from relay.doubles.audio import seconds_of
from relay.doubles.messages import (
    JsonObject,
    decoded,
    elements,
    member,
    number,
    parse,
    section,
    text,
)
from relay.doubles.openai_conversation import GA, SAMPLE_RATE, Conversation, Dialect, Tokens
from relay.doubles.openai_reply import Reply
from relay.doubles.server import Connection

__all__ = ["converse", "converse_in"]

_MIN_COMMIT_SECONDS = 0.1
_CALL_MODEL = "gpt-realtime"  # who joins a call does not name its model
_FIXED_MEMBERS = frozenset({"id", "object", "type", "model", "expires_at"})


async def converse(connection: Connection) -> None:
    """Play one session on an accepted connection."""
    request = connection.request
    beta = "realtime=v1" in (request.header(b"openai-beta") or "")
    model = request.parameter("model")
    if model is None and request.parameter("call_id"):
        model = _CALL_MODEL
    await converse_in(Dialect(beta=True) if beta else GA, model, connection)


async def converse_in(dialect: Dialect, model: str | None, connection: Connection) -> None:
    """Like ``converse``, where the dialect and the model are not found as OpenAI finds them."""
    async with trio.open_nursery() as nursery:
        await _Session(dialect, model, connection, nursery).run()


class _Session:
    def __init__(
        self, dialect: Dialect, model: str | None, connection: Connection, nursery: trio.Nursery
    ) -> None:
        self._connection = connection
        self._nursery = nursery
        self._beta = dialect.beta
        # A model makes it a conversation, whatever the intent.
        self._model = model
        intent = connection.request.parameter("intent")
        self._transcribes = not model and intent == "transcription"
        self._conversation = Conversation(connection, dialect)
        self._config = self._first_config()
        self._audio_size = 0
        self._reply: Reply | None = None
        self._handlers: dict[str, Callable[[JsonObject], Awaitable[None]]] = {
            "session.update": self._update,
            "conversation.item.create": self._create_item,
            "conversation.item.retrieve": self._retrieve_item,
            "conversation.item.truncate": self._truncate_item,
            "conversation.item.delete": self._delete_item,
            "input_audio_buffer.append": self._append_audio,
            "input_audio_buffer.commit": self._commit_audio,
            "input_audio_buffer.clear": self._clear_audio,
        }
        if not self._transcribes:
            self._handlers["response.create"] = self._create_response
            self._handlers["response.cancel"] = self._cancel_response

    async def run(self) -> None:
        conversation = self._conversation
        if not (self._model or self._transcribes):
            await conversation.send_error(None, "missing_model", "The URL has no model parameter")
            await self._connection.close(4000, "invalid_request_error.missing_model")
            return
        await conversation.send("session.created", session=self._config)
        while True:
            event = parse(await self._connection.receive())
            handler = self._handlers.get(text(event, "type"))
            if event is None:
                await conversation.send_error(None, "invalid_json", "Not a JSON object")
            elif handler is None:
                message = f"No client event of this session: {text(event, 'type')[:100]!r}"
                await conversation.send_error(event, "invalid_value", message, "type")
            else:
                await handler(event)

    def _first_config(self) -> JsonObject:
        config: JsonObject = {
            "id": f"sess_{secrets.token_hex(8)}",
            "object": "realtime.session",
            "expires_at": int(time.time()) + 3600,
        }
        audio_in = {"format": _pcm(), "transcription": None, "turn_detection": None}
        if self._transcribes:
            return config | {"type": "transcription", "audio": {"input": audio_in}}
        config |= {"model": self._model, "instructions": "", "tools": [], "tool_choice": "auto"}
        if self._beta:
            return config | {
                "modalities": ["audio", "text"],
                "voice": "alloy",
                "input_audio_format": "pcm16",
                "output_audio_format": "pcm16",
                "input_audio_transcription": None,
                "turn_detection": None,
                "temperature": 0.8,
                "max_response_output_tokens": "inf",
            }
        return config | {
            "type": "realtime",
            "output_modalities": ["audio"],
            "max_output_tokens": "inf",
            "audio": {
                "input": audio_in,
                "output": {"format": _pcm(), "voice": "marin", "speed": 1.0},
            },
        }

    async def _update(self, event: JsonObject) -> None:
        changes = section(event, "session")
        _merge(self._config, {name: changes[name] for name in changes.keys() - _FIXED_MEMBERS})
        await self._conversation.send("session.updated", session=self._config)

    async def _create_item(self, event: JsonObject) -> None:
        item = section(event, "item")
        if not text(item, "type"):
            message = "Missing required parameter: 'item.type'"
            code = "missing_required_parameter"
            await self._conversation.send_error(event, code, message, "item.type")
            return
        item_id = text(item, "id") or self._conversation.new_id("item")
        content = elements(item, "content")
        size = sum(len(decoded(part, "audio") or b"") for part in content)
        tokens = Tokens.of_text("".join(text(part, "text") for part in content))
        tokens += Tokens.of_input_audio(seconds_of(size, SAMPLE_RATE))
        item = {**item, "id": item_id, "object": "realtime.item", "status": "completed"}
        await self._conversation.add_item(item, tokens)
        await self._conversation.end_item(item, tokens)

    async def _retrieve_item(self, event: JsonObject) -> None:
        item = await self._find_item(event)
        if item is not None:
            await self._conversation.send("conversation.item.retrieved", item=item)

    async def _truncate_item(self, event: JsonObject) -> None:
        item = await self._find_item(event)
        if item is not None:
            await self._conversation.send(
                "conversation.item.truncated",
                item_id=text(item, "id"),
                content_index=number(event, "content_index") or 0,
                audio_end_ms=number(event, "audio_end_ms") or 0,
            )

    async def _delete_item(self, event: JsonObject) -> None:
        item = await self._find_item(event)
        if item is not None:
            self._conversation.delete_item(text(item, "id"))
            await self._conversation.send("conversation.item.deleted", item_id=text(item, "id"))

    async def _find_item(self, event: JsonObject) -> JsonObject | None:
        item = self._conversation.find_item(text(event, "item_id"))
        if item is None:
            message = "There is no item of that id"
            await self._conversation.send_error(event, "item_not_found", message, "item_id")
        return item

    async def _append_audio(self, event: JsonObject) -> None:
        audio = decoded(event, "audio")
        if audio is None:
            message = "The audio is not base64"
            await self._conversation.send_error(event, "invalid_value", message, "audio")
        else:
            self._audio_size += len(audio)

    async def _commit_audio(self, event: JsonObject) -> None:
        seconds = seconds_of(self._audio_size, SAMPLE_RATE)
        if seconds < _MIN_COMMIT_SECONDS:
            message = "The input audio buffer holds less than 100 ms of audio"
            code = "input_audio_buffer_commit_empty"
            await self._conversation.send_error(event, code, message)
            return
        self._audio_size = 0
        item_id = self._conversation.new_id("item")
        item: JsonObject = {
            "id": item_id,
            "object": "realtime.item",
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": [{"type": "input_audio", "transcript": None}],
        }
        tokens = Tokens.of_input_audio(seconds)
        previous = self._conversation.last_item_id
        committed = {"previous_item_id": previous, "item_id": item_id}
        await self._conversation.send("input_audio_buffer.committed", **committed)
        await self._conversation.add_item(item, tokens)
        await self._conversation.end_item(item, tokens)
        await self._transcribe(item_id, seconds)

    async def _transcribe(self, item_id: str, seconds: float) -> None:
        if self._beta and not self._transcribes:
            wanted = member(self._config, "input_audio_transcription")
        else:
            wanted = member(section(section(self._config, "audio"), "input"), "transcription")
        if wanted is None and not self._transcribes:
            return
        words = f"{seconds:.1f} seconds of audio"
        where = {"item_id": item_id, "content_index": 0}
        name = "conversation.item.input_audio_transcription"
        await self._conversation.send(f"{name}.delta", **where, delta=words)
        usage = _transcription_usage(text(wanted, "model"), seconds, words)
        await self._conversation.send(f"{name}.completed", **where, transcript=words, usage=usage)

    async def _clear_audio(self, _event: JsonObject) -> None:
        self._audio_size = 0
        await self._conversation.send("input_audio_buffer.cleared")

    async def _create_response(self, event: JsonObject) -> None:
        options = section(event, "response")
        known, unknown = "output_modalities", "modalities"
        if self._beta:
            known, unknown = unknown, known
        if unknown in options:
            param = f"response.{unknown}"
            message = f"Unknown parameter: {param!r}"
            await self._conversation.send_error(event, "unknown_parameter", message, param)
        elif self._reply is not None and self._reply.under_way:
            code = "conversation_already_has_active_response"
            message = "The conversation has an active response"
            await self._conversation.send_error(event, code, message)
        else:
            self._reply = Reply(self._conversation, options, elements(self._config, known))
            self._nursery.start_soon(self._reply.play)

    async def _cancel_response(self, event: JsonObject) -> None:
        if self._reply is not None and self._reply.under_way:
            self._reply.cancel()
        else:
            message = "There is no active response to cancel"
            await self._conversation.send_error(event, "response_cancel_not_active", message)


def _pcm() -> JsonObject:
    return {"type": "audio/pcm", "rate": SAMPLE_RATE}


def _merge(config: JsonObject, changes: JsonObject) -> None:
    """Take ``changes`` into ``config``, object by object."""
    for name, value in changes.items():
        old = config.get(name)
        if isinstance(old, dict) and isinstance(value, dict):
            _merge(old, value)
        else:
            config[name] = value


def _transcription_usage(model: str, seconds: float, words: str) -> JsonObject:
    """Whisper is billed by duration, the other models by tokens."""
    if model.startswith("whisper"):
        return {"type": "duration", "seconds": seconds}
    read, written = Tokens.of_input_audio(seconds), Tokens.of_text(words)
    return {
        "type": "tokens",
        "total_tokens": read.total + written.total,
        "input_tokens": read.total,
        "input_token_details": {"text_tokens": read.text, "audio_tokens": read.audio},
        "output_tokens": written.total,
    }
