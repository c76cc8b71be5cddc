"""A double of Mistral's realtime transcription, ``/v1/audio/transcriptions/realtime``.

``session.created`` comes first; ``session.update`` is answered by ``session.updated``, but once
audio has come by an ``error``. Audio comes in ``input_audio.append``, at most 256 KiB each, in the
session's ``audio_format``. ``transcription.language`` comes before the first
``transcription.text.delta``; there is a delta for every second of audio, and one for what is left
on ``input_audio.flush`` and ``input_audio.end``. The latter ends with ``transcription.done``, whose
``usage`` counts the seconds, and Close 1000. Any other message gets an ``error`` and the session
goes on. The double detects neither turns nor speakers.

Shapes and the limits above: the types of Mistral's SDKs. Not confirmed: the numbers of the error
codes, that a session goes on after an error, and who closes after ``transcription.done``.
"""

from __future__ import annotations

import math
import secrets

from relay.doubles.messages import JsonObject, decoded, number, parse, section, send, text
from relay.doubles.server import Connection

__all__ = ["transcribe"]

_MAX_AUDIO_SIZE = 262_144
_INVALID_CODE = 3000

_SAMPLE_SIZES = {
    "pcm_s16le": 2,
    "pcm_s32le": 4,
    "pcm_f16le": 2,
    "pcm_f32le": 4,
    "pcm_mulaw": 1,
    "pcm_alaw": 1,
}

# What a session may set, apart from its audio format.
_OPTIONS = (
    "target_streaming_delay_ms",
    "diarize",
    "context_bias",
    "language",
    "turn_detection",
)


async def transcribe(connection: Connection, model: str) -> None:
    """Play one session on an accepted connection."""
    await _Session(connection, model).run()


class _Session:
    def __init__(self, connection: Connection, model: str) -> None:
        self._connection = connection
        self._model = model
        self._format = {"encoding": "pcm_s16le", "sample_rate": 16000}
        self._byte_rate = 32000
        self._config: JsonObject = {
            "request_id": secrets.token_hex(16),
            "model": model,
            "audio_format": self._format,
        }
        self._size = 0
        self._said_size = 0
        self._words: list[str] = []

    async def run(self) -> None:
        await self._send("session.created", session=self._config)
        while True:
            event = parse(await self._connection.receive())
            kind = text(event, "type")
            if kind == "session.update":
                await self._update(section(event, "session"))
            elif kind == "input_audio.append":
                await self._append(decoded(event, "audio"))
            elif kind == "input_audio.flush":
                await self._say(self._size)
            elif kind == "input_audio.end":
                await self._say(self._size)
                await self._send_done()
                await self._connection.close()
                return
            else:
                await self._send_error("There is no such message")

    async def _update(self, changes: JsonObject) -> None:
        audio_format = section(changes, "audio_format")
        encoding = text(audio_format, "encoding")
        rate = number(audio_format, "sample_rate") or 0
        if self._size:
            await self._send_error("The session cannot be updated once audio was sent")
            return
        if audio_format:
            if encoding not in _SAMPLE_SIZES or not 8000 <= rate <= 48000:
                await self._send_error("The audio format is not supported")
                return
            self._format.update(encoding=encoding, sample_rate=rate)
            self._byte_rate = rate * _SAMPLE_SIZES[encoding]
        self._config.update({name: changes[name] for name in _OPTIONS if name in changes})
        await self._send("session.updated", session=self._config)

    async def _append(self, audio: bytes | None) -> None:
        if audio is None or len(audio) > _MAX_AUDIO_SIZE:
            await self._send_error("The audio is not base64 of at most 262144 bytes")
            return
        self._size += len(audio)
        while self._size - self._said_size >= self._byte_rate:
            await self._say(self._said_size + self._byte_rate)

    async def _say(self, size: int) -> None:
        """Transcribe the audio up to ``size`` that has not been transcribed yet."""
        seconds = (size - self._said_size) / self._byte_rate
        if size == self._said_size:
            return
        if not self._words:
            await self._send("transcription.language", audio_language="en")
        self._said_size = size
        self._words.append(f"{' ' if self._words else ''}{seconds:.1f} seconds of audio.")
        await self._send("transcription.text.delta", text=self._words[-1])

    async def _send_done(self) -> None:
        seconds = math.ceil(self._size / self._byte_rate)
        read, written = round(self._size / self._byte_rate * 12.5), 4 * len(self._words)
        await self._send(
            "transcription.done",
            model=self._model,
            text="".join(self._words),
            language="en" if self._words else None,
            segments=[],
            usage={
                "prompt_audio_seconds": seconds,
                "prompt_tokens": read,
                "completion_tokens": written,
                "total_tokens": read + written,
            },
        )

    async def _send_error(self, message: str) -> None:
        await self._send("error", error={"message": message, "code": _INVALID_CODE})

    async def _send(self, kind: str, **members: object) -> None:
        await send(self._connection, {"type": kind, **members})
