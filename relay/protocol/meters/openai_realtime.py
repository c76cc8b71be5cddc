"""OpenAI's Realtime API, in GA and in beta, and what is like it: Azure, Voice Live, xAI, Inworld.

Usage is that of each response, not of the session: it is summed. A transcription states its own,
in tokens or in seconds, and is of another model.
"""

from __future__ import annotations

from relay.protocol.meters.meter import Meter
from relay.protocol.meters.openai_tokens import tokens
from relay.protocol.meters.reading import JsonObject, name, seconds, section, text
from relay.protocol.meters.reads import by_member
from relay.protocol.usage import Usage

__all__ = ["OpenAIRealtime"]

_SESSION = frozenset(
    {
        "session.created",
        "session.updated",
        "transcription_session.created",
        "transcription_session.updated",
    }
)
_TRANSCRIBED = "conversation.item.input_audio_transcription.completed"
_TRANSCRIBERS = (
    ("audio", "input", "transcription", "model"),
    ("input_audio_transcription", "model"),
)


class OpenAIRealtime(Meter):
    """Tokens by modality, of each response."""

    provider = by_member(
        "type",
        {*_SESSION, "response.created", "response.done", _TRANSCRIBED},
        audio={"response.output_audio.delta", "response.audio.delta"},
    )
    ends_turns = True
    states_turns = True
    _transcriber: str | None = None

    def from_provider(self, kind: str, message: JsonObject) -> None:
        """Take a server event."""
        response = section(message, "response")
        if kind == "response.created":
            self.tally.begin(text(response, "id"))
        elif kind == "response.done":
            self._end(response)
        elif kind == _TRANSCRIBED:
            self.tally.add(_transcription(section(message, "usage")), self._transcriber)
        else:
            session = section(message, "session")
            self.tally.name(name(session, "model"))
            for path in _TRANSCRIBERS:
                self._transcriber = name(session, *path) or self._transcriber
            self.tally.name(self._transcriber)

    def audio(self, kind: str, message: JsonObject) -> None:  # noqa: ARG002
        """Take the audio of a response."""
        self.tally.audio(text(message, "response_id"))

    def _end(self, response: JsonObject) -> None:
        status = text(response, "status")
        usage = section(response, "usage")
        if not usage and status in {"completed", "incomplete"}:
            self.tally.unreported = True
        self.tally.end(
            text(response, "id"),
            interrupted=status == "cancelled",
            usage=tokens(usage) if usage else None,
            model=name(response, "model"),
        )


def _transcription(usage: JsonObject) -> Usage:
    lasted = seconds(usage, "seconds")
    if lasted is not None:
        return Usage(input_audio_seconds=lasted)
    return tokens(usage)
