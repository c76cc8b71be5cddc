"""Hume, which states usage only of expression measurement."""

from __future__ import annotations

from decimal import Decimal

from relay.protocol.meters.audio import audio_seconds
from relay.protocol.meters.meter import Meter, SessionTime
from relay.protocol.meters.reading import JsonObject, seconds, text
from relay.protocol.meters.reads import ALL, BINARY_AUDIO, by_member
from relay.protocol.usage import Usage

__all__ = ["HumeChat", "HumeExpression", "HumeSpeech"]

_EXPRESSION_RATE = 16000


class HumeChat(SessionTime):
    """Time. A turn goes from the first message of the assistant to ``assistant_end``."""

    provider = by_member(
        "type",
        {"assistant_message", "assistant_end", "user_interruption"},
        audio={"audio_output"},
    )
    ends_turns = True

    def from_provider(self, kind: str, message: JsonObject) -> None:  # noqa: ARG002
        """Take an event."""
        if kind == "assistant_message":
            self.tally.begin()
        else:
            self.tally.end(interrupted=kind == "user_interruption")


class HumeSpeech(Meter):
    """Characters of texts."""

    client = ALL
    provider = by_member("type", audio={"audio"})

    def from_client(self, kind: str, message: JsonObject) -> None:  # noqa: ARG002
        """Take a text."""
        self.tally.add(Usage(input_characters=len(text(message, "text"))))


class HumeExpression(Meter):
    """Seconds of audio: those of ``session.closed``, or else those of the audio sent."""

    client = BINARY_AUDIO
    provider = by_member("type", {"session.closed"})
    _stated: Decimal | None = None

    def from_provider(self, kind: str, message: JsonObject) -> None:  # noqa: ARG002
        """Take the totals."""
        milliseconds = seconds(message, "received", "audio_duration_ms")
        if milliseconds is not None:
            self._stated = milliseconds / 1000

    def finish(self, now: float, heard: int) -> None:  # noqa: ARG002
        """Count the seconds."""
        computed = audio_seconds(heard, "pcm", _EXPRESSION_RATE)
        self.count_audio(computed if self._stated is None else self._stated)
