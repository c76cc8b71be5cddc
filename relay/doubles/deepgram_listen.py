"""A double of Deepgram's speech to text, ``/v1/listen``.

Audio comes in binary messages. With ``?interim_results=true`` each is answered by interim
``Results``; after every second come final ones, with ``?multichannel=true`` for each channel, with
``?vad_events=true`` ``SpeechStarted`` before, with ``?utterance_end_ms=`` ``UtteranceEnd`` after.
``Finalize`` asks for what is left. ``CloseStream``, or an empty binary message as it once was,
gets what is left, ``Metadata`` and Close 1000. ``KeepAlive`` has no answer. ``Configure`` changes
the key terms of Nova-3.

Ten seconds without a message end the connection with Close 1011 NET-0001, and before the first
audio ``KeepAlive`` does not help. Audio without ``?encoding=`` that is in no container ends it with
1008 DATA-0000.

Documented: all of these. Not confirmed: what a text message that is no command gets (here
``Error`` and 1008 DATA-0000).
"""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime

import trio

from relay.doubles.deepgram_audio import InputFormat, timed_words
from relay.doubles.deepgram_failure import Failure, receive_before
from relay.doubles.messages import JsonObject, elements, parse, send, text
from relay.doubles.server import Connection

__all__ = ["SILENCE_TIMEOUT", "transcribe"]

SILENCE_TIMEOUT = 10.0
"""Seconds without a message after which the connection ends."""

_UTTERANCE_SECONDS = 1.0


async def transcribe(connection: Connection, model: str, request_id: str) -> None:
    """Transcribe on an accepted connection until the client closes the stream."""
    try:
        await _Transcriber(connection, model, request_id).run()
    except Failure as failure:
        await connection.close(failure.status, failure.code)


class _Transcriber:
    def __init__(self, connection: Connection, model: str, request_id: str) -> None:
        request = connection.request
        self._connection = connection
        self._format = InputFormat.of(request)
        self._interim = request.parameter("interim_results") == "true"
        self._vad_events = request.parameter("vad_events") == "true"
        self._ends_utterances = request.parameter("utterance_end_ms") is not None
        self._multichannel = request.parameter("multichannel") == "true"
        self._request_id = request_id
        self._model_uuid = str(uuid.uuid4())
        self._model_info: JsonObject = {"name": model, "version": "1.0", "arch": "double"}
        self._digest = hashlib.sha256()
        self._size = 0
        self._pending = 0

    async def run(self) -> None:
        deadline = trio.current_time() + SILENCE_TIMEOUT
        open_ = True
        while open_:
            what = "No message came within the timeout"
            message = await receive_before(self._connection, deadline, "NET-0001", what)
            if message == b"":
                open_ = False
            elif isinstance(message, bytes):
                await self._hear(message)
            else:
                open_ = await self._obey(message)
            if self._size:
                deadline = trio.current_time() + SILENCE_TIMEOUT
        await self._finish()

    async def _hear(self, audio: bytes) -> None:
        if not self._size and not self._format.begins(audio):
            raise Failure("DATA-0000", "The payload cannot be decoded as audio")
        if self._vad_events and not self._pending:
            started = self._format.seconds(self._size)
            await self._send("SpeechStarted", channel=self._channel_index(0), timestamp=started)
        self._digest.update(audio)
        self._size += len(audio)
        self._pending += len(audio)
        if self._format.seconds(self._pending) >= _UTTERANCE_SECONDS:
            await self._send_results(is_final=True)
            if self._ends_utterances:
                ended = self._format.seconds(self._size)
                index = self._channel_index(0)
                await self._send("UtteranceEnd", channel=index, last_word_end=ended)
        elif self._interim:
            await self._send_results(is_final=False)

    async def _obey(self, message: str) -> bool:
        """Do what a text message says; whether the stream goes on."""
        command = parse(message)
        match text(command, "type"):
            case "KeepAlive":
                pass
            case "Finalize":
                if self._pending:
                    await self._send_results(is_final=True, from_finalize=True)
            case "Configure":
                await self._configure(command)
            case "CloseStream":
                return False
            case _:
                what = "The text message is no command"
                await self._send("Error", variant="UnknownMessage", description=what, message=what)
                raise Failure("DATA-0000", what)
        return True

    async def _configure(self, command: JsonObject | None) -> None:
        identity: JsonObject = {"request_id": self._request_id}
        if "nova-3" in text(self._model_info, "name"):
            keyterms = [term for term in elements(command, "keyterms") if isinstance(term, str)]
            await self._send("ConfigureSuccess", **identity, keyterms=keyterms)
        else:
            code = "CONFIGURE_KEYTERMS_NOT_SUPPORTED"
            what = "Only Nova-3 takes key terms during a stream"
            await self._send("ConfigureFailure", **identity, code=code, description=what)

    async def _finish(self) -> None:
        if self._pending:
            await self._send_results(is_final=True)
        await self._send(
            "Metadata",
            transaction_key="deprecated",
            request_id=self._request_id,
            sha256=self._digest.hexdigest(),
            created=datetime.now(UTC).isoformat(timespec="milliseconds"),
            duration=self._format.seconds(self._size),
            channels=self._format.channels if self._size else 0,
            models=[self._model_uuid],
            model_info={self._model_uuid: self._model_info},
        )
        await self._connection.close()

    async def _send_results(self, *, is_final: bool, from_finalize: bool = False) -> None:
        seconds = self._format.seconds(self._pending)
        start = self._format.seconds(self._size - self._pending)
        transcript = f"{seconds:.1f} seconds of audio"
        words = timed_words(transcript, start, seconds)
        alternative = {"transcript": transcript, "confidence": 0.99, "words": words}
        for channel in range(self._format.channels if self._multichannel else 1):
            await self._send(
                "Results",
                channel_index=self._channel_index(channel),
                duration=seconds,
                start=start,
                is_final=is_final,
                speech_final=is_final,
                from_finalize=from_finalize,
                channel={"alternatives": [alternative]},
                metadata={
                    "request_id": self._request_id,
                    "model_info": self._model_info,
                    "model_uuid": self._model_uuid,
                },
            )
        if is_final:
            self._pending = 0

    def _channel_index(self, channel: int) -> list[int]:
        """The number of a channel, and how many there are."""
        return [channel, self._format.channels if self._multichannel else 1]

    async def _send(self, kind: str, **members: object) -> None:
        await send(self._connection, {"type": kind, **members})
