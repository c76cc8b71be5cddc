"""The sessions that ended last, for an operator who looks now.

A store has them a moment later, and for longer; not every relay has one.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from relay.session_record import SessionRecord

if TYPE_CHECKING:  # SQLAlchemy loads slowly
    from relay.records.store import Filter

__all__ = ["Recent", "searched"]

_MOST = 100
_EQUAL = ("gateway", "provider", "model", "token", "client_address", "outcome", "ended_by")


class Recent:
    """Remembers the last hundred."""

    def __init__(self) -> None:
        self._records: deque[SessionRecord] = deque(maxlen=_MOST)

    def add(self, record: SessionRecord) -> None:
        """Remember one; it must not be changed any more."""
        self._records.append(record)

    def last(self, wanted: Filter, limit: int | None) -> list[SessionRecord]:
        """The newest that fit, the oldest of them first."""
        found = [record for record in self._records if _fits(record, wanted)]
        return found if limit is None else found[-limit:]

    def one(self, beginning: str) -> SessionRecord | None:
        """The one whose id begins so; None if there is none, or more than one."""
        found = [record for record in self._records if record.id.startswith(beginning)]
        return found[0] if len(found) == 1 else None


def searched(record: SessionRecord) -> str:
    """What a search looks at, in which no two parts can match together; in lower case."""
    parts = (record.id, record.token or "", record.model or "", record.client_address)
    return "\n".join(parts).casefold()


def _fits(record: SessionRecord, wanted: Filter) -> bool:
    if wanted.part is not None and wanted.part.casefold() not in searched(record):
        return False
    if wanted.since is not None and record.began_at < wanted.since:
        return False
    if wanted.until is not None and record.began_at >= wanted.until:
        return False
    return all(getattr(wanted, name) in {None, getattr(record, name)} for name in _EQUAL)
