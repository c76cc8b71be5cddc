"""What a pipe shows of a direction to somebody who looks from the side."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Observer"]


class Observer(Protocol):
    """Sees the data frames of one direction, and changes nothing.

    A pipe calls it in the order in which bytes come, once they are known to be valid. Most messages
    are one frame in one chunk: for those there is one call. If an observer raises, the pipe goes on
    without it.
    """

    def message(self, data: bytes, start: int) -> None:
        """A whole message in one frame, which is all of ``data``.

        Args:
            data: The frame; its first byte tells the kind of the message.
            start: Where the payload begins. Where frames are masked, the key is before it.
        """

    def frame(self, first: int, length: int, key: bytes) -> None:
        """A data frame begins.

        Args:
            first: Its first byte: FIN, RSV1 and the opcode (RFC 6455 5.2).
            length: Of its payload, which follows in pieces.
            key: The masking key; empty where frames are not masked.
        """

    def payload(self, data: bytes, start: int, end: int) -> None:
        """A piece of the payload of the frame that began last: ``data[start:end]``."""

    def failed(self) -> None:
        """One of the others has raised; nothing more will be shown."""
