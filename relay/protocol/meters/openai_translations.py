"""OpenAI's realtime translation, which states no usage: the client's audio is counted."""

from __future__ import annotations

from relay.protocol.meters.audio import audio_seconds
from relay.protocol.meters.meter import Meter
from relay.protocol.meters.reading import JsonObject, name
from relay.protocol.meters.reads import by_member

__all__ = ["OpenAITranslations"]

_RATE = 24000


class OpenAITranslations(Meter):
    """Seconds of audio that the client sent, which is taken for PCM16 at 24 kHz."""

    client = by_member("type", {"session.input_audio_buffer.append"}, base64="audio")
    provider = by_member("type", {"session.created"}, audio={"session.output_audio.delta"})

    def from_provider(self, kind: str, message: JsonObject) -> None:  # noqa: ARG002
        """Take the session."""
        self.tally.name(name(message, "session", "model"))

    def finish(self, now: float, heard: int) -> None:  # noqa: ARG002
        """Count the audio."""
        self.count_audio(audio_seconds(heard, "pcm", _RATE))
