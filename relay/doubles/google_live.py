"""A double of ``BidiGenerateContent``, the Gemini Live conversation.

``setup`` comes first and is answered by ``setupComplete``. A turn ends with a ``clientContent``
that says ``turnComplete``, with text in ``realtimeInput``, with ``activityEnd`` or
``audioStreamEnd``, or with a second of audio, which stands for Google's own voice activity
detection. It is answered by ``serverContent`` messages: ``modelTurn`` in text or audio (PCM16 at 24
kHz) as ``responseModalities`` say, transcriptions if the setup asks for them,
``generationComplete``, and ``turnComplete`` with ``usageMetadata``. Client members are taken in
camelCase and in snake_case.

All server messages are JSON in **binary** frames. What cannot be used ends the session with Close
1007 and a reason. Shapes: Google's API reference and the types of its SDKs.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from itertools import zip_longest

from relay.doubles.audio import pieces, seconds_of, to_base64, tone
from relay.doubles.messages import (
    JsonObject,
    decoded,
    dump,
    elements,
    member,
    parse,
    reply,
    section,
    text,
)
from relay.doubles.server import Connection

__all__ = [
    "GEMINI",
    "Dialect",
    "InvalidPayload",
    "converse",
    "receive",
    "receive_setup",
    "send",
]

_INPUT_RATE = 16000
_OUTPUT_RATE = 24000

_TURN_SECONDS = 1.0
_TOKENS_PER_SECOND = 25


class InvalidPayload(Exception):  # noqa: N818 (Google's own name for it)
    """The client sent something that ends the session with Close 1007."""


@dataclass(frozen=True)
class Dialect:
    """Which of Google's services speaks, and in what it differs from the Gemini API."""

    provider: str = "Google"
    model: re.Pattern[str] = re.compile(".+", re.DOTALL)
    """What the name of a model looks like."""
    names_session: bool = False
    """Whether ``setupComplete`` has a ``sessionId``."""
    usage_of_output: str = "response"
    """How the members of ``usageMetadata`` begin that count what the model has said."""


GEMINI = Dialect()


async def converse(connection: Connection, dialect: Dialect = GEMINI) -> None:
    """Play one session on an accepted connection."""
    try:
        await _Session(connection, await receive_setup(connection, dialect), dialect).run()
    except InvalidPayload as error:
        await connection.close(1007, str(error))


async def receive_setup(connection: Connection, dialect: Dialect = GEMINI) -> JsonObject:
    """The client's first message, answered by ``setupComplete``.

    Raises:
        InvalidPayload: it is no setup, or names no model.
    """
    setup = section(await receive(connection), "setup")
    if not dialect.model.fullmatch(text(setup, "model")):
        raise InvalidPayload("The first message must be a setup that names a model")
    session: JsonObject = {"sessionId": secrets.token_hex(8)} if dialect.names_session else {}
    await send(connection, {"setupComplete": session})
    return setup


async def receive(connection: Connection) -> JsonObject:
    """The next message.

    Raises:
        InvalidPayload: it is no JSON object.
    """
    message = parse(await connection.receive())
    if message is None:
        raise InvalidPayload("Invalid JSON payload received")
    return message


async def send(connection: Connection, document: JsonObject) -> None:
    """Send ``document`` as Google does, in a binary message."""
    await connection.send(dump(document).encode())


