"""Which sessions somebody asks for, wherever their records are: in the store or in memory."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from relay.records.session_record import SessionRecord

__all__ = ["EQUAL", "SEARCHED", "Filter", "searched"]

EQUAL = ("id", "gateway", "provider", "model", "token", "client_address", "outcome", "ended_by")
"""Members of a filter, and of the record, that have to be equal."""
SEARCHED = ("id", "token", "model", "client_address")
"""What :attr:`Filter.part` looks at."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which sessions; None for any."""

    id: str | None = None
    gateway: str | None = None
    provider: str | None = None
    model: str | None = None
    token: str | None = None
    client_address: str | None = None
    outcome: str | None = None
    ended_by: str | None = None
    since: datetime | None = None
    """When the first may have begun."""
    until: datetime | None = None
    """Before when the last may have."""
    part: str | None = None
    """Of the id, of the token's name, of the model or of the client's address; case is ignored."""

    def fits(self, record: SessionRecord) -> bool:
        """Whether a session is one of these."""
        if self.part is not None and self.part.casefold() not in searched(record):
            return False
        if self.since is not None and record.began_at < self.since:
            return False
        if self.until is not None and record.began_at >= self.until:
            return False
        return all(getattr(self, name) in {None, getattr(record, name)} for name in EQUAL)


def searched(record: SessionRecord) -> str:
    """What a search looks at, in which no two parts can match together; in lower case."""
    return "\n".join(getattr(record, name) or "" for name in SEARCHED).casefold()
