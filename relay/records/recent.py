"""The sessions that ended last, for an operator who looks now.

A store has them a moment later, and for longer; not every relay has one.
"""

from __future__ import annotations

from collections import deque

from relay.records.filter import Filter
from relay.records.session_record import SessionRecord

__all__ = ["Recent"]

_MOST = 100


class Recent:
    """Remembers the last hundred."""

    def __init__(self) -> None:
        self._records: deque[SessionRecord] = deque(maxlen=_MOST)

    def add(self, record: SessionRecord) -> None:
        """Remember one; it must not be changed any more."""
        self._records.append(record)

    def last(self, wanted: Filter, limit: int | None) -> list[SessionRecord]:
        """The newest that fit, the oldest of them first."""
        found = [record for record in self._records if wanted.fits(record)]
        return found if limit is None else found[-limit:]

    def one(self, beginning: str) -> SessionRecord | None:
        """The one whose id begins so; None if there is none, or more than one."""
        found = [record for record in self._records if record.id.startswith(beginning)]
        return found[0] if len(found) == 1 else None
