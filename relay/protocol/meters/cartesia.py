"""Cartesia, which states no usage of speech: characters are counted."""

from __future__ import annotations

from decimal import Decimal

from relay.protocol.meters.audio import audio_seconds, whole
from relay.protocol.meters.meter import Meter
from relay.protocol.meters.reading import JsonObject, find, name, seconds, text
from relay.protocol.meters.reads import ALL, BINARY_AUDIO, by_member
from relay.protocol.usage import Usage

__all__ = ["CartesiaSpeech", "CartesiaTranscription"]


class CartesiaSpeech(Meter):
    """Characters of transcripts, by the model of each message. A turn is a context."""

    client = ALL
    provider = by_member("type", {"done", "error"}, audio={"chunk"})
    ends_turns = True

    def from_client(self, kind: str, message: JsonObject) -> None:  # noqa: ARG002
        """Take a request."""
        context = text(message, "context_id")
        if find(message, "cancel") is True:
            self.tally.end(context, interrupted=True)
            return
        model = name(message, "model_id")
        self.tally.name(model)
        transcript = text(message, "transcript")
        if transcript:
            self.tally.begin(context)
            self.tally.add(Usage(input_characters=len(transcript)), model)

    def audio(self, kind: str, message: JsonObject) -> None:  # noqa: ARG002
        """Take a chunk."""
        self.tally.audio(text(message, "context_id"))

    def from_provider(self, kind: str, message: JsonObject) -> None:  # noqa: ARG002
        """Take the end of a context."""
        self.tally.end(text(message, "context_id"))


class CartesiaTranscription(Meter):
    """Seconds of audio: those of final transcripts, or those of the audio sent if none has any."""

    client = BINARY_AUDIO
    provider = by_member("type", {"transcript"})
    _seconds = Decimal(0)

    def from_provider(self, kind: str, message: JsonObject) -> None:  # noqa: ARG002
        """Take a transcript."""
        if find(message, "is_final") is True:
            self._seconds += seconds(message, "duration") or 0

    def finish(self, now: float, heard: int) -> None:  # noqa: ARG002
        """Count the seconds."""
        encoding = self.parameters.get("encoding", "pcm_s16le")
        rate = whole(self.parameters.get("sample_rate"))
        lasted = self._seconds or audio_seconds(heard, encoding, rate)
        self.count_audio(lasted)
