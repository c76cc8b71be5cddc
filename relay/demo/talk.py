"""One side of a conversation, as fast as people talk."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

import trio

from relay.client import ClientConnection
from relay.demo.examples import JsonObject
from relay.doubles.audio import pieces, tone

__all__ = ["Talk"]

_PIECE = 0.1  # seconds of audio in a message


class Talk:
    """What somebody says and hears in a session.

    Args:
        connection: The session.
        pace: What each time is multiplied by; 1 for the pace of people.
    """

    def __init__(self, connection: ClientConnection, pace: float) -> None:
        self._connection = connection
        self._pace = pace

    async def say(self, message: JsonObject) -> None:
        """Send a message.

        Raises:
            Closed: The session has ended; so it is with all else here.
        """
        await self._connection.send(json.dumps(message))

    async def speak(
        self, seconds: float, sample_rate: int, wrap: Callable[[bytes], JsonObject] | None = None
    ) -> None:
        """Send audio for so long, and hear what comes meanwhile.

        Args:
            seconds: How long.
            sample_rate: Of the audio, in Hz; it has 16 bits and one channel.
            wrap: Makes a message of some audio; None for binary messages.
        """
        second = pieces(tone(sample_rate, 1.0), sample_rate)
        for number in range(round(seconds / _PIECE)):
            piece = second[number % len(second)]
            await self._connection.send(json.dumps(wrap(piece)) if wrap else piece)
            await self.hear(_PIECE)

    async def hear(self, seconds: float = math.inf) -> None:
        """Take what comes for so long; without an argument, until the session ends."""
        with trio.move_on_after(seconds * self._pace):
            while True:
                await self._connection.receive()
