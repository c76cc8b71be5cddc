"""A double of Deepgram's text to speech (Aura), ``/v1/speak``.

``Metadata`` comes first. ``Speak`` adds text; ``Flush`` is answered by its audio, in binary
messages, a tenth of a second of tone for each word (ten at most), and by ``Flushed``; ``Clear``
forgets the text and is answered by ``Cleared``; ``Close`` gets the audio of what is left and Close
1000. There is no usage event: Deepgram counts the characters of ``Speak``. Audio is PCM16 at
``?sample_rate=``, also where the query names mu-law or A-law: the double has no encoder.

What ends the connection: a binary message (1003 MESSAGE-0000), no command (1008 DATA-0000), more
than 2400 characters in a minute (1008 DATA-0001), a message of more than 64 KiB (1009 BIG-0000), a
text of more than 2000 characters (1009 BIG-0001), an hour (1011 NET-0003). More than 20 ``Flush``
in a minute get a ``Warning``.

Documented: the messages, the codes, the limits but for the size of a message. Not confirmed: which
of the codes a malformed message gets, the code of the warning.
"""

from __future__ import annotations

import collections
import itertools
import re
import uuid

import trio

from relay.doubles.audio import pieces, speech
from relay.doubles.deepgram_failure import Failure, receive_before
from relay.doubles.messages import parse, send, text
from relay.doubles.opening import Request
from relay.doubles.server import Connection

__all__ = ["MAX_WORDS", "SESSION_LIMIT", "sample_rate", "speak"]

SESSION_LIMIT = 3600.0
"""Seconds that a connection may last."""

MAX_WORDS = 10
"""Words of one text that are spoken."""

_MAX_MESSAGE = 64 * 1024
_MAX_CHARACTERS = 2000
_MAX_CHARACTERS_A_MINUTE = 2400
_MAX_FLUSHES_A_MINUTE = 20


async def speak(connection: Connection, model: str, request_id: str) -> None:
    """Speak on an accepted connection until the client closes it."""
    try:
        await _Speaker(connection, model, request_id).run()
    except Failure as failure:
        await connection.close(failure.status, failure.code)


def sample_rate(request: Request) -> int:
    """The rate of the audio that ``request`` asks for, in Hz."""
    rate = request.parameter("sample_rate") or ""
    return int(rate) if re.fullmatch("8000|16000|24000|32000|48000", rate) else 24000


class _Minute:
    """Counts what came in the last minute, up to ``limit``."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._entries: collections.deque[tuple[float, int]] = collections.deque()

    def takes(self, amount: int) -> bool:
        """Count ``amount`` unless the limit would be passed; whether it was counted."""
        now = trio.current_time()
        while self._entries and self._entries[0][0] <= now - 60:
            self._entries.popleft()
        if sum(entry for _, entry in self._entries) + amount > self._limit:
            return False
        self._entries.append((now, amount))
        return True


class _Speaker:
    def __init__(self, connection: Connection, model: str, request_id: str) -> None:
        self._connection = connection
        self._rate = sample_rate(connection.request)
        self._identity = {
            "request_id": request_id,
            "model_name": model,
            "model_version": "1.0",
            "model_uuid": str(uuid.uuid4()),
        }
        self._sequence_ids = itertools.count()
        self._text = ""
        self._characters = _Minute(_MAX_CHARACTERS_A_MINUTE)
        self._flushes = _Minute(_MAX_FLUSHES_A_MINUTE)

    async def run(self) -> None:
        await self._send("Metadata", **self._identity)
        deadline = trio.current_time() + SESSION_LIMIT
        while True:
            what = "The connection has lasted for an hour"
            message = await receive_before(self._connection, deadline, "NET-0003", what)
            if isinstance(message, bytes):
                raise Failure("MESSAGE-0000", "The message is not text")
            if len(message.encode()) > _MAX_MESSAGE:
                raise Failure("BIG-0000", "The message is too large")
            command = parse(message)
            match text(command, "type"):
                case "Speak":
                    self._take(text(command, "text"))
                case "Flush":
                    await self._flush()
                case "Clear":
                    self._text = ""
                    await self._send("Cleared", sequence_id=next(self._sequence_ids))
                case "Close":
                    await self._say()
                    await self._connection.close()
                    return
                case _:
                    raise Failure("DATA-0000", "The message is no command")

    def _take(self, words: str) -> None:
        if len(words) > _MAX_CHARACTERS:
            raise Failure("BIG-0001", "The text is too long")
        if not self._characters.takes(len(words)):
            raise Failure("DATA-0001", "There are too many characters in a minute")
        self._text += words

    async def _flush(self) -> None:
        if self._flushes.takes(1):
            await self._say()
            await self._send("Flushed", sequence_id=next(self._sequence_ids))
        else:
            what = "More than 20 Flush messages in a minute"
            await self._send("Warning", description=what, code="FLUSH_LIMIT_EXCEEDED")

    async def _say(self) -> None:
        words, self._text = self._text.split()[:MAX_WORDS], ""
        for piece in pieces(speech(self._rate, words), self._rate):
            await self._connection.send(piece)

    async def _send(self, kind: str, **members: object) -> None:
        await send(self._connection, {"type": kind, **members})
