"""One session of Speechmatics' realtime transcription.

``StartRecognition`` comes first and is answered by ``RecognitionStarted``. Every binary message of
audio is answered by ``AudioAdded``, and every second of it by ``AddTranscript``, with
``enable_partials`` by an ``AddPartialTranscript`` before. ``EndOfStream`` transcribes what is left
and ends with ``EndOfTranscript`` and Close 1000. Of several channels each has its
``AddChannelAudio`` and ``EndOfChannel``; the last of those ends the session.
``ForceEndOfUtterance`` is answered by a forced transcript and ``EndOfUtterance``, ``GetSpeakers``
by ``SpeakersResult``, and ``SetRecognitionConfig`` by nothing.

An error is an ``Error`` message and then a Close: 1003 for messages in the wrong order, 1008 for
all else, such as an hour without audio. Audio of the format ``file`` counts as PCM16 at 16 kHz.

Shapes and the codes of the Closes: Speechmatics' API reference and its SDK. Not confirmed: who
closes after ``EndOfTranscript``, and that an unknown message ends the session.
"""

from __future__ import annotations

import secrets

import trio

from relay.doubles.messages import (
    JsonObject,
    decoded,
    elements,
    member,
    number,
    parse,
    section,
    send,
    text,
)
from relay.doubles.server import Connection

__all__ = ["IDLE_TIMEOUT", "transcribe"]

IDLE_TIMEOUT = 3600.0
"""Seconds without audio after which a session ends."""

_SAMPLE_SIZES = {"pcm_s16le": 2, "pcm_f32le": 4, "mulaw": 1}
_FILE_BYTE_RATE = 32000
_FORMAT_VERSION = "2.1"
_CLOSES = {"protocol_error": (1003, "protocol_error")}
_OTHER_CLOSE = (1008, "policy_violation")


