"""xAI's text to speech and speech to text."""

from __future__ import annotations

from decimal import Decimal

from relay.protocol.meters.audio import audio_seconds, whole
from relay.protocol.meters.meter import Meter
from relay.protocol.meters.reading import JsonObject, find, seconds, text
from relay.protocol.meters.reads import BINARY_AUDIO, by_member
from relay.protocol.usage import Usage

__all__ = ["XAISpeech", "XAITranscription"]

_DEFAULT_RATE = "16000"


class XAISpeech(Meter):
    """Characters of ``text.delta``. A turn is an utterance."""

    client = by_member("type", {"text.delta"})
    provider = by_member("type", {"audio.done", "audio.clear"}, audio={"audio.delta"})
    ends_turns = True

    def from_client(self, kind: str, message: JsonObject) -> None:  # noqa: ARG002
        """Take a piece of text."""
        characters = len(text(message, "delta"))
        if characters:
            self.tally.begin()
            self.tally.add(Usage(input_characters=characters))

    def from_provider(self, kind: str, message: JsonObject) -> None:  # noqa: ARG002
        """Take the end of an utterance."""
        self.tally.end(interrupted=kind == "audio.clear")


class XAITranscription(Meter):
    """Seconds of audio: those of ``transcript.done``, of the final parts, or of the audio sent."""

    client = BINARY_AUDIO
    provider = by_member("type", {"transcript.partial", "transcript.done"})
    _parts = Decimal(0)
    _whole: Decimal | None = None

    def from_provider(self, kind: str, message: JsonObject) -> None:
        """Take a transcript."""
        lasted = seconds(message, "duration")
        if kind == "transcript.done":
            self._whole = lasted
        elif find(message, "speech_final") is True:
            self._parts += lasted or 0

    def finish(self, now: float, heard: int) -> None:  # noqa: ARG002
        """Count the seconds."""
        stated = self._parts or None if self._whole is None else self._whole
        if stated is None:
            encoding = self.parameters.get("encoding", "pcm")
            rate = whole(self.parameters.get("sample_rate", _DEFAULT_RATE))
            stated = audio_seconds(heard, encoding, rate)
        self.count_audio(stated)
