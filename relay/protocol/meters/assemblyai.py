"""AssemblyAI: both of its endpoints are paid by the time of the session."""

from __future__ import annotations

from decimal import Decimal

from relay.protocol.meters.meter import SessionTime
from relay.protocol.meters.reading import JsonObject, name, seconds, text
from relay.protocol.meters.reads import by_member
from relay.protocol.usage import Usage

__all__ = ["AssemblyAIAgent", "AssemblyAIStreaming"]


class AssemblyAIStreaming(SessionTime):
    """The seconds of ``Termination``, or else those that passed."""

    provider = by_member("type", {"Begin", "Termination"})
    _stated: Decimal | None = None

    def from_provider(self, kind: str, message: JsonObject) -> None:  # noqa: ARG002
        """Take the beginning or the end."""
        self.tally.name(name(message, "configuration", "model"))
        self._stated = seconds(message, "session_duration_seconds")

    def finish(self, now: float, heard: int) -> None:
        """Count the seconds."""
        if self._stated is None:
            super().finish(now, heard)
        else:
            self.tally.add(Usage(session_seconds=self._stated))


class AssemblyAIAgent(SessionTime):
    """Time. A turn is a reply."""

    provider = by_member("type", {"reply.started", "reply.done"}, audio={"reply.audio"})
    ends_turns = True

    def from_provider(self, kind: str, message: JsonObject) -> None:
        """Take the beginning or the end of a reply."""
        if kind == "reply.started":
            self.tally.begin()
        else:
            self.tally.end(interrupted=text(message, "status") == "interrupted")
