"""A tail: somebody reads which messages pass in a session, while it runs.

What they do not read in time is counted and dropped, so that no session waits for them, and the
relay holds little.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import NamedTuple

import trio

from relay.protocol import Pipe
from relay.tail.observer import ContentObserver, SizeObserver
from relay.tail.redaction import Redaction

__all__ = ["MOST_BYTES", "MOST_LINES", "Tail"]

MOST_LINES = 1000
"""Lines that wait for the reader."""
MOST_BYTES = 1024 * 1024
"""Characters of content that do."""

_AT_ONCE = 100  # lines
_FAILED = "the tail ended by a fault of the relay's own; the session goes on"


def _nobody(tail: Tail) -> None:
    """Who is told that a tail was closed, if nobody is."""


class _Line(NamedTuple):
    at: float
    side: str
    kind: str
    size: int
    content: str | None
    dropped: int = 0
    """How many are missing here; then it says nothing else."""

    def shown(self) -> dict[str, object]:
        if self.dropped:
            return {"dropped": self.dropped}
        line = {"at": round(self.at, 6), "from": self.side, "kind": self.kind, "bytes": self.size}
        return line if self.content is None else {**line, "content": self.content}


class Tail:
    """What one reader gets of one session, from now on.

    Args:
        session_id: The session's.
        pipes: Its directions, inbound and outbound.
        clock: The seconds since its 101.
        redaction: Shows contents; None if they are not to be shown. Then nothing is unmasked or
            decompressed.
    """

    def __init__(
        self,
        session_id: str,
        pipes: tuple[Pipe, Pipe],
        clock: Callable[[], float],
        redaction: Redaction | None,
    ) -> None:
        self.session_id = session_id
        self._clock = clock
        self._lines: deque[_Line] = deque()
        self._held = 0  # characters of content
        self._dropped = 0  # after the last line
        self._last: str | None = None
        self._over = False
        self._changed = trio.Event()
        self.on_close: Callable[[Tail], None] = _nobody
        """Called once the reader has gone."""
        self._attached = [
            (
                pipe,
                SizeObserver(self, side)
                if redaction is None
                else ContentObserver(self, side, redaction, masked=side == "client"),
            )
            for side, pipe in zip(("client", "provider"), pipes, strict=True)
        ]
        for pipe, observer in self._attached:
            pipe.attach(observer)

    # For those that look at the session

    @property
    def is_full(self) -> bool:
        """Whether a line would be dropped."""
        return len(self._lines) >= MOST_LINES or self._held >= MOST_BYTES

    def add(self, side: str, kind: str, size: int, content: str | None = None) -> None:
        """Say that a message has passed, or a control frame."""
        if self.is_full:
            self._dropped += 1
            return
        self._note_dropped()
        self._lines.append(_Line(self._clock(), side, kind, size, content))
        self._held += len(content or "")
        self._changed.set()

    def fail(self) -> None:
        """End it for a fault."""
        self.end(_FAILED)

    def end(self, sentence: str) -> None:
        """Say that nothing more will pass; the reader gets what waits, and that sentence."""
        self._detach()
        if self._last is None:
            self._last = sentence
            self._changed.set()

    # For the reader

    async def take(self) -> list[Mapping[str, object]]:
        """The next lines, once there are some; none after the last."""
        await trio.lowlevel.checkpoint()
        while not self._lines and not self._dropped and self._last is None:
            self._changed = trio.Event()
            await self._changed.wait()
        taken: list[Mapping[str, object]] = []
        while self._lines and len(taken) < _AT_ONCE:
            line = self._lines.popleft()
            self._held -= len(line.content or "")
            taken.append(line.shown())
        if not self._lines:
            self._note_dropped()
            taken += [line.shown() for line in self._lines]
            self._lines.clear()
            if self._last is not None and not self._over:
                self._over = True
                taken.append({"ended": self._last})
        return taken

    def close(self) -> None:
        """Read no more."""
        self._detach()
        on_close, self.on_close = self.on_close, _nobody
        on_close(self)

    def _note_dropped(self) -> None:
        if self._dropped:
            self._lines.append(_Line(0, "", "", 0, None, self._dropped))
            self._dropped = 0

    def _detach(self) -> None:
        while self._attached:
            pipe, observer = self._attached.pop()
            pipe.detach(observer)
