"""A double of Hume's text to speech, ``/v0/tts/stream/input``.

Texts are collected until a message says ``flush`` or ``close`` (with ``?instant_mode=true``, the
default, until one has text), and are then spoken as one snippet: its chunks of audio, a tenth of a
second of tone for each word (twenty at most), each in a message of type ``audio``; before them,
with ``?include_timestamp_types=word``, a ``timestamp`` for every word. ``close`` then ends with
Close 1000. What is no JSON object gets an error and the stream goes on. There is no usage event.

Audio is PCM16 at 48 kHz, in ``?format_type=wav`` with a header on each chunk, or with
``?strip_headers=true`` on none; for ``mp3``, the default, it is PCM16 too: the double has no
encoder. With ``?no_binary=false`` some of Hume's answers may be binary; the double's never are.

Shapes: the types of Hume's SDKs. The shape of an error and the Close are not confirmed.
"""

from __future__ import annotations

import itertools

from relay.doubles.audio import PIECE_SECONDS, pieces, speech, to_base64, wav_header
from relay.doubles.messages import JsonObject, member, parse, send, text
from relay.doubles.server import Connection

__all__ = ["speak"]

_SAMPLE_RATE = 48000
_MAX_WORDS = 20
_REQUEST_ID = "request-1"


async def speak(connection: Connection) -> None:
    """Speak on an accepted connection."""
    speaker = _Speaker(connection)
    while True:
        message = parse(await connection.receive())
        if message is None:
            document = {"code": "E0100", "message": "The message is no JSON object"}
            await send(connection, {"type": "error", **document, "request_id": _REQUEST_ID})
            continue
        await speaker.take(message)
        if member(message, "close") is True:
            await connection.close()
            return


class _Speaker:
    def __init__(self, connection: Connection) -> None:
        request = connection.request
        self._connection = connection
        self._instant = request.parameter("instant_mode") != "false"
        self._format = request.parameter("format_type") or "mp3"
        self._headers = self._format == "wav" and request.parameter("strip_headers") != "true"
        self._timed = ("include_timestamp_types", "word") in request.query
        self._text = ""
        self._numbers = itertools.count(1)

    async def take(self, message: JsonObject) -> None:
        """Collect the text of one message, and say what is to be said now."""
        self._text += text(message, "text")
        forced = member(message, "flush") is True or member(message, "close") is True
        if self._text.strip() and (self._instant or forced):
            spoken, self._text = self._text, ""
            await self._say(spoken)

    async def _say(self, spoken: str) -> None:
        number = next(self._numbers)
        ids = {
            "request_id": _REQUEST_ID,
            "generation_id": f"generation-{number}",
            "snippet_id": f"snippet-{number}",
        }
        words = spoken.split()[:_MAX_WORDS]
        if self._timed:
            for index, word in enumerate(words):
                timestamp = _timestamp(word, index)
                await send(self._connection, {"type": "timestamp", **ids, "timestamp": timestamp})
        chunks = pieces(speech(_SAMPLE_RATE, words), _SAMPLE_RATE)
        for index, chunk in enumerate(chunks):
            header = wav_header(_SAMPLE_RATE, len(chunk)) if self._headers else b""
            audio: JsonObject = {
                "type": "audio",
                **ids,
                "audio": to_base64(header + chunk),
                "audio_format": self._format,
                "chunk_index": index,
                "is_last_chunk": index == len(chunks) - 1,
                "text": spoken,
                "transcribed_text": None if self._instant else spoken,
                "utterance_index": 0,
                "snippet": None,
            }
            await send(self._connection, audio)


def _timestamp(word: str, index: int) -> JsonObject:
    begin, end = (round(PIECE_SECONDS * 1000 * at) for at in (index, index + 1))
    return {"type": "word", "text": word, "time": {"begin": begin, "end": end}}
