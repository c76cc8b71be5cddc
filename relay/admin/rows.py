"""Sessions as the admin API shows them: a short row of each, or all of one."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from relay.explanation import explain, timeline
from relay.session_record import Outcome, SessionRecord, to_json

__all__ = ["Details", "Moment", "Row", "Rows", "details", "row"]


class Row(BaseModel):
    """A session in short. Times are seconds, costs US dollars."""

    id: str
    live: bool
    began_at: datetime
    gateway: str
    provider: str
    endpoint: str
    model: str | None
    token: str | None
    client_address: str
    status: int
    duration: float
    first_audio: float | None
    messages_in: int
    messages_out: int
    bytes_in: int
    bytes_out: int
    cost: Decimal | None
    outcome: Outcome | None
    ended_by: str | None
    explanation: str | None
    """How it ended, in a sentence; None while it is open."""


class Rows(BaseModel):
    """Sessions, the newest first; those that are open in no order."""

    sessions: list[Row]


class Moment(BaseModel):
    """Something that happened."""

    at: float
    """Seconds since the connection was accepted."""
    what: str


class Details(BaseModel):
    """A session with all that is known of it."""

    live: bool
    explanation: str | None
    """How it ended, in a sentence; None while it is open."""
    timeline: list[Moment]
    session: SessionRecord


def row(record: SessionRecord, *, live: bool) -> dict[str, Any]:
    """A :class:`Row`, ready for JSON. There may be thousands, so no model is made of it."""
    return {
        "id": record.id,
        "live": live,
        "began_at": to_json(record.began_at),
        "gateway": record.gateway,
        "provider": record.provider,
        "endpoint": record.endpoint,
        "model": record.model,
        "token": record.token,
        "client_address": record.client_address,
        "status": record.status,
        "duration": record.duration,
        "first_audio": record.first_audio,
        "messages_in": record.client.messages,
        "messages_out": record.provider_side.messages,
        "bytes_in": record.client.bytes,
        "bytes_out": record.provider_side.bytes,
        "cost": to_json(record.cost),
        "outcome": None if live else record.outcome.value,
        "ended_by": None if live else record.ended_by,
        "explanation": None if live else explain(record),
    }


def details(record: SessionRecord, *, live: bool) -> dict[str, Any]:
    """A :class:`Details`, ready for JSON."""
    return {
        "live": live,
        "explanation": None if live else explain(record),
        "timeline": [{"at": at, "what": what} for at, what in timeline(record, ended=not live)],
        "session": to_json(record),
    }
