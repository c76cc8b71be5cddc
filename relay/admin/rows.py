"""Sessions as the admin API shows them: a short row of each, or all of one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel

from relay.latency import quantile
from relay.live_sessions import Glance, LiveState
from relay.records.explanation import explain, timeline
from relay.records.session_record import Outcome, SessionRecord, to_json
from relay.records.standing import standing

__all__ = [
    "Details",
    "LiveRows",
    "Moment",
    "Quantiles",
    "Row",
    "Rows",
    "ended_details",
    "ended_row",
    "live_details",
    "live_row",
]


class Quantiles(BaseModel):
    """What half, and what 99 %, of the chunks took at most: upper bounds of buckets."""

    p50: float
    p99: float


class Row(BaseModel):
    """A session in short. Times are seconds, costs US dollars."""

    id: str
    live: bool
    state: Literal["opening", "talking", "silent", "closing", "ended"]
    talks: Literal["client", "provider", "both"] | None
    """Who has sent something within the last second."""
    silent_for: float | None
    """Since anybody sent something; None for one that is opening or has ended."""
    began_at: datetime
    ended_at: datetime | None
    """None while it is live."""
    gateway: str
    provider: str
    endpoint: str
    model: str | None
    token: str | None
    client_address: str
    status: int
    """0 for a session that is opening."""
    duration: float
    """Since its 101; of one that is opening, since its connection was accepted."""
    first_audio: float | None
    messages_in: int
    messages_out: int
    bytes_in: int
    bytes_out: int
    added_latency: Quantiles | None
    """None if nothing has passed."""
    cost: Decimal | None
    outcome: Outcome | None
    ended_by: str | None
    close_code: int | None
    """Of the Close with which a side ended it, 1005 for one without a code; None for none."""
    explanation: str | None
    """How it ended, in a sentence; None while it is open."""


class Rows(BaseModel):
    """Sessions that have ended, the newest first."""

    sessions: list[Row]


class LiveRows(BaseModel):
    """Sessions that are open or being opened, in the order that was asked for."""

    now: datetime
    total: int
    """How many there are."""
    matching: int
    """How many of them fit; there may be more than are shown."""
    states: dict[LiveState, int]
    """How many there are of each, whether they fit or not."""
    sessions: list[Row]


class Moment(BaseModel):
    """Something that happened."""

    at: float
    """Seconds since the connection was accepted."""
    what: str


class Details(BaseModel):
    """A session with all that is known of it."""

    live: bool
    state: Literal["opening", "talking", "silent", "closing", "ended"]
    explanation: str | None
    """How it ended, in a sentence; None while it is open."""
    standing: str | None
    """How it stands, in a sentence: who is waited for, and since when; None once it has ended."""
    added_latency: Quantiles | None
    """None if nothing has passed."""
    timeline: list[Moment]
    session: SessionRecord


def ended_row(record: SessionRecord) -> dict[str, Any]:
    """A :class:`Row`, ready for JSON. There may be thousands, so no model is made of it."""
    return _row(record) | {
        "live": False,
        "state": "ended",
        "ended_at": to_json(record.began_at + timedelta(seconds=_lasted(record))),
        "duration": record.duration,
        "first_audio": record.first_audio,
        "messages_in": record.client.messages,
        "messages_out": record.provider_side.messages,
        "bytes_in": record.client.bytes,
        "bytes_out": record.provider_side.bytes,
        "added_latency": _quantiles(record.added_latency),
        "cost": to_json(record.cost),
        "outcome": record.outcome.value,
        "ended_by": record.ended_by,
        "close_code": _close_code(record),
        "explanation": explain(record),
    }


def live_row(glance: Glance) -> dict[str, Any]:
    """The same of a session that has not ended."""
    opening = glance.state is LiveState.OPENING
    return _row(glance.record) | {
        "live": True,
        "state": glance.state.value,
        "talks": glance.talks,
        "silent_for": glance.silent_for,
        "status": 0 if opening else glance.record.status,
        "duration": glance.duration,
        "first_audio": glance.first_audio,
        "messages_in": glance.messages_in,
        "messages_out": glance.messages_out,
        "bytes_in": glance.bytes_in,
        "bytes_out": glance.bytes_out,
        "added_latency": _quantiles(glance.latency),
    }


def _row(record: SessionRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "talks": None,
        "silent_for": None,
        "began_at": to_json(record.began_at),
        "ended_at": None,
        "gateway": record.gateway,
        "provider": record.provider,
        "endpoint": record.endpoint,
        "model": record.model,
        "token": record.token,
        "client_address": record.client_address,
        "status": record.status,
        "cost": None,
        "outcome": None,
        "ended_by": None,
        "close_code": None,
        "explanation": None,
    }


def _close_code(record: SessionRecord) -> int | None:
    sides = {"client": record.client, "provider": record.provider_side}
    side = sides.get(record.ended_by)
    return None if side is None else side.close_code


def _lasted(record: SessionRecord) -> float:
    """From its connection to its end."""
    return sum(record.steps.values()) + record.duration


def _quantiles(latency: Sequence[int]) -> dict[str, float | None] | None:
    p50 = quantile(latency, 0.5)
    return None if p50 is None else {"p50": p50, "p99": quantile(latency, 0.99)}


def ended_details(record: SessionRecord) -> dict[str, Any]:
    """A :class:`Details`, ready for JSON."""
    return _details(record, ended=True) | {
        "state": "ended",
        "explanation": explain(record),
        "standing": None,
        "added_latency": _quantiles(record.added_latency),
    }


def live_details(glance: Glance, record: SessionRecord) -> dict[str, Any]:
    """The same of a session that has not ended."""
    return _details(record, ended=False) | {
        "state": glance.state.value,
        "explanation": None,
        "standing": standing(glance, record),
        "added_latency": _quantiles(glance.latency),
    }


def _details(record: SessionRecord, *, ended: bool) -> dict[str, Any]:
    return {
        "live": not ended,
        "timeline": [{"at": at, "what": what} for at, what in timeline(record, ended=ended)],
        "session": to_json(record),
    }
