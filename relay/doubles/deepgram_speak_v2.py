"""A double of Deepgram's text to speech with turns (Flux TTS), ``/v2/speak``.

``Connected`` comes first. The first ``Speak`` of a turn is answered by ``SpeechStarted``, each by
its audio, in binary messages, a tenth of a second of tone for each word (ten at most). ``Flush``
ends the turn: ``Flushed`` and ``SpeechMetadata``. ``Interrupt`` ends it, too, with
``SpeechInterrupted``, which with a ``playback_offset`` says what of the text was heard.
``Configure`` sets the speed, which the double acknowledges and does not change. ``Close`` gets
``SessionMetadata``, the usage of all turns, and Close 1000. Audio is PCM16, as in
``deepgram_speak.py``.

Every ``Error`` is followed by Close: what cannot be parsed (MESSAGE-0000), what is no command
(DATA-0000), more than 64 KiB (BIG-0000), an hour (NET-0003). Deepgram ends a connection after a
minute without any frame, Ping included (NET-0004); the double does not, since it does not see
Pings.

Documented: the messages, their members and codes. Not confirmed: the size of a message, the status
codes of the Close (here those that ``/v1/speak`` has for the same names).
"""

from __future__ import annotations

import secrets
import uuid

import trio

from relay.doubles.audio import PIECE_SECONDS, pieces, speech
from relay.doubles.deepgram_failure import Failure, receive_before
from relay.doubles.deepgram_speak import MAX_WORDS, SESSION_LIMIT, sample_rate
from relay.doubles.messages import JsonObject, member, number, parse, section, send, text
from relay.doubles.server import Connection

__all__ = ["speak_turns"]

_MAX_MESSAGE = 64 * 1024
_WORD_MS = round(PIECE_SECONDS * 1000)


async def speak_turns(connection: Connection, model: str, request_id: str) -> None:
    """Speak on an accepted connection, turn by turn, until the client closes it."""
    try:
        await _Speaker(connection, model, request_id).run()
    except Failure as failure:
        error: JsonObject = {"type": "Error", "code": failure.code, "description": str(failure)}
        await send(connection, error)
        await connection.close(failure.status, failure.code)


class _Turn:
    def __init__(self, start_ms: int) -> None:
        self.id = f"dg_sp_{secrets.token_hex(6)}"
        self.start_ms = start_ms
        self.characters = 0
        self.words: list[str] = []

    def metadata(self, duration_ms: int) -> JsonObject:
        """What Deepgram reports of the turn, of which ``duration_ms`` were spoken."""
        controls = {"pronunciations_applied": 0, "breaks_applied": 0, "pronunciation_warnings": 0}
        return {
            "speech_id": self.id,
            "audio_duration_ms": duration_ms,
            "input_character_count": self.characters,
            "billable_character_count": self.characters,
            "controls_applied": controls,
        }


class _Speaker:
    def __init__(self, connection: Connection, model: str, request_id: str) -> None:
        self._connection = connection
        self._rate = sample_rate(connection.request)
        self._identity = {
            "request_id": request_id,
            "model_name": model,
            "model_version": "1.0",
            "model_uuids": [str(uuid.uuid4())],
        }
        self._turn: _Turn | None = None
        self._spoken_ms = 0
        self._interrupted_ms = 0
        self._characters = 0

    async def run(self) -> None:
        await self._send("Connected", **self._identity)
        deadline = trio.current_time() + SESSION_LIMIT
        while True:
            what = "The session time limit was exceeded."
            message = await receive_before(self._connection, deadline, "NET-0003", what)
            size = len(message.encode() if isinstance(message, str) else message)
            if size > _MAX_MESSAGE:
                raise Failure("BIG-0000", "The message was too large to process.")
            command = parse(message) if isinstance(message, str) else None
            if command is None:
                raise Failure("MESSAGE-0000", "The message could not be parsed.")
            match text(command, "type"):
                case "Speak":
                    await self._speak(text(command, "text"))
                case "Flush":
                    await self._flush()
                case "Interrupt":
                    await self._interrupt(section(command, "playback_offset"))
                case "Configure":
                    await self._configure(member(command, "speed"))
                case "Close":
                    await self._finish()
                    return
                case _:
                    raise Failure("DATA-0000", "The message contained an invalid command.")

    async def _speak(self, words: str) -> None:
        if self._turn is None:
            self._turn = _Turn(self._spoken_ms)
            await self._send("SpeechStarted", speech_id=self._turn.id)
        spoken = words.split()[:MAX_WORDS]
        self._turn.characters += len(words)
        self._turn.words += spoken
        self._characters += len(words)
        self._spoken_ms += _WORD_MS * len(spoken)
        for piece in pieces(speech(self._rate, spoken), self._rate):
            await self._connection.send(piece)

    async def _flush(self) -> None:
        turn, self._turn = self._turn, None
        if turn is None:
            await self._warn("NO_ACTIVE_SPEECH", "There is no active turn.")
            return
        if not turn.words:
            await self._warn("NO_SYNTHESIZABLE_TEXT", "The turn has no text to speak.")
        await self._send("Flushed", speech_id=turn.id)
        await self._send("SpeechMetadata", **turn.metadata(self._spoken_ms - turn.start_ms))

    async def _interrupt(self, offset: JsonObject) -> None:
        played = number(offset, "value")
        turn = self._turn
        if not self._spoken_ms:
            await self._warn("NO_AUDIO_GENERATED", "There is nothing to interrupt.")
        elif turn is None:
            await self._warn("NO_ACTIVE_SPEECH", "There is no active turn.")
        elif played is not None and not self._interrupted_ms < played <= self._spoken_ms:
            await self._warn("INVALID_INTERRUPT_OFFSET", "The offset does not advance.")
        else:
            split: JsonObject = {}
            if played is not None:
                heard = max(0, played - turn.start_ms) // _WORD_MS
                split["text_spoken"] = " ".join(turn.words[:heard])
                split["text_remaining"] = " ".join(turn.words[heard:])
                self._spoken_ms = played
            self._interrupted_ms = self._spoken_ms
            metadata = turn.metadata(max(0, self._spoken_ms - turn.start_ms))
            what = {"audio_played_ms": self._spoken_ms, **split, "metadata": metadata}
            await self._send("SpeechInterrupted", **what)
            self._turn = None

    async def _configure(self, speed: object) -> None:
        if not isinstance(speed, int | float) or isinstance(speed, bool):
            raise Failure("MESSAGE-0000", "The message could not be parsed.")
        problem = None
        if not 0.5 <= speed <= 1.5:
            problem = ("SPEED_OUT_OF_RANGE", "'speed' must be between 0.5 and 1.5")
        elif abs(speed * 20 - round(speed * 20)) > 1e-6:
            problem = ("SPEED_INCREMENT_INVALID", "'speed' must be in increments of 0.05")
        if problem is None:
            await self._send("ConfigureSuccess", applied={"speed": speed})
        else:
            code, what = problem
            failure = {"code": code, "field": "speed", "value": speed, "description": what}
            await self._send("ConfigureFailure", **failure)

    async def _finish(self) -> None:
        await self._send(
            "SessionMetadata",
            total_audio_duration_ms=self._spoken_ms,
            total_input_character_count=self._characters,
            total_billable_character_count=self._characters,
        )
        await self._connection.close()

    async def _warn(self, code: str, description: str) -> None:
        await self._send("Warning", code=code, description=description)

    async def _send(self, kind: str, **members: object) -> None:
        await send(self._connection, {"type": kind, **members})
