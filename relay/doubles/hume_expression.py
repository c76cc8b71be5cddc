"""A double of Hume's expression measurement for audio, ``/v1/expression/audio/realtime``.

``session.created`` comes first; ``session.update`` before any audio sets ``measurement_timer_ms``.
Audio comes in binary messages, PCM16 at 16 kHz, and counts as one utterance from the first sample:
``utterance.start``, a ``measurement.result`` for every timer's length of audio, and, on
``session.close``, a last one if a second or more is not measured yet, ``utterance.end``,
``session.closed`` with totals, and Close 1000. A frame that is empty, odd or longer than ten
seconds gets an ``error`` and the session goes on; a wrong configuration or a message over 1 MiB
ends it with ``error``, ``session.closed`` and Close 1008.

Shapes and rules: Hume's API reference and the types of its expression measurement SDKs. Whether
``session.closed`` follows an error, and the codes of the Closes, are not confirmed.
"""

from __future__ import annotations

import secrets

from relay.doubles.audio import seconds_of
from relay.doubles.messages import JsonObject, member, number, parse, section, send, text
from relay.doubles.server import Connection

__all__ = ["measure"]

_SAMPLE_RATE = 16000
_MAX_MESSAGE_SIZE = 1024 * 1024
_MAX_FRAME_SECONDS = 10.0
_MAX_WINDOW_MS = 10_000
_MIN_LAST_MS = 1000
_FORMAT = {"type": "audio/pcm", "encoding": "s16le", "sample_rate": _SAMPLE_RATE, "channels": 1}
_DEFAULT_TIMER_MS = 3000
_MIN_TIMER_MS = 100


class _Fatal(Exception):  # noqa: N818 (what the client did, not what failed)
    """The client did something that ends the session."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


async def measure(connection: Connection) -> None:
    """Play one session on an accepted connection."""
    session = _Session(connection)
    try:
        await session.run()
    except _Fatal as fatal:
        await session.send_error(fatal.code, str(fatal), retryable=False)
        await session.send_closed("error")
        await connection.close(1008, "error")


class _Session:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._id = secrets.token_hex(16)
        self._timer_ms = _DEFAULT_TIMER_MS
        self._size = 0
        self._frames = 0
        self._measurements = 0
        self._measured_ms = 0

    async def run(self) -> None:
        await self._send("session.created", session_id=self._id, **self._config())
        while True:
            message = await self._connection.receive()
            if len(message) > _MAX_MESSAGE_SIZE:
                raise _Fatal("message_too_large", "The message is larger than 1 MiB")
            if isinstance(message, bytes):
                await self._take_audio(message)
                continue
            event = parse(message)
            if text(event, "type") == "session.update":
                self._configure(event)
                await self._send("session.updated", **self._config())
            elif text(event, "type") == "session.close":
                await self._end_utterance()
                await self.send_closed("client_request")
                await self._connection.close(1000, "client_request")
                return
            else:
                reason = "The message is neither session.update nor session.close"
                await self.send_error("message_invalid", reason)

    async def send_error(self, code: str, message: str, *, retryable: bool = True) -> None:
        """Send an ``error``; one that is not ``retryable`` ends the session."""
        await self._send("error", code=code, message=message, retryable=retryable)

    async def send_closed(self, reason: str) -> None:
        """Say why the session ends, and how much went each way."""
        utterances = 1 if self._size else 0
        await self._send(
            "session.closed",
            session_id=self._id,
            reason=reason,
            received={"audio_duration_ms": self._heard_ms(), "frames": self._frames},
            produced={"utterances": utterances, "measurements": self._measurements},
        )

    def _configure(self, event: JsonObject | None) -> None:
        if self._size:
            raise _Fatal("config_invalid", "The configuration is fixed once audio was sent")
        audio = section(event, "audio")
        if any(_FORMAT.get(name) != value for name, value in audio.items()):
            raise _Fatal("config_invalid", "The only format is audio/pcm, s16le, 16000 Hz, mono")
        timer = member(event, "measurement_timer_ms")
        timer_ms = _DEFAULT_TIMER_MS if timer is None else number(event, "measurement_timer_ms")
        if timer_ms is None or not _MIN_TIMER_MS <= timer_ms <= _MAX_WINDOW_MS:
            raise _Fatal("config_invalid", "measurement_timer_ms is out of range")
        self._timer_ms = timer_ms

    async def _take_audio(self, audio: bytes) -> None:
        seconds = seconds_of(len(audio), _SAMPLE_RATE)
        if not audio or len(audio) % 2 or seconds > _MAX_FRAME_SECONDS:
            reason = "The frame is empty, odd or longer than 10 seconds"
            await self.send_error("invalid_audio_frame", reason)
            return
        if not self._size:
            await self._send("utterance.start", utterance_id=0, audio_start_ms=0)
        self._size += len(audio)
        self._frames += 1
        while self._heard_ms() - self._measured_ms >= self._timer_ms:
            await self._send_result(self._measured_ms + self._timer_ms, "interval")

    async def _end_utterance(self) -> None:
        if not self._size:
            return
        end_ms = self._heard_ms()
        if not self._measurements or end_ms - self._measured_ms >= _MIN_LAST_MS:
            await self._send_result(end_ms, "speech_ended")
        times = {"audio_start_ms": 0, "audio_end_ms": end_ms}
        await self._send("utterance.end", utterance_id=0, **times)

    async def _send_result(self, end_ms: int, trigger: str) -> None:
        await self._send(
            "measurement.result",
            measurement_id=self._measurements,
            utterance_id=0,
            audio_start_ms=max(0, end_ms - _MAX_WINDOW_MS),
            audio_end_ms=end_ms,
            trigger=trigger,
            expressions=[{"name": "interest", "probability": 0.6}],
            voice_attributes=[{"name": "clear", "probability": 0.9}],
        )
        self._measurements += 1
        self._measured_ms = end_ms

    def _heard_ms(self) -> int:
        return round(seconds_of(self._size, _SAMPLE_RATE) * 1000)

    def _config(self) -> JsonObject:
        return {"audio": dict(_FORMAT), "measurement_timer_ms": self._timer_ms}

    async def _send(self, kind: str, **members: object) -> None:
        await send(self._connection, {"type": kind, **members})
