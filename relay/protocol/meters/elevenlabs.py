"""ElevenLabs, which states no usage over WebSocket: characters, audio and time are counted."""

from __future__ import annotations

import re

from relay.protocol.meters.audio import audio_seconds, whole
from relay.protocol.meters.meter import Meter, SessionTime
from relay.protocol.meters.reading import JsonObject, elements, find, text
from relay.protocol.meters.reads import ALL, Reads, by_member
from relay.protocol.usage import Usage

__all__ = ["ElevenLabsAgent", "ElevenLabsScribe", "ElevenLabsSpeech"]


class ElevenLabsSpeech(Meter):
    """Characters of texts, and of the lines of a dialogue. A turn is a context, or what is said up
    to the end. Texts that are blank are not counted: they open and keep.
    """

    client = ALL
    # No member says the kind. Audio is known by its being first, and may be null.
    provider = Reads(audio=frozenset({"audio"}), head=re.compile(rb'\s*\{\s*"(audio)"\s*:\s*"'))
    ends_turns = True

    def from_client(self, kind: str, message: JsonObject) -> None:  # noqa: ARG002
        """Take a text or lines."""
        lines = [
            text(message, "text"),
            *(text(each, "text") for each in elements(message, "inputs")),
        ]
        characters = sum(len(line) for line in lines if line.strip())
        if characters:
            self.tally.begin(_context(message))
            self.tally.add(Usage(input_characters=characters))

    def audio(self, kind: str, message: JsonObject) -> None:  # noqa: ARG002
        """Take audio."""
        self.tally.audio(_context(message))
        self.from_provider("", message)

    def from_provider(self, kind: str, message: JsonObject) -> None:  # noqa: ARG002
        """Take the end of a turn."""
        names = ("isFinal", "is_final_audio_for_turn", "is_final")
        if any(find(message, name) is True for name in names):
            self.tally.end(_context(message))


class ElevenLabsAgent(SessionTime):
    """Time. That an answer has ended is not said: a turn goes on until the user speaks."""

    provider = by_member(
        "type", {"agent_response", "interruption", "user_transcript"}, audio={"audio"}
    )

    def from_provider(self, kind: str, message: JsonObject) -> None:  # noqa: ARG002
        """Take an event."""
        if kind == "agent_response":
            self.tally.begin()
        else:
            self.tally.end(interrupted=kind == "interruption")


class ElevenLabsScribe(Meter):
    """Seconds of audio, from what the client sent, in the ``audio_format`` of the query."""

    client = by_member("message_type", {"input_audio_chunk"}, base64="audio_base_64")

    def finish(self, now: float, heard: int) -> None:  # noqa: ARG002
        """Count the audio."""
        encoding, _, rate = self.parameters.get("audio_format", "pcm_16000").rpartition("_")
        self.count_audio(audio_seconds(heard, encoding, whole(rate)))


def _context(message: JsonObject) -> str:
    # A client may leave it out, and the provider names it then.
    return text(message, "contextId") or "default"
