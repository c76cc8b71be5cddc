"""What reads frames, as receivers for the laws: the relay's lanes, and libraries."""

from __future__ import annotations

from relay.protocol import Limits, MessagePipe, Pipe
from relay.testing.frames import Item, decode, delivered

__all__ = ["MessagesReceiver", "VerbatimReceiver"]


class VerbatimReceiver:
    """What a peer behind the relay is handed, in the verbatim lane.

    Args:
        masked: Whether the frames come from a client.
    """

    lane: type[Pipe] = Pipe

    def __init__(self, masked: bool) -> None:
        self._masked = masked
        self._pipe = self.lane(masked=masked, limits=Limits())
        self._passed = b""
        self._handed_over = 0

    @property
    def failed(self) -> int | None:
        """By the pipe's own account."""
        return self._pipe.error.close_code_hint if self._pipe.error else None

    def receive_data(self, data: bytes) -> list[Item]:
        """What is complete in all that has passed."""
        self._passed += self._pipe.receive_data(data)
        try:
            items = delivered(decode(self._passed, masked=self._masked))
        except (AssertionError, IndexError):  # a header is not whole yet
            return []
        new = items[self._handed_over :]
        self._handed_over = len(items)
        return new


class MessagesReceiver(VerbatimReceiver):
    """The same in the message lane."""

    lane = MessagePipe
