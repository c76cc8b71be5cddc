"""The bounds of what a peer may send."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on opening handshakes and messages. All sizes are in bytes."""

    max_head_size: int = 16 * 1024
    """A request or response head: start line, field lines and the empty line."""

    max_field_lines: int = 100
    """Field lines in a head."""

    max_field_line_size: int = 8 * 1024
    """One line of a head, the start line included, without its line end."""

    max_message_size: int = 32 * 1024 * 1024
    """A message: the payloads of all its fragments, as declared in their headers."""

    max_fragments: int = 65536
    """Frames of one message."""
