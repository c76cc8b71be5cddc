"""A double of Deepgram's speech to text with turns (Flux), ``/v2/listen``.

``Connected`` comes first. Audio, in binary messages, is answered by ``TurnInfo``: ``StartOfTurn``
at first, then ``Update``, and after a second ``EndOfTurn``, with ``?eager_eot_threshold=`` after
``EagerEndOfTurn``. A turn ends only by ``ForceEndTurn`` while ``eot_threshold`` is 1. ``Configure``
changes the thresholds, ``CloseStream`` ends with Close 1000. Any other message, ``KeepAlive``
included, ends with ``Error``. Every message has the next ``sequence_id``; those of a multilingual
model name the languages.

Deepgram ends a connection after a minute without any frame, Ping included; the double does not,
since it does not see Pings.

Documented: the messages and their members. Not confirmed: the codes of errors and of their Close
(here 1008).
"""

from __future__ import annotations

import itertools
import re

from relay.doubles.deepgram_audio import InputFormat, timed_words
from relay.doubles.deepgram_failure import Failure
from relay.doubles.messages import JsonObject, elements, member, parse, section, send, text
from relay.doubles.server import Connection

__all__ = ["transcribe_turns"]

_TURN_SECONDS = 1.0
_THRESHOLDS = ("eager_eot_threshold", "eot_threshold", "eot_timeout_ms")


async def transcribe_turns(connection: Connection, model: str, request_id: str) -> None:
    """Transcribe on an accepted connection, turn by turn, until the client closes the stream."""
    listener = _Listener(connection, model, request_id)
    try:
        await listener.run()
    except Failure as failure:
        await listener.send("Error", code="UNPARSABLE_CLIENT_MESSAGE", description=str(failure))
        await connection.close(failure.status, failure.code)


class _Listener:
    def __init__(self, connection: Connection, model: str, request_id: str) -> None:
        request = connection.request
        self._connection = connection
        self._format = InputFormat.of(request)
        self._request_id = request_id
        self._sequence_ids = itertools.count()
        self._thresholds = {
            name: threshold
            for name in _THRESHOLDS
            if (threshold := _number(request.parameter(name))) is not None
        }
        self._languages: JsonObject = {}
        if model.endswith("-multi"):
            hinted = [value for name, value in request.query if name == "language_hint"]
            self._languages = {"languages": ["en"], "languages_hinted": hinted}
        self._size = 0
        self._pending = 0
        self._turn_index = 0

    async def run(self) -> None:
        await self.send("Connected")
        while True:
            message = await self._connection.receive()
            if isinstance(message, bytes):
                await self._hear(message)
                continue
            command = parse(message)
            match text(command, "type"):
                case "CloseStream":
                    await self._connection.close()
                    return
                case "ForceEndTurn" if self._pending:
                    await self._end_turn("manual")
                case "ForceEndTurn":
                    code = "FORCE_END_TURN_NO_ACTIVE_TURN"
                    await self.send("Warning", code=code, description="There is no active turn.")
                case "Configure":
                    await self._configure(command)
                case _:
                    raise Failure("DATA-0000", "The text message is no command.")

    async def send(self, kind: str, **members: object) -> None:
        """Send a message with the next number."""
        identity: JsonObject = {"request_id": self._request_id}
        numbered = identity | {"sequence_id": next(self._sequence_ids)}
        await send(self._connection, {"type": kind, **numbered, **members})

    async def _hear(self, audio: bytes) -> None:
        if not audio:
            return
        if not self._size and not self._format.begins(audio):
            raise Failure("DATA-0000", "The payload cannot be decoded as audio.")
        event = "Update" if self._pending else "StartOfTurn"
        self._size += len(audio)
        self._pending += len(audio)
        await self._send_turn(event, confidence=0.1)
        manual = self._thresholds.get("eot_threshold") == 1
        if not manual and self._format.seconds(self._pending) >= _TURN_SECONDS:
            if "eager_eot_threshold" in self._thresholds:
                await self._send_turn("EagerEndOfTurn", confidence=0.5)
            await self._end_turn("model")

    async def _end_turn(self, trigger: str) -> None:
        await self._send_turn("EndOfTurn", confidence=0.9, trigger=trigger)
        self._pending = 0
        self._turn_index += 1

    async def _send_turn(self, event: str, *, confidence: float, **members: object) -> None:
        start = self._format.seconds(self._size - self._pending)
        seconds = self._format.seconds(self._pending)
        transcript = f"{seconds:.1f} seconds of audio"
        await self.send(
            "TurnInfo",
            event=event,
            turn_index=self._turn_index,
            audio_window_start=start,
            audio_window_end=self._format.seconds(self._size),
            transcript=transcript,
            words=timed_words(transcript, start, seconds),
            end_of_turn_confidence=confidence,
            **self._languages,
            **members,
        )

    async def _configure(self, command: JsonObject | None) -> None:
        thresholds = section(command, "thresholds")
        for name in _THRESHOLDS:
            value = member(thresholds, name)
            if isinstance(value, int | float) and not isinstance(value, bool):
                self._thresholds[name] = value
        keyterms = [term for term in elements(command, "keyterms") if isinstance(term, str)]
        await self.send("ConfigureSuccess", thresholds=dict(self._thresholds), keyterms=keyterms)


def _number(digits: str | None) -> float | None:
    return float(digits) if digits and re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", digits) else None
