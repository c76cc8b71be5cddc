"""Speechmatics, which states no usage."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from relay.protocol.meters.audio import audio_seconds
from relay.protocol.meters.meter import Meter
from relay.protocol.meters.reading import JsonObject, count, name, seconds, text
from relay.protocol.meters.reads import by_member
from relay.protocol.meters.tally import Tally

__all__ = ["Speechmatics"]

_MAX_CHANNELS = 64


class Speechmatics(Meter):
    """Seconds of audio: of what was sent, where its format is known and it was binary; else how far
    each channel was transcribed.
    """

    client = by_member("message", {"StartRecognition"})
    provider = by_member("message", {"AddTranscript"})

    def __init__(self, tally: Tally, parameters: Mapping[str, str]) -> None:
        super().__init__(tally, parameters)
        self._encoding = ""
        self._rate = 0
        self._ends: dict[str, Decimal] = {}

    def from_client(self, kind: str, message: JsonObject) -> None:  # noqa: ARG002
        """Take the configuration."""
        self.tally.name(name(message, "transcription_config", "operating_point"))
        self._encoding = text(message, "audio_format", "encoding")
        self._rate = count(message, "audio_format", "sample_rate")

    def from_provider(self, kind: str, message: JsonObject) -> None:  # noqa: ARG002
        """Take a transcript."""
        channel, end = text(message, "channel"), seconds(message, "metadata", "end_time")
        if end is not None and (channel in self._ends or len(self._ends) < _MAX_CHANNELS):
            self._ends[channel] = max(end, self._ends.get(channel, end))

    def finish(self, now: float, heard: int) -> None:  # noqa: ARG002
        """Count the seconds."""
        computed = audio_seconds(heard, self._encoding, self._rate) if heard else None
        transcribed = sum(self._ends.values(), Decimal(0))
        self.count_audio(computed or (transcribed if self._ends or not heard else None))
