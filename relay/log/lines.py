"""Where log lines go: written at once, or dropped and counted.

A pipe that nobody reads, a terminal that is paused and a disk that is full must not hold up the
loop, and so every session. There is no thread that writes instead: it would need a bound of its
own, and a line would not be out when something ends the process.
"""

from __future__ import annotations

import os
import select
import stat
import weakref
from collections.abc import Callable
from typing import TextIO

__all__ = ["LogLines"]


class LogLines:
    """Writes lines to a stream, and never waits for it.

    When lines can be written again, one of them says how many were dropped; of a line that went
    only in part the rest comes first.

    Args:
        stream: Such as ``sys.stderr``; if it has a descriptor, that is written to.
        dropped: Gives the line that says that so many were dropped.
    """

    def __init__(self, stream: TextIO, dropped: Callable[[int], str]) -> None:
        self._stream = stream
        self._notice = dropped
        self._rest = b""
        self._dropped = 0
        self._descriptor = _descriptor(stream)
        self._poll = select.poll()
        if self._descriptor is not None:
            own = _own_description(self._descriptor)
            if own is not None:
                self._descriptor = own
                weakref.finalize(self, os.close, own)
            self._poll.register(self._descriptor, select.POLLOUT)

    def write(self, line: str) -> None:
        """Write a line, or drop it."""
        if self._rest:
            self._put(self._rest)
        if self._dropped and not self._rest and self._put(_encoded(self._notice(self._dropped))):
            self._dropped = 0
        if self._dropped or self._rest or not self._put(_encoded(line)):
            self._dropped += 1

    def _put(self, data: bytes) -> bool:
        """Send and keep the rest; return whether any of it went."""
        sent = self._send(data)
        if sent or data is self._rest:
            self._rest = data[sent:]
        return sent > 0

    def _send(self, data: bytes) -> int:
        """Send as much as goes; return how many bytes that were."""
        sent = 0
        try:
            if self._descriptor is None:
                self._stream.write(data.decode())
                self._stream.flush()
                return len(data)
            while sent < len(data) and self._poll.poll(0):
                # So many fit into a pipe or a socket that takes any.
                sent += os.write(self._descriptor, data[sent : sent + select.PIPE_BUF])
        except (OSError, ValueError):
            pass  # nobody reads it any more, or nothing more fits
        return sent


def _encoded(line: str) -> bytes:
    return f"{line}\n".encode(errors="backslashreplace")


def _descriptor(stream: TextIO) -> int | None:
    try:
        return stream.fileno()
    except (OSError, ValueError):
        return None


def _own_description(descriptor: int) -> int | None:
    """The same pipe or terminal, opened again so as not to block; None if that cannot be.

    Others share the open file description that we were given, and do not expect that it refuses
    what they write: so it is left as it is.
    """
    mode = os.fstat(descriptor).st_mode
    if not (stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)):
        return None
    flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        return os.open(f"/proc/self/fd/{descriptor}", flags)
    except OSError:
        return None
