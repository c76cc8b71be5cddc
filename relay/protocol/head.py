"""One HTTP/1.1 head: where it ends, how large it may be, and what h11 would let through.

h11 parses heads; but it checks its size limit only while a head is incomplete, counts no field
lines, and accepts bare LF, obs-fold and control characters. So a head is collected and checked
here, line by line as it comes, and h11 gets it whole.
"""

from __future__ import annotations

import re

from relay.protocol.limits import Limits

__all__ = ["HeadReader", "HeadTooLargeError", "MalformedHeadError"]

_TOKEN_START = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]")  # RFC 9110 5.6.2: tchar
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")  # RFC 9110 5.5: HTAB is the only one allowed


class MalformedHeadError(Exception):
    """The bytes are no HTTP/1.1 head."""


class HeadTooLargeError(Exception):
    """The head passes one of the limits."""


class HeadReader:
    """Collects a head. Bytes that follow it are kept in ``rest``.

    Args:
        limits: The bounds on a head.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._buffer = bytearray()
        self._lines = 0  # lines read, start line included
        self._line_start = 0
        self._began_with_empty_line = False
        self.rest = b""
        """What followed the head that was returned."""

    @property
    def empty(self) -> bool:
        """Whether nothing was received so far."""
        return not self._buffer and not self._began_with_empty_line

    def receive_data(self, data: bytes) -> bytes | None:
        """Take more bytes; return the head, its empty line included, once it is whole.

        Raises:
            MalformedHeadError: A line end without CR, a folded line, a control character, or a
                first byte that begins no start line.
            HeadTooLargeError: Too many bytes, too many field lines, or a line that is too long.

        Which of them does not depend on how the bytes are cut: a line is measured before it is
        read, since one that is too long may never end.
        """
        buffer = self._buffer
        buffer += data
        if not self._lines:
            # RFC 9112 2.2: a server should ignore one empty line before the request line.
            if not self._began_with_empty_line and buffer.startswith(b"\r\n"):
                self._began_with_empty_line = True
                del buffer[:2]
            if buffer and buffer != b"\r" and not _TOKEN_START.match(buffer):
                raise MalformedHeadError("the first byte begins no HTTP message")
        while (end := buffer.find(b"\n", self._line_start)) >= 0:
            self._measure(end + 1)
            if self._receive_line(bytes(buffer[self._line_start : end])):
                self.rest = bytes(buffer[end + 1 :])
                return bytes(buffer[: end + 1])
            self._line_start = end + 1
        self._measure(len(buffer))
        return None

    def _measure(self, end: int) -> None:
        """Check the line that reaches up to ``end``, so far or with its line end."""
        line_end = self._line_start + self._limits.max_field_line_size + len(b"\r\n")
        if end > min(line_end, self._limits.max_head_size):
            raise HeadTooLargeError("the head, or a line of it, is too large")

    def _receive_line(self, line: bytes) -> bool:
        """Check one line, given without its LF; return whether it is the empty one."""
        if not line.endswith(b"\r"):
            raise MalformedHeadError("a line ends without CR")  # RFC 9112 2.2
        if line == b"\r":
            return True
        if line[:1] in {b" ", b"\t"}:
            raise MalformedHeadError("a folded line")  # RFC 9112 5.2
        if _CONTROL.search(line, 0, len(line) - 1):
            raise MalformedHeadError("a control character in a line")
        if self._lines > self._limits.max_field_lines:
            raise HeadTooLargeError("too many field lines")
        self._lines += 1
        return False
