"""The tables of the store, and what a record is in them.

Amounts that must add up exactly, of money and of seconds, are whole numbers in the database: so a
sum made there is exact, too, in SQLite as in PostgreSQL.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Identity,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    TypeDecorator,
)

from relay.protocol.usage import UNITS
from relay.records.session_record import SessionRecord, to_json

__all__ = ["SCHEMA_VERSION", "metadata", "rows", "schema", "sessions", "turns", "usage"]

SCHEMA_VERSION = 1

_BESIDE = {"turns", "usage"}  # fields that have tables of their own


class _Exact(TypeDecorator[Decimal]):
    """A decimal, as a whole number of its smallest unit."""

    impl = BigInteger
    cache_ok = True

    def __init__(self, places: int) -> None:
        super().__init__()
        self.places = places

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        return None if value is None else int(value.scaleb(self.places).to_integral_value())

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:  # noqa: ARG002
        return None if value is None else Decimal(int(value)).scaleb(-self.places).normalize() + 0


class _Utc(TypeDecorator[datetime]):
    """A time of day in UTC; SQLite knows no time zones."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else value.replace(tzinfo=UTC)


def _dollars(name: str = "cost") -> Column[Decimal]:
    return Column(name, _Exact(12))


metadata = MetaData()

schema = Table("relay_schema", metadata, Column("version", Integer, nullable=False))

# SQLite counts up by itself only where the key is its own INTEGER.
_Number = BigInteger().with_variant(Integer, "sqlite")

sessions = Table(
    "relay_sessions",
    metadata,
    Column("number", _Number, Identity(), primary_key=True),  # in the order of writing
    Column("id", String(36), nullable=False, unique=True),
    Column("began_at", _Utc, nullable=False, index=True),
    Column("gateway", String, nullable=False),
    Column("provider", String, nullable=False),
    Column("model", String),
    Column("token", String),
    Column("client_address", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("ended_by", String, nullable=False),
    Column("duration", Float, nullable=False),
    _dollars(),
    Column("details", JSON, nullable=False),  # the record, but for turns and usage
)


def _to_session(*, primary_key: bool) -> Column[str]:
    key = ForeignKey(sessions.c.id)
    return Column("session", String(36), key, primary_key=primary_key, nullable=False)


def _counts() -> list[Column[Any]]:
    return [
        Column(unit, _Exact(6) if unit.endswith("_seconds") else BigInteger, nullable=False)
        for unit in UNITS
    ]


usage = Table(
    "relay_usage",
    metadata,
    _to_session(primary_key=True),
    Column("number", SmallInteger, primary_key=True),
    Column("model", String),
    _dollars(),
    *_counts(),
)

turns = Table(
    "relay_turns",
    metadata,
    _to_session(primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("began", Float, nullable=False),
    Column("first_audio", Float),
    Column("ended", Float),
    Column("interrupted", Boolean, nullable=False),
    Column("model", String),
    Column("usage", JSON),
    _dollars(),
)


def rows(
    record: SessionRecord,
) -> tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]:
    """What a record is in the tables: a session, its usage and its turns."""
    shown = to_json(record)
    session = {
        name: getattr(record, name)
        for name in sessions.c.keys()  # noqa: SIM118 - a collection of columns
        if name not in {"number", "details"}
    }
    session["details"] = {name: each for name, each in shown.items() if name not in _BESIDE}
    works = [
        {
            "session": record.id,
            "number": number,
            "model": work.model,
            "cost": work.cost,
            **{unit: getattr(work.usage, unit) for unit in UNITS},
        }
        for number, work in enumerate(record.usage or ())
    ]
    responses = [
        {
            "session": record.id,
            "number": number,
            **{name: getattr(turn, name) for name in ("began", "first_audio", "ended")},
            "interrupted": turn.interrupted,
            "model": turn.model,
            "usage": each["usage"],
            "cost": turn.cost,
        }
        for number, (turn, each) in enumerate(zip(record.turns, shown["turns"], strict=True))
    ]
    return session, works, responses
