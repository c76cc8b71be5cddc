"""Mistral's realtime transcription and speech."""

from __future__ import annotations

from decimal import Decimal

from relay.protocol.meters.meter import Meter
from relay.protocol.meters.reading import JsonObject, count, name, seconds, section, text
from relay.protocol.meters.reads import by_member
from relay.protocol.usage import Usage

__all__ = ["MistralSpeech", "MistralTranscription"]


class MistralTranscription(Meter):
    """Seconds of audio and tokens of text. The tokens of the prompt are that audio, and are counted
    only where no seconds are stated.
    """

    provider = by_member("type", {"session.created", "transcription.done"})
    _done = False

    def from_provider(self, kind: str, message: JsonObject) -> None:
        """Take the session, or the end with its usage."""
        if kind == "session.created":
            self.tally.name(name(message, "session", "model"))
            return
        usage = section(message, "usage")
        self._done = bool(usage)
        heard = seconds(usage, "prompt_audio_seconds")
        read = count(usage, "prompt_tokens") if heard is None else 0
        self.tally.add(
            Usage(
                input_audio_tokens=read,
                output_text_tokens=count(usage, "completion_tokens"),
                input_audio_seconds=heard or Decimal(0),
            )
        )

    def finish(self, now: float, heard: int) -> None:  # noqa: ARG002
        """Say so if the session ended before its usage."""
        self.tally.unreported = not self._done


class MistralSpeech(Meter):
    """Tokens of each generation."""

    client = by_member("type", {"input_text.append", "input_text.flush", "input_text.end"})
    provider = by_member(
        "type", {"session.created", "speech.audio.done"}, audio={"speech.audio.delta"}
    )
    ends_turns = True
    states_turns = True

    def from_client(self, kind: str, message: JsonObject) -> None:  # noqa: ARG002
        """Take a text."""
        if text(message, "text").strip():
            self.tally.begin()

    def from_provider(self, kind: str, message: JsonObject) -> None:
        """Take the session, or the end of a generation."""
        if kind == "session.created":
            self.tally.name(name(message, "session", "model"))
            return
        usage = section(message, "usage")
        self.tally.end(
            usage=Usage(
                input_text_tokens=count(usage, "prompt_tokens"),
                output_audio_tokens=count(usage, "completion_tokens"),
            )
        )
