"""Deepgram, and its models on Workers AI."""

from __future__ import annotations

from decimal import Decimal

from relay.protocol.meters.audio import audio_seconds, whole
from relay.protocol.meters.meter import Meter, SessionTime
from relay.protocol.meters.reading import JsonObject, count, find, name, seconds, section, text
from relay.protocol.meters.reads import BINARY_AUDIO, by_member
from relay.protocol.usage import Usage

__all__ = [
    "DeepgramAgent",
    "DeepgramListen",
    "DeepgramListenTurns",
    "DeepgramSpeak",
    "DeepgramSpeakTurns",
]


class _Listen(Meter):
    """Seconds of audio: those that the provider states, or else those of the audio sent."""

    client = BINARY_AUDIO
    _stated = Decimal(0)

    def _computed(self, heard: int) -> Decimal | None:
        query = self.parameters
        rate, channels = whole(query.get("sample_rate")), whole(query.get("channels"))
        return audio_seconds(heard, query.get("encoding", ""), rate, channels or 1)


class DeepgramListen(_Listen):
    """``Metadata`` at the end states the duration of the stream and its channels; without it the
    final ``Results``, one for each channel, are summed.
    """

    provider = by_member("type", {"Metadata", "Results"})
    _whole: Decimal | None = None

    def from_provider(self, kind: str, message: JsonObject) -> None:
        """Take results, or the metadata of the stream."""
        lasted = seconds(message, "duration")
        if kind == "Results":
            self.tally.name(name(message, "metadata", "model_info", "name"))
            if find(message, "is_final") is True:
                self._stated += lasted or 0
        elif lasted is not None:
            self._whole = lasted * max(1, count(message, "channels"))

    def finish(self, now: float, heard: int) -> None:  # noqa: ARG002
        """Count the seconds."""
        stated = self._stated or None if self._whole is None else self._whole
        self.count_audio(self._computed(heard) if stated is None else stated)


class DeepgramListenTurns(_Listen):
    """Flux states no total; where the audio's format is not in the query, how far it has heard."""

    provider = by_member("type", {"TurnInfo"})

    def from_provider(self, kind: str, message: JsonObject) -> None:  # noqa: ARG002
        """Take how far it has heard."""
        self._stated = max(self._stated, seconds(message, "audio_window_end") or Decimal(0))

    def finish(self, now: float, heard: int) -> None:  # noqa: ARG002
        """Count the seconds."""
        computed = self._computed(heard)
        self.count_audio(self._stated or None if computed is None else computed)


class DeepgramSpeak(Meter):
    """Characters of ``Speak``. A turn goes up to ``Flushed``."""

    client = by_member("type", {"Speak"})
    provider = by_member("type", {"Metadata", "Flushed", "Cleared"})
    ends_turns = True

    def from_client(self, kind: str, message: JsonObject) -> None:  # noqa: ARG002
        """Take a text."""
        characters = len(text(message, "text"))
        if characters:
            self.tally.begin()
            self.tally.add(Usage(input_characters=characters))

    def from_provider(self, kind: str, message: JsonObject) -> None:
        """Take the name of the model, or the end of a turn."""
        if kind == "Metadata":
            self.tally.name(name(message, "model_name"))
        else:
            self.tally.end(interrupted=kind == "Cleared")


class DeepgramSpeakTurns(Meter):
    """Flux TTS: characters that the provider bills, or else those of ``Speak``."""

    client = by_member("type", {"Speak"})
    provider = by_member("type", {"Connected", "Flushed", "SpeechInterrupted", "SessionMetadata"})
    ends_turns = True
    _characters = 0

    def from_client(self, kind: str, message: JsonObject) -> None:  # noqa: ARG002
        """Take a text."""
        characters = len(text(message, "text"))
        if characters:
            self.tally.begin()
            self._characters += characters

    def from_provider(self, kind: str, message: JsonObject) -> None:
        """Take the name of the model, the end of a turn, or what is billed."""
        if kind == "Connected":
            self.tally.name(name(message, "model_name"))
        elif kind != "SessionMetadata":
            self.tally.end(interrupted=kind == "SpeechInterrupted")
        elif find(message, "total_billable_character_count") is not None:
            self._characters = count(message, "total_billable_character_count")

    def finish(self, now: float, heard: int) -> None:  # noqa: ARG002
        """Count the characters."""
        self.tally.add(Usage(input_characters=self._characters))


class DeepgramAgent(SessionTime):
    """Time. The model is the one that thinks."""

    client = by_member("type", {"Settings"})
    provider = by_member(
        "type",
        {"ConversationText", "AgentStartedSpeaking", "AgentAudioDone", "UserStartedSpeaking"},
    )
    ends_turns = True

    def from_client(self, kind: str, message: JsonObject) -> None:  # noqa: ARG002
        """Take the settings."""
        thinks = section(message, "agent", "think", "provider")
        self.tally.name(name(thinks, "model") or name(thinks, "model_id"))

    def from_provider(self, kind: str, message: JsonObject) -> None:
        """Take an event."""
        if kind == "UserStartedSpeaking":
            self.tally.end(interrupted=True)
        elif kind == "AgentAudioDone":
            self.tally.end()
        elif kind == "AgentStartedSpeaking" or text(message, "role") == "assistant":
            self.tally.begin()
