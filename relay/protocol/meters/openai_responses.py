"""The Responses API over WebSocket: OpenAI, Azure, xAI."""

from __future__ import annotations

from relay.protocol.meters.meter import Meter
from relay.protocol.meters.openai_tokens import tokens
from relay.protocol.meters.reading import JsonObject, name, section, text
from relay.protocol.meters.reads import by_member

__all__ = ["ENDS", "OpenAIResponses"]

ENDS = frozenset({"response.completed", "response.incomplete", "response.failed"})
"""The events that end a response, with its usage."""


class OpenAIResponses(Meter):
    """Tokens of each response, by the model that it names. Several may run at once."""

    provider = by_member("type", {"response.created", *ENDS})
    ends_turns = True
    states_turns = True

    def from_provider(self, kind: str, message: JsonObject) -> None:
        """Take an event."""
        response = section(message, "response")
        model = name(response, "model")
        if kind == "response.created":
            self.tally.name(model)
            self.tally.begin(text(response, "id"))
            return
        usage = section(response, "usage")
        if not usage and kind != "response.failed":
            self.tally.unreported = True
        self.tally.end(text(response, "id"), usage=tokens(usage) if usage else None, model=model)
