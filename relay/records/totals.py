"""Totals of the store: what was used and what it cost, by day, gateway and provider."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, func, select

from relay.protocol.usage import UNITS, Usage
from relay.records.tables import sessions, usage

__all__ = ["DayTotal", "day_totals"]

_DAY = func.date(sessions.c.began_at).label("day")
_BY = (_DAY, sessions.c.gateway, sessions.c.provider)
_OPENED = 101  # the status of a session that was open: others cost nothing


@dataclass(frozen=True, slots=True)
class DayTotal:
    """What one gateway had of one provider in one day (UTC)."""

    day: date
    gateway: str
    provider: str
    sessions: int
    """Openings that led to none among them."""
    seconds: float
    """From their 101 to their end."""
    cost: Decimal | None
    """In US dollars, as far as it is known; None if it is of none."""
    unpriced: int
    """Sessions of which it is not, or not wholly."""
    usage: Usage


def day_totals(connection: Connection, since: datetime, until: datetime) -> list[DayTotal]:
    """The totals of the sessions that began in a span of time, the newest day first.

    Args:
        connection: To the database.
        since: When the first may have begun.
        until: Before when the last may have.
    """
    span = (sessions.c.began_at >= since, sessions.c.began_at < until)
    opened = sessions.c.status == _OPENED
    counted = select(
        *_BY,
        func.count().label("count"),
        func.sum(sessions.c.duration).label("seconds"),
        func.sum(sessions.c.cost).label("cost"),
        func.count().filter(opened, sessions.c.cost.is_(None)).label("unpriced"),
    )
    counted = counted.where(*span).group_by(*_BY).order_by(_DAY.desc(), *_BY[1:])
    used = select(*_BY, *(func.sum(usage.c[unit]).label(unit) for unit in UNITS))
    used = used.join_from(sessions, usage).where(*span).group_by(*_BY)
    usage_of = {_key(row): _usage(row) for row in connection.execute(used).mappings()}
    return [
        DayTotal(
            **_key(row)._asdict(),
            sessions=row["count"],
            seconds=row["seconds"],
            cost=row["cost"],
            unpriced=row["unpriced"],
            usage=usage_of.get(_key(row), Usage()),
        )
        for row in connection.execute(counted).mappings()
    ]


class _Key(NamedTuple):
    day: date
    gateway: str
    provider: str


def _key(row: RowMapping) -> _Key:
    day = date.fromisoformat(str(row["day"]))  # SQLite knows no dates
    return _Key(day, row["gateway"], row["provider"])


def _usage(row: RowMapping) -> Usage:
    """Counts, which PostgreSQL adds up to decimals."""
    counts: dict[str, Any] = {
        name: row[name] if name.endswith("_seconds") else int(row[name]) for name in UNITS
    }
    return Usage(**counts)
