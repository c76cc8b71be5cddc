"""OpenAI's Live API. Its usage is cumulative: the last value counts, not the sum."""

from __future__ import annotations

from decimal import Decimal

from relay.protocol.meters.meter import Meter
from relay.protocol.meters.openai_responses import ENDS
from relay.protocol.meters.openai_tokens import tokens
from relay.protocol.meters.reading import JsonObject, name, seconds, section, text
from relay.protocol.meters.reads import by_member
from relay.protocol.usage import Usage

__all__ = ["OpenAILive"]


class OpenAILive(Meter):
    """Seconds of the session, and tokens of the responses that it delegates."""

    provider = by_member(
        "type",
        {
            "session.started",
            "session.updated",
            "session.usage.updated",
            "session.closed",
            "response.event",
        },
        audio={"session.output_audio.delta"},
    )
    _seconds = Decimal(0)

    def from_provider(self, kind: str, message: JsonObject) -> None:  # noqa: ARG002
        """Take a server event."""
        self.tally.name(name(message, "session", "model"))
        lasted = seconds(message, "usage", "seconds")
        if lasted is not None:
            self._seconds = max(self._seconds, lasted)
        # The nested events of a delegated response are those of the Responses API.
        event = section(message, "event")
        usage = section(event, "response", "usage")
        if text(event, "type") in ENDS and usage:
            self.tally.add(tokens(usage), name(event, "response", "model") or "delegated")

    def finish(self, now: float, heard: int) -> None:  # noqa: ARG002
        """Count the last value."""
        self.tally.add(Usage(session_seconds=self._seconds))