class _Session:
    def __init__(self, connection: Connection, setup: JsonObject, dialect: Dialect) -> None:
        self._connection = connection
        self._dialect = dialect
        generation = section(setup, "generationConfig", "generation_config")
        modalities = elements(generation, "responseModalities", "response_modalities")
        self._speaks = "TEXT" not in modalities
        # An empty object turns a transcription on.
        names = ("inputAudioTranscription", "input_audio_transcription")
        self._transcribes_input = member(setup, *names) is not None
        names = ("outputAudioTranscription", "output_audio_transcription")
        self._transcribes_output = member(setup, *names) is not None
        self._heard = ""
        self._audio_size = 0
        self._in_activity = False

    async def run(self) -> None:
        while True:
            message = await receive(self._connection)
            content = section(message, "clientContent", "client_content")
            realtime = section(message, "realtimeInput", "realtime_input")
            if content:
                ends = self._hear_content(content)
            elif realtime:
                ends = self._hear_realtime(realtime)
            elif member(message, "toolResponse", "tool_response") is not None:
                ends = True
            else:
                raise InvalidPayload("Invalid JSON payload received. Unknown name")
            if ends:
                await self._answer()

    def _hear_content(self, content: JsonObject) -> bool:
        for turn in elements(content, "turns"):
            for part in elements(turn, "parts"):
                self._heard += text(part, "text")
                self._hear_blob(section(part, "inlineData", "inline_data"))
        return member(content, "turnComplete", "turn_complete") is True

    def _hear_realtime(self, realtime: JsonObject) -> bool:
        """Whether the turn ends with this input."""
        self._hear_blob(section(realtime, "audio"))
        for chunk in elements(realtime, "mediaChunks", "media_chunks"):
            self._hear_blob(chunk)
        said = text(realtime, "text")
        self._heard += said
        if member(realtime, "activityStart", "activity_start") is not None:
            self._in_activity = True
        if member(realtime, "activityEnd", "activity_end") is not None:
            self._in_activity = False
            return True
        if member(realtime, "audioStreamEnd", "audio_stream_end") is True:
            return self._audio_size > 0
        long = seconds_of(self._audio_size, _INPUT_RATE) >= _TURN_SECONDS
        return bool(said) or (long and not self._in_activity)

    def _hear_blob(self, blob: object) -> None:
        if text(blob, "mimeType", "mime_type").startswith("audio/"):
            self._audio_size += len(decoded(blob, "data") or b"")

    async def _answer(self) -> None:
        heard_seconds = seconds_of(self._audio_size, _INPUT_RATE)
        if self._transcribes_input and self._audio_size:
            heard = f"{heard_seconds:.1f} seconds of audio"
            await self._send_content({"inputTranscription": {"text": heard}})
        heard = self._heard or ("some audio" if self._audio_size else "")
        words = reply(self._dialect.provider, heard)
        prompt = {"TEXT": _text_tokens(self._heard), "AUDIO": _audio_tokens(heard_seconds)}
        self._heard, self._audio_size = "", 0
        if self._speaks:
            spoken = await self._speak(words)
            response = {"AUDIO": _audio_tokens(spoken)}
        else:
            for word in words:
                await self._send_turn({"text": word})
            response = {"TEXT": _text_tokens("".join(words))}
        await self._send_content({"generationComplete": True})
        usage = _usage(prompt, response, self._dialect.usage_of_output)
        end: JsonObject = {"serverContent": {"turnComplete": True}, "usageMetadata": usage}
        await send(self._connection, end)

    async def _speak(self, words: list[str]) -> float:
        """Send a tone, and the transcription if it is on; the seconds spoken."""
        pcm = tone(_OUTPUT_RATE)
        for piece, word in zip_longest(pieces(pcm, _OUTPUT_RATE), words):
            if piece is not None:
                mime_type = f"audio/pcm;rate={_OUTPUT_RATE}"
                await self._send_turn(
                    {"inlineData": {"mimeType": mime_type, "data": to_base64(piece)}}
                )
            if word is not None and self._transcribes_output:
                await self._send_content({"outputTranscription": {"text": word}})
        return seconds_of(len(pcm), _OUTPUT_RATE)

    async def _send_turn(self, part: JsonObject) -> None:
        await self._send_content({"modelTurn": {"parts": [part]}})

    async def _send_content(self, content: JsonObject) -> None:
        await send(self._connection, {"serverContent": content})


def _text_tokens(words: str) -> int:
    return (len(words) + 3) // 4


def _audio_tokens(seconds: float) -> int:
    return round(seconds * _TOKENS_PER_SECOND)


def _usage(prompt: dict[str, int], response: dict[str, int], output: str) -> JsonObject:
    return {
        "promptTokenCount": sum(prompt.values()),
        f"{output}TokenCount": sum(response.values()),
        "totalTokenCount": sum(prompt.values()) + sum(response.values()),
        "promptTokensDetails": _details(prompt),
        f"{output}TokensDetails": _details(response),
    }


def _details(tokens: dict[str, int]) -> list[JsonObject]:
    return [
        {"modality": modality, "tokenCount": count} for modality, count in tokens.items() if count
    ]