class _Failure(Exception):  # noqa: N818 (what ends the session, not always the client's error)
    """The session ends with an ``Error`` of this kind."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


async def transcribe(connection: Connection) -> None:
    """Play one session on an accepted connection."""
    try:
        await _Session(connection, parse(await connection.receive())).run()
    except _Failure as failure:
        error: JsonObject = {"message": "Error", "type": failure.kind, "reason": str(failure)}
        await send(connection, error)
        await connection.close(*_CLOSES.get(failure.kind, _OTHER_CLOSE))


class _Channel:
    """The audio of one channel: how much has come, and how much of it is transcribed."""

    def __init__(self, members: JsonObject) -> None:
        self.members = members
        self.seq_no = 0
        self.size = 0
        self.said_size = 0


class _Session:
    def __init__(self, connection: Connection, started: JsonObject | None) -> None:
        if text(started, "message") != "StartRecognition":
            raise _Failure("protocol_error", "StartRecognition must come first")
        config = section(started, "transcription_config")
        if not text(config, "language"):
            raise _Failure("invalid_config", "transcription_config has no language")
        self._connection = connection
        self._byte_rate = _byte_rate(section(started, "audio_format"))
        self._language = text(config, "language")
        self._partials = member(config, "enable_partials") is True
        labels = elements(config, "channel_diarization_labels")
        self._names = [name for name in labels if isinstance(name, str)]
        self._channels = {name: _Channel({"channel": name}) for name in self._names}
        self._stream = _Channel({})
        self._deadline = trio.current_time() + IDLE_TIMEOUT

    async def run(self) -> None:
        info = {"word_delimiter": " ", "writing_direction": "left-to-right"}
        members: JsonObject = {"id": secrets.token_hex(16), "language_pack_info": info}
        if self._names:
            members["channel_ids"] = self._names
        await self._send("RecognitionStarted", **members)
        while True:
            message: str | bytes | None = None
            with trio.move_on_at(self._deadline):
                message = await self._connection.receive()
            if message is None:
                raise _Failure("idle_timeout", "No audio was sent within the last hour")
            if isinstance(message, bytes):
                await self._add(self._stream, message, "AudioAdded")
            elif await self._take(parse(message)):
                await self._send("EndOfTranscript")
                await self._connection.close()
                return

    async def _take(self, event: JsonObject | None) -> bool:
        """Answer one message; whether it ends the session."""
        match text(event, "message"):
            case "EndOfStream":
                await self._finish(self._stream)
                return True
            case "AddChannelAudio":
                audio = decoded(event, "data")
                if audio is None:
                    raise _Failure("invalid_message", "data is not base64")
                await self._add(self._find(event), audio, "ChannelAudioAdded")
            case "EndOfChannel":
                channel = self._find(event)
                await self._finish(channel)
                del self._channels[text(event, "channel")]
                return not self._channels
            case "ForceEndOfUtterance":
                channel = self._find(event) if self._names else self._stream
                await self._finish(channel, forced=True)
                at = channel.size / self._byte_rate
                metadata = {"start_time": at, "end_time": at}
                forced = {**channel.members, "forced": True}
                await self._send("EndOfUtterance", metadata=metadata, **forced)
            case "GetSpeakers":
                await self._send("SpeakersResult", speakers=[])
            case "SetRecognitionConfig":
                pass
            case "StartRecognition":
                raise _Failure("protocol_error", "The recognition has started already")
            case _:
                raise _Failure("invalid_message", "The message is not understood")
        return False

    def _find(self, event: JsonObject | None) -> _Channel:
        channel = self._channels.get(text(event, "channel"))
        if channel is None:
            raise _Failure("protocol_error", "There is no such channel, or it has ended")
        return channel

    async def _add(self, channel: _Channel, audio: bytes, added: str) -> None:
        self._deadline = trio.current_time() + IDLE_TIMEOUT
        channel.seq_no += 1
        channel.size += len(audio)
        await self._send(added, seq_no=channel.seq_no, **channel.members)
        while channel.size - channel.said_size >= self._byte_rate:
            await self._say(channel, channel.said_size + self._byte_rate)

    async def _finish(self, channel: _Channel, *, forced: bool = False) -> None:
        if channel.size > channel.said_size:
            await self._say(channel, channel.size, forced=forced)

    async def _say(self, channel: _Channel, size: int, *, forced: bool = False) -> None:
        """Transcribe the audio of ``channel`` up to ``size`` that has not been transcribed."""
        start, end = channel.said_size / self._byte_rate, size / self._byte_rate
        channel.said_size = size
        words = f"{end - start:.1f} seconds of audio".split()
        step = (end - start) / len(words)
        transcript: JsonObject = {
            "format": _FORMAT_VERSION,
            "metadata": {"start_time": start, "end_time": end, "transcript": " ".join(words)},
            "results": [
                {
                    "type": "word",
                    "start_time": round(start + step * index, 3),
                    "end_time": round(start + step * (index + 1), 3),
                    "alternatives": [
                        {"content": word, "confidence": 1.0, "language": self._language}
                    ],
                }
                for index, word in enumerate(words)
            ],
            **channel.members,
        }
        if self._partials:
            await self._send("AddPartialTranscript", **transcript)
        mark: JsonObject = {"forced": True} if forced else {}
        await self._send("AddTranscript", **transcript, **mark)

    async def _send(self, kind: str, **members: object) -> None:
        await send(self._connection, {"message": kind, **members})


def _byte_rate(audio_format: JsonObject) -> int:
    """Bytes of audio a second, in the format that the client announced."""
    if text(audio_format, "type") == "file":
        return _FILE_BYTE_RATE
    sample_size = _SAMPLE_SIZES.get(text(audio_format, "encoding"), 0)
    rate = number(audio_format, "sample_rate") or 0
    if text(audio_format, "type") != "raw" or not sample_size or not 8000 <= rate <= 48000:
        raise _Failure("invalid_audio_type", "The audio format is not supported")
    return sample_size * rate
