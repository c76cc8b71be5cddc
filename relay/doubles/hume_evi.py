"""A double of Hume's speech to speech (EVI), ``/v0/evi/chat``.

``chat_metadata`` comes first. A ``user_input``, and every second of audio in ``audio_input`` or in
binary messages, is answered by ``user_message``, ``assistant_message``, ``audio_output`` and
``assistant_end``; an ``assistant_input`` by the same without a ``user_message``. With
``?verbose_transcription=true`` audio is first transcribed in interim messages. Between
``pause_assistant_message`` and ``resume_assistant_message`` the answers wait. ``session_settings``
sets the rate of the audio (PCM16, one channel; 16 kHz before that) and the ``custom_session_id``
that messages then carry. Two minutes without a word of the user's, or half an hour in all, end the
chat with an ``error`` and Close 1000. There is no usage event.

Shapes: the types of Hume's SDKs. Codes E0100 and E0101 and the two limits are documented; the slugs
of all errors, the codes and the Close of the limits, and the 48 kHz of the output are not
confirmed.
"""

from __future__ import annotations

import itertools
import math
import secrets

import trio

from relay.doubles.audio import pieces, seconds_of, to_base64, tone, wav_header
from relay.doubles.messages import JsonObject, decoded, number, parse, reply, section, send, text
from relay.doubles.server import Connection

__all__ = ["INACTIVITY_TIMEOUT", "MAX_DURATION", "converse"]

INACTIVITY_TIMEOUT = 120.0
"""Seconds without input after which a chat ends, as in Hume's default configuration."""

MAX_DURATION = 1800.0
"""Seconds that a chat may last."""

_OUTPUT_RATE = 48000
_TURN_SECONDS = 1.0
_PASSIVE = frozenset({"tool_response", "tool_error"})


async def converse(connection: Connection) -> None:
    """Play one chat on an accepted connection."""
    await _Chat(connection).run()


class _Chat:
    def __init__(self, connection: Connection) -> None:
        request = connection.request
        self._connection = connection
        self._group_id = request.parameter("resumed_chat_group_id") or secrets.token_hex(16)
        self._verbose = request.parameter("verbose_transcription") == "true"
        self._custom_session_id: str | None = None
        self._input_rate = 16000
        self._audio_size = 0
        self._audio_end_ms = 0
        self._numbers = itertools.count(1)
        self._waiting: list[str] | None = None  # a list while the assistant is paused

    async def run(self) -> None:
        ids = {"chat_group_id": self._group_id, "chat_id": secrets.token_hex(16)}
        await self._send("chat_metadata", **ids, request_id="request-1")
        end = trio.current_time() + MAX_DURATION
        while True:
            message: str | bytes | None = None
            quiet_end = trio.current_time() + INACTIVITY_TIMEOUT
            with trio.move_on_at(min(end, quiet_end)):
                message = await self._connection.receive()
            if message is None:
                await self._end("inactivity_timeout" if quiet_end < end else "max_duration")
                return
            if isinstance(message, bytes):
                await self._hear(message)
            else:
                await self._take(parse(message))

    async def _take(self, event: JsonObject | None) -> None:
        kind = text(event, "type")
        audio = decoded(event, "data")
        if event is None:
            await self._send_error("E0100", "invalid_json", "The message is no JSON object")
        elif kind == "user_input" and isinstance(event.get("text"), str):
            await self._send_user_message(text(event, "text"), from_text=True)
            await self._answer("".join(reply("Hume", text(event, "text"))))
        elif kind == "assistant_input" and isinstance(event.get("text"), str):
            await self._answer(text(event, "text"), from_text=True)
        elif kind == "audio_input" and audio is not None:
            await self._hear(audio)
        elif kind == "session_settings":
            self._custom_session_id = text(event, "custom_session_id") or self._custom_session_id
            rate = number(section(event, "audio"), "sample_rate") or 0
            self._input_rate = rate if 8000 <= rate <= 48000 else self._input_rate
        elif kind == "pause_assistant_message":
            self._waiting = self._waiting or []
        elif kind == "resume_assistant_message":
            waiting, self._waiting = self._waiting or [], None
            for words in waiting:
                await self._answer(words)
        elif kind not in _PASSIVE:
            message = "The message has an unknown type or lacks a required member"
            await self._send_error("E0101", "invalid_message", message)

    async def _hear(self, audio: bytes) -> None:
        self._audio_size += len(audio)
        seconds = seconds_of(self._audio_size, self._input_rate)
        heard = f"{seconds:.1f} seconds of audio"
        done = seconds >= _TURN_SECONDS
        if self._verbose and not done:
            await self._send_user_message(heard, interim=True, seconds=seconds)
        if done:
            self._audio_size = 0
            await self._send_user_message(heard, seconds=seconds)
            await self._answer("".join(reply("Hume", heard)))

    async def _send_user_message(
        self, words: str, *, from_text: bool = False, interim: bool = False, seconds: float = 0.0
    ) -> None:
        begin = self._audio_end_ms
        end = begin + math.ceil(seconds * 1000)
        self._audio_end_ms = begin if interim else end
        await self._send(
            "user_message",
            message={"role": "user", "content": words},
            models={"prosody": None},
            time={"begin": begin, "end": end},
            from_text=from_text,
            interim=interim,
        )

    async def _answer(self, words: str, *, from_text: bool = False) -> None:
        if self._waiting is not None:
            self._waiting.append(words)
            return
        answer_id = f"assistant-{next(self._numbers)}"
        await self._send(
            "assistant_message",
            id=answer_id,
            message={"role": "assistant", "content": words},
            models={"prosody": None},
            from_text=from_text,
            is_quick_response=False,
        )
        for index, piece in enumerate(pieces(tone(_OUTPUT_RATE), _OUTPUT_RATE)):
            data = to_base64(wav_header(_OUTPUT_RATE, len(piece)) + piece)
            await self._send("audio_output", id=answer_id, index=index, data=data)
        await self._send("assistant_end")

    async def _end(self, slug: str) -> None:
        await self._send_error("E0700", slug, f"The chat has ended: {slug.replace('_', ' ')}")
        await self._connection.close(1000, slug)

    async def _send_error(self, code: str, slug: str, message: str) -> None:
        about = {"code": code, "slug": slug, "message": message}
        await self._send("error", **about, request_id="request-1")

    async def _send(self, kind: str, **members: object) -> None:
        custom = {"custom_session_id": self._custom_session_id}
        await send(self._connection, {"type": kind, **members, **custom})
