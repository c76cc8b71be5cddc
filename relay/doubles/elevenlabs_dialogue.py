"""Doubles of ElevenLabs' text to dialogue, ``stream-input`` and ``multi-stream-input``.

The first message names the ``voices``. Every entry of ``inputs`` with a text is answered by one
message of ``audio``, a tenth of a second of tone for each word (ten at most), with the alignment of
its characters if ``?sync_alignment=true``. A turn ends with ``flush``, with an input that has
``new_turn``, and with the dialogue: ``is_final_audio_for_turn``. ``close_socket`` ends the
connection with ``is_final`` and Close 1000; with several contexts, ``close_context`` ends one, and
all messages carry a ``context_id``. ``keep_alive`` does nothing. Errors are a message with
``message``, ``error`` and ``code``, and Close 1008. There is no usage event.

Where the opening handshake brought no credential the first message of the connection must, in
``xi_api_key``, ``authorization`` or ``single_use_token``. Audio is PCM16 at the rate of
``output_format``, also where that names another encoding: the double has no MP3 encoder.

Shapes: the types of ElevenLabs' SDKs. Not confirmed: the names of errors apart from
``authentication_required``, and when the server speaks before it is told to.
"""

from __future__ import annotations

from dataclasses import dataclass

from relay.doubles.audio import PIECE_SECONDS, speech, to_base64
from relay.doubles.elevenlabs_tts import sample_rate
from relay.doubles.messages import JsonObject, elements, member, parse, send, text
from relay.doubles.server import Connection

__all__ = ["converse"]

_CREDENTIAL_MEMBERS = ("xi_api_key", "authorization", "single_use_token")
_MAX_VOICES = 10
_MAX_WORDS = 10


class _Violation(Exception):  # noqa: N818 (what the client did, not what failed)
    """The client did something that ends the connection with Close 1008."""

    def __init__(self, error: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.error = error
        self.param = param


@dataclass
class _Dialogue:
    """One stream of lines: what it adds to its messages, its voices, whether a turn is open."""

    label: JsonObject
    voices: list[object]
    speaking: bool = False


async def converse(connection: Connection, key: str, *, known: bool, multi: bool) -> None:
    """Speak on an accepted connection. ``known``: its handshake brought the right credential."""
    try:
        await _Speaker(connection, key, known=known, multi=multi).run()
    except _Violation as violation:
        message = str(violation)
        error: JsonObject = {"message": message, "error": violation.error, "code": 1008}
        await send(connection, error | ({"param": violation.param} if violation.param else {}))
        await connection.close(1008, message)


class _Speaker:
    def __init__(self, connection: Connection, key: str, *, known: bool, multi: bool) -> None:
        self._connection = connection
        self._key = key
        self._known = known
        self._multi = multi
        self._rate = sample_rate(connection.request)
        self._aligns = connection.request.parameter("sync_alignment") == "true"
        self._dialogues: dict[str, _Dialogue] = {}

    async def run(self) -> None:
        first = True
        while True:
            message = parse(await self._connection.receive())
            if message is None:
                raise _Violation("invalid_message", "The message is no JSON object")
            self._check_credential(message, first=first)
            first = False
            if member(message, "close_socket") is not True or member(message, "inputs"):
                await self._take(message)
            if member(message, "close_socket") is True:
                for name in list(self._dialogues):
                    await self._end(name)
                await self._connection.close()
                return

    def _check_credential(self, message: JsonObject, *, first: bool) -> None:
        """Judge the credentials in ``message``; the first must have some if nothing else had."""
        given = [message[name] for name in _CREDENTIAL_MEMBERS if name in message]
        if any(value not in (self._key, f"Bearer {self._key}") for value in given):
            raise _Violation("invalid_api_key", "The API key is not valid")
        if first and not given and not self._known:
            raise _Violation("authentication_required", "An API key is needed")

    async def _take(self, message: JsonObject) -> None:
        name = text(message, "context_id") if self._multi else "the only one"
        if not name:
            raise _Violation("invalid_message", "The message has no context_id", "context_id")
        if name not in self._dialogues:
            voices = elements(message, "voices")
            if not 0 < len(voices) <= _MAX_VOICES:
                raise _Violation("invalid_message", "The voices must be 1 to 10", "voices")
            label: JsonObject = {"context_id": name} if self._multi else {}
            self._dialogues[name] = _Dialogue(label, voices)
        dialogue = self._dialogues[name]
        for line in elements(message, "inputs"):
            await self._say(dialogue, line)
        if member(message, "flush") is True:
            await self._end_turn(dialogue)
        if self._multi and member(message, "close_context") is True:
            await self._end(name)

    async def _say(self, dialogue: _Dialogue, line: object) -> None:
        if member(line, "voice_id") not in dialogue.voices:
            raise _Violation("invalid_message", "The voice is none of the voices", "voice_id")
        if member(line, "new_turn") is True:
            await self._end_turn(dialogue)
        words = text(line, "text")
        if not words.strip():
            return
        spoken = words.split()[:_MAX_WORDS]
        chunk: JsonObject = {"audio": to_base64(speech(self._rate, spoken))}
        if self._aligns:
            chunk["alignment"] = _alignment(words, len(spoken) * PIECE_SECONDS)
        dialogue.speaking = True
        await send(self._connection, chunk | dialogue.label)

    async def _end_turn(self, dialogue: _Dialogue) -> None:
        if dialogue.speaking:
            dialogue.speaking = False
            await send(self._connection, {"is_final_audio_for_turn": True} | dialogue.label)

    async def _end(self, name: str) -> None:
        dialogue = self._dialogues.pop(name)
        await self._end_turn(dialogue)
        await send(self._connection, {"is_final": True} | dialogue.label)


def _alignment(words: str, seconds: float) -> JsonObject:
    """The characters of ``words``, spread evenly over ``seconds``."""
    step = seconds * 1000 / len(words)
    return {
        "chars": list(words),
        "char_start_times_ms": [round(step * index) for index in range(len(words))],
        "char_durations_ms": [round(step)] * len(words),
    }
