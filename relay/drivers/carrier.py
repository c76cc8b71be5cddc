"""What a session needs of what drives it: the pump and the splice both are that."""

from __future__ import annotations

from typing import Protocol

from relay.protocol import Progress

__all__ = ["Carrier"]


class Carrier(Progress, Protocol):
    """The driver of one direction: what the deadlines look at, and what else there is of it."""

    @property
    def waited(self) -> float:
        """Seconds in which the source was not read because the sink took nothing, until now."""

    @property
    def source_was_reset(self) -> bool:
        """Whether reading told that the source's connection was reset (RST)."""

    @property
    def sink_was_reset(self) -> bool:
        """Whether writing told that the sink's was."""

    def inject(self, frame: bytes) -> bool:
        """Give the sink a frame of the relay's own; it is no activity.

        Returns:
            Whether one may stand here: at a frame boundary, with nothing unsent and no Close
            before it. If not, nothing was done.
        """

    def retry_write(self) -> None:
        """Write more, if there is room of which the system has not told."""

    def stop(self) -> None:
        """Read no more than the rest of the frame under way, and end once all that is written."""

    def abort(self) -> None:
        """End now; what is being written stays unfinished."""
