"""The record of a session: what happened, who ended it, and what it used.

One for each session, and for each opening that was refused after the client had authenticated. It
holds no payload, no credential and no text of a peer but the reason of a Close, from which this
session's secrets are taken out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from relay.protocol.usage import Turn, Usage

__all__ = [
    "NO_CODE",
    "Direction",
    "Outcome",
    "SessionRecord",
    "Turn",
    "Work",
    "from_json",
    "to_json",
]

NO_CODE = 1005
"""The code of a Close frame that has none (RFC 6455 7.4.1)."""


class Outcome(StrEnum):
    """What became of a session, in one word."""

    COMPLETED = "completed"
    """A side closed it, with whatever code."""
    BROKEN = "broken"
    """A side vanished, stalled, or broke the protocol or a limit."""
    ENDED = "ended"
    """The relay ended it: idle, too long, drained, by an operator, or by a fault of its own."""
    REFUSED = "refused"
    """It never opened."""
    ABANDONED = "abandoned"
    """The client went away during the opening."""


@dataclass(slots=True)
class Direction:
    """What one side sent, and how it ended."""

    frames: int = 0
    """Control frames included."""
    messages: int = 0
    bytes: int = 0
    """Frame headers included."""
    largest_message: int = 0
    """Bytes of payload."""
    slowest_message: float = 0.0
    """Seconds from the first piece of a message to its last, or to ``last_activity`` if it was
    under way then; the most of all. 0 if each came at once."""
    waited: float = 0.0
    """Seconds in which the other side took nothing, so that this one was not read."""
    close_code: int | None = None
    """Of the Close that this side sent; 1005 for one without a code, None for none."""
    close_reason: str = ""
    told_code: int | None = None
    """Of the Close that this side was sent, likewise."""
    told_reason: str = ""
    last_activity: float | None = None
    """From the 101 to when this side last sent something, or the other one last took something of
    it, until the session began to end; None if it sent nothing. Its own end is part of it."""


@dataclass(frozen=True, slots=True)
class Work:
    """What was used of one model."""

    model: str | None
    """None where nobody named it."""
    usage: Usage
    cost: Decimal | None = None
    """In US dollars; None where a price is not known."""


@dataclass(slots=True)
class SessionRecord:
    """One session. Times of day are UTC; all others are seconds."""

    id: str
    """A UUIDv7, which the client has as ``cf-aig-log-id``."""
    began_at: datetime
    gateway: str
    provider: str
    endpoint: str = ""
    """The path of the catalogue's entry, with its placeholders."""
    model: str | None = None
    """As the client or the provider named it first."""
    token: str | None = None
    """The name of the gateway token."""
    client_address: str = ""
    user_agent: str = ""
    metadata: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    trace_id: str | None = None
    """Of the trace that the client says it belongs to, in hexadecimal."""
    parent_span_id: str | None = None
    """Of the client's span in that trace, likewise."""
    upstream: str = ""
    """Host and port that were dialled."""
    lane: str = "verbatim"
    compressed: bool = False
    steps: Mapping[str, float] = field(default_factory=dict)
    """What each step of the opening took."""
    status: int = 101
    """Of the HTTP answer that the client got; 0 for none."""
    code: int | None = None
    """Of the refusal (docs/refusals.md)."""
    first_message: float | None = None
    """From the 101 to the provider's first message."""
    first_audio: float | None = None
    """From the 101 to the provider's first audio."""
    duration: float = 0.0
    """From the 101 to the end of relaying, and of lingering; 0 if it never opened."""
    lingered: float = 0.0
    """For how much of that the provider was still heard after the client had gone."""
    client: Direction = field(default_factory=Direction)
    provider_side: Direction = field(default_factory=Direction)
    added_latency: tuple[int, ...] = ()
    """Chunks by the time from their reading to their writing: the bounds are those of
    :data:`relay.latency.BOUNDS`."""
    usage: tuple[Work, ...] | None = None
    """By model; None where it is not known, and ``usage_missing`` says why. With both, that is of
    a part: of a response that was cut short."""
    usage_missing: str | None = None
    """``compressed``, ``not metered``, ``not reported``, ``failed``, ``not measured`` (nobody keeps
    records or metrics) or None."""
    cost: Decimal | None = None
    """In US dollars; None where a part of it is not known."""
    prices: str | None = None
    """The version of the prices by which the cost was found."""
    turns: list[Turn] = field(default_factory=list)
    """The first thousand."""
    turns_dropped: int = 0
    """How many more there were."""
    outcome: Outcome = Outcome.COMPLETED
    ended_by: str = ""
    """``client``, ``provider`` or ``relay``."""
    cause: str = ""
    """Why, in the words of the closing table (docs/closing.md)."""
    error: str | None = None
    """The refusal's sentence, a violation, how a side vanished, a policy's reason, or the kind of a
    fault of ours."""


_WITH_FIELDS = (SessionRecord, Direction, Work, Turn)


def to_json(value: Any) -> Any:
    """A record, or a part of one, as JSON has it: decimals as strings, times of day in RFC 3339."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, Usage):
        return {name: to_json(count) for name, count in value.counted().items()}
    if isinstance(value, _WITH_FIELDS):
        return {name: to_json(getattr(value, name)) for name in type(value).__slots__}
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, Mapping):
        return {name: to_json(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(each) for each in value]
    return value


def from_json(shown: Mapping[str, Any]) -> SessionRecord:
    """The record that :func:`to_json` made ``shown`` of."""
    usage = shown["usage"]
    return SessionRecord(
        **{
            **shown,
            "began_at": datetime.fromisoformat(shown["began_at"]),
            "client": Direction(**shown["client"]),
            "provider_side": Direction(**shown["provider_side"]),
            "added_latency": tuple(shown["added_latency"]),
            "usage": None if usage is None else tuple(map(_work, usage)),
            "cost": _decimal(shown["cost"]),
            "turns": [_turn(each) for each in shown["turns"]],
            "outcome": Outcome(shown["outcome"]),
        }
    )


def _work(shown: Mapping[str, Any]) -> Work:
    return Work(shown["model"], _usage(shown["usage"]), _decimal(shown["cost"]))


def _turn(shown: Mapping[str, Any]) -> Turn:
    usage = shown["usage"]
    return Turn(
        **{
            **shown,
            "usage": None if usage is None else _usage(usage),
            "cost": _decimal(shown["cost"]),
        }
    )


def _usage(shown: Mapping[str, Any]) -> Usage:
    counts: dict[str, Any] = {
        unit: Decimal(each) if isinstance(each, str) else each for unit, each in shown.items()
    }
    return Usage(**counts)


def _decimal(shown: str | None) -> Decimal | None:
    return None if shown is None else Decimal(shown)
