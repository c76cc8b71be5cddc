"""What all meters have in common: what they read, and what they are told."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar

from relay.protocol.meters.reading import JsonObject
from relay.protocol.meters.reads import Reads
from relay.protocol.meters.tally import Tally
from relay.protocol.usage import Usage

__all__ = ["Meter", "SessionTime"]


class Meter:
    """Reads what both sides of one session say, and counts into a tally.

    Args:
        tally: What it counts into.
        parameters: Of the query, decoded.
    """

    client: ClassVar[Reads | None] = None
    """What it reads of the client's messages; None for nothing."""
    provider: ClassVar[Reads | None] = None
    """The same of the provider's."""
    counts: ClassVar[bool] = True
    """Whether it counts any usage."""
    ends_turns: ClassVar[bool] = False
    """Whether it sees when turns end, and so whether a response is running."""

    states_turns: ClassVar[bool] = False
    """Whether the provider states what a turn used when it ends, and not before."""

    def __init__(self, tally: Tally, parameters: Mapping[str, str]) -> None:
        self.tally = tally
        self.parameters = parameters

    def from_client(self, kind: str, message: JsonObject) -> None:
        """Take a JSON message of the client."""

    def from_provider(self, kind: str, message: JsonObject) -> None:
        """Take a JSON message of the provider that is not audio."""

    def audio(self, kind: str, message: JsonObject) -> None:  # noqa: ARG002
        """Take audio of the provider while it is not known when it began.

        Args:
            kind: Of the message; empty if it was binary.
            message: The message; empty if it was binary.
        """
        self.tally.audio()

    def count_audio(self, seconds: Decimal | None) -> None:
        """Count the audio that the client sent; None if nothing tells how long it was."""
        if seconds is None:
            self.tally.unreported = True
        else:
            self.tally.add(Usage(input_audio_seconds=seconds))

    def finish(self, now: float, heard: int) -> None:
        """Count what is counted at the end.

        Args:
            now: The seconds since the session was open.
            heard: The bytes of audio that the client sent, as far as the meter has them counted.
        """


class SessionTime(Meter):
    """What is paid by the time that the session takes, of which no message tells."""

    def finish(self, now: float, heard: int) -> None:  # noqa: ARG002
        """Count the time that the session took."""
        self.tally.add(Usage(session_seconds=round(Decimal(now), 3).normalize() + 0))
