"""A double of Mistral's realtime text to speech, ``/v1/audio/speech/realtime``.

``session.created`` comes first; ``session.update`` is answered by ``session.updated``. Every
``input_text.append`` with words is answered by ``speech.audio.delta`` events, a tenth of a second
of tone for each word (twenty at most). ``input_text.flush``, which may bring a last text, ends a
generation with ``speech.audio.done`` and its ``usage``; ``input_text.end`` does the same and then
closes with 1000. Any other message gets an ``error`` and the session goes on. The voice called
``unknown`` is one that there is not: as Mistral does, the double refuses it by Close 1008.

Audio is at 24 kHz: 32-bit floats in ``pcm``, PCM16 otherwise, in ``wav`` (the first format of a
session) with a header on each delta; the double has no other encoder.

Shapes: the types of Mistral's SDKs and their tests, which also tell the Close for voices. Not
confirmed: the number of the error code, the rate, the first values of a session, who closes after
``input_text.end``, and the header on each delta.
"""

from __future__ import annotations

import secrets

from relay.doubles.audio import pieces, speech, to_base64, to_float32, wav_header
from relay.doubles.messages import JsonObject, member, parse, section, send, text
from relay.doubles.server import Connection

__all__ = ["speak"]

_UNKNOWN_VOICE = "unknown"
"""The voice that the double does not have."""

_SAMPLE_RATE = 24000
_MAX_WORDS = 20
_INVALID_CODE = 3000
_CHOICES = {
    "response_format": frozenset({"pcm", "wav", "mp3", "flac", "opus"}),
    "streaming_mode": frozenset({"responsive", "long_form"}),
}


async def speak(connection: Connection, model: str) -> None:
    """Play one session on an accepted connection."""
    await _Session(connection, model).run()


class _Session:
    def __init__(self, connection: Connection, model: str) -> None:
        self._connection = connection
        self._config: JsonObject = {
            "request_id": secrets.token_hex(16),
            "model": model,
            "voice": None,
            "is_ref_audio": False,
            "streaming_mode": "responsive",
            "response_format": "wav",
            "expressiveness": 1.0,
        }
        self._read = 0
        self._written = 0

    async def run(self) -> None:
        await self._send("session.created", session=self._config)
        while True:
            event = parse(await self._connection.receive())
            kind = text(event, "type")
            if kind == "session.update":
                changes = section(event, "session")
                if text(changes, "voice") == _UNKNOWN_VOICE:
                    await self._connection.close(1008, f"Voice {_UNKNOWN_VOICE!r} not found.")
                    return
                await self._update(changes)
            elif kind == "input_text.append" and isinstance(member(event, "text"), str):
                await self._say(text(event, "text"))
            elif kind in {"input_text.flush", "input_text.end"}:
                await self._say(text(event, "text"))
                await self._send_done()
                if kind == "input_text.end":
                    await self._connection.close()
                    return
            else:
                await self._send_error("There is no such message")

    async def _update(self, changes: JsonObject) -> None:
        for name, choices in _CHOICES.items():
            if name in changes and text(changes, name) not in choices:
                await self._send_error(f"{name} is not supported")
                return
        voice, ref_audio = text(changes, "voice"), text(changes, "ref_audio")
        expressiveness = changes.get("expressiveness", 1.0)
        if voice and ref_audio:
            await self._send_error("voice and ref_audio exclude each other")
        elif not isinstance(expressiveness, int | float) or expressiveness < 1.0:
            await self._send_error("expressiveness is at least 1.0")
        else:
            names = (*_CHOICES, "expressiveness")
            self._config.update({name: changes[name] for name in names if name in changes})
            if voice or ref_audio:
                self._config.update(voice=voice or None, is_ref_audio=bool(ref_audio))
            await self._send("session.updated", session=self._config)

    async def _say(self, words: str) -> None:
        self._read += len(words.split())
        for piece in pieces(speech(_SAMPLE_RATE, words.split()[:_MAX_WORDS]), _SAMPLE_RATE):
            self._written += 1
            await self._send("speech.audio.delta", audio_data=to_base64(self._encode(piece)))

    def _encode(self, pcm: bytes) -> bytes:
        match self._config["response_format"]:
            case "pcm":
                return to_float32(pcm)
            case "wav":
                return wav_header(_SAMPLE_RATE, len(pcm)) + pcm
            case _:
                return pcm

    async def _send_done(self) -> None:
        usage = {
            "prompt_tokens": self._read,
            "completion_tokens": self._written,
            "total_tokens": self._read + self._written,
        }
        self._read = self._written = 0
        await self._send("speech.audio.done", usage=usage)

    async def _send_error(self, message: str) -> None:
        await self._send("error", error={"message": message, "code": _INVALID_CODE})

    async def _send(self, kind: str, **members: object) -> None:
        await send(self._connection, {"type": kind, **members})
