"""Doubles of ElevenLabs' text to speech, ``stream-input`` and ``multi-stream-input``.

Every message with a text that is not blank is answered by one message of ``audio``, a tenth of a
second of tone for each word (ten at most), with the alignment of its characters. A blank text opens
or keeps. ``stream-input`` ends when the text is empty: ``isFinal`` and Close 1000.
``multi-stream-input`` keeps up to five contexts by ``context_id``: ``close_context`` ends one,
``close_socket`` all of them and the connection. Errors are a message with ``message``, ``error``
and ``code``, and Close 1008. There is no usage event.

Where the opening handshake brought no credential the first message must, in ``xi-api-key``,
``xi_api_key``, ``authorization`` or ``single_use_token``; with several contexts, the first message
of each. Audio is PCM16 at the rate of ``output_format``, also where that names another encoding:
the double has no MP3 encoder.

Shapes: ElevenLabs' API reference and the types of its SDKs.
"""

from __future__ import annotations

import re

from relay.doubles.audio import PIECE_SECONDS, speech, to_base64
from relay.doubles.messages import JsonObject, member, parse, send, text
from relay.doubles.opening import Request
from relay.doubles.server import Connection

__all__ = ["sample_rate", "speak"]

_CREDENTIAL_MEMBERS = ("xi-api-key", "xi_api_key", "authorization", "single_use_token")
_MAX_CONTEXTS = 5
_MAX_WORDS = 10


class _Violation(Exception):  # noqa: N818 (what the client did, not what failed)
    """The client did something that ends the connection with Close 1008."""

    def __init__(self, error: str, message: str) -> None:
        super().__init__(message)
        self.error = error


async def speak(connection: Connection, key: str, *, known: bool, multi: bool) -> None:
    """Speak on an accepted connection. ``known``: its handshake brought the right credential."""
    speaker = _Speaker(connection, key, known=known)
    try:
        await (speaker.run_contexts() if multi else speaker.run())
    except _Violation as violation:
        message = str(violation)
        await send(connection, {"message": message, "error": violation.error, "code": 1008})
        await connection.close(1008, message)


class _Speaker:
    def __init__(self, connection: Connection, key: str, *, known: bool) -> None:
        self._connection = connection
        self._key = key
        self._known = known
        self._rate = sample_rate(connection.request)

    async def run(self) -> None:
        first = True
        while True:
            message = await self._receive()
            self._check_credential(message, first=first)
            first = False
            if not isinstance(member(message, "text"), str):
                raise _Violation("invalid_message", "The message has no text")
            if text(message, "text") == "":
                await send(self._connection, {"isFinal": True})
                await self._connection.close()
                return
            await self._say(text(message, "text"), {})

    async def run_contexts(self) -> None:
        contexts: set[str] = set()
        while True:
            message = await self._receive()
            context_id = text(message, "context_id", "contextId") or "default"
            if member(message, "close_socket") is True:
                for name in sorted(contexts):
                    await self._end_context(name)
                await self._connection.close()
                return
            if member(message, "close_context") is True:
                if context_id in contexts:
                    contexts.remove(context_id)
                    await self._end_context(context_id)
                continue
            self._check_credential(message, first=context_id not in contexts)
            contexts.add(context_id)
            if len(contexts) > _MAX_CONTEXTS:
                raise _Violation("max_active_conversations", "More than 5 contexts are open")
            await self._say(text(message, "text"), {"contextId": context_id})

    async def _receive(self) -> JsonObject:
        message = parse(await self._connection.receive())
        if message is None:
            raise _Violation("invalid_message", "The message is no JSON object")
        return message

    def _check_credential(self, message: JsonObject, *, first: bool) -> None:
        """Judge the credentials in ``message``; the first must have some if nothing else had."""
        given = [message[name] for name in _CREDENTIAL_MEMBERS if name in message]
        if any(value not in (self._key, f"Bearer {self._key}") for value in given):
            raise _Violation("invalid_api_key", "The API key is not valid")
        if first and not given and not self._known:
            raise _Violation("needs_authorization", "An API key is needed")

    async def _say(self, words: str, context: JsonObject) -> None:
        if not words.strip():
            return
        spoken = words.split()[:_MAX_WORDS]
        alignment = _alignment(words, len(spoken) * PIECE_SECONDS)
        audio: JsonObject = {
            "audio": to_base64(speech(self._rate, spoken)),
            "isFinal": None,
            "alignment": alignment,
            "normalizedAlignment": alignment,
        }
        await send(self._connection, audio | context)

    async def _end_context(self, context_id: str) -> None:
        await send(self._connection, {"isFinal": True, "contextId": context_id})


def _alignment(words: str, seconds: float) -> JsonObject:
    """The characters of ``words``, spread evenly over ``seconds``."""
    step = seconds * 1000 / len(words)
    return {
        "chars": list(words),
        "charStartTimesMs": [round(step * index) for index in range(len(words))],
        "charDurationsMs": [round(step)] * len(words),
    }


def sample_rate(request: Request) -> int:
    """The rate in an ``output_format`` such as ``pcm_24000`` or ``mp3_44100_128``, in Hz."""
    found = re.match("[a-z0-9]+_([1-9][0-9]{3,4})(?:_|$)", request.parameter("output_format") or "")
    return int(found.group(1)) if found else 44100
