"""What a relay says of its live sessions, and what becomes of it between two looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

__all__ = ["Bytes", "Live", "Query", "Session", "read_live"]


class Query(NamedTuple):
    """Which sessions to show first; the relay finds and sorts them, so that few need be sent."""

    text: str = ""
    """Part of an id, a token's name, a model or an address."""
    sort: str = "duration"
    descending: bool = False
    limit: int = 200

    def parameters(self) -> Mapping[str, str | int]:
        """The same as the admin API has it."""
        return {
            "q": self.text,
            "sort": self.sort,
            "descending": "true" if self.descending else "false",
            "limit": self.limit,
        }


class Bytes(NamedTuple):
    """Of each direction: how many, or how many a second."""

    inbound: float
    outbound: float


@dataclass(frozen=True, slots=True)
class Session:
    """A row of the admin API, and what was found by comparing it with the one before."""

    id: str
    state: str
    talks: str | None
    """``client``, ``provider`` or ``both``."""
    silent_for: float | None
    """Seconds."""
    gateway: str
    provider: str
    model: str | None
    token: str | None
    client_address: str
    age: float
    """Seconds."""
    messages_in: int
    messages_out: int
    bytes: Bytes
    rate: Bytes | None
    """None if it was not there at the look before."""
    added_latency: tuple[float, float] | None
    """The median and the 99th percentile, in seconds; None if nothing has passed."""


@dataclass(frozen=True, slots=True)
class Live:
    """One look at a relay."""

    at: datetime
    total: int
    matching: int
    states: Mapping[str, int]
    """How many sessions are in each, whether they match or not."""
    sessions: Sequence[Session]


def read_live(answer: Mapping[str, Any], before: Live | None = None) -> Live:
    """Read an answer of ``GET /api/sessions/live``.

    Args:
        answer: What the relay said.
        before: What it said the last time, for the rates.

    Raises:
        ValueError: A relay of this version does not say so.
    """
    try:
        at = datetime.fromisoformat(answer["now"])
        seconds = 0.0 if before is None else (at - before.at).total_seconds()
        known = {} if before is None else {each.id: each.bytes for each in before.sessions}
        return Live(
            at,
            int(answer["total"]),
            int(answer["matching"]),
            {str(state): int(count) for state, count in answer["states"].items()},
            [_session(row, known.get(row["id"]), seconds) for row in answer["sessions"]],
        )
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise ValueError("the relay's list of sessions is of another version") from error


def _session(row: Mapping[str, Any], before: Bytes | None, seconds: float) -> Session:
    latency = row["added_latency"]
    passed = Bytes(int(row["bytes_in"]), int(row["bytes_out"]))
    rate = None
    if before is not None and seconds > 0:
        rate = Bytes(*((now - then) / seconds for now, then in zip(passed, before, strict=True)))
    return Session(
        id=row["id"],
        state=row["state"],
        talks=row["talks"],
        silent_for=row["silent_for"],
        gateway=row["gateway"],
        provider=row["provider"],
        model=row["model"],
        token=row["token"],
        client_address=row["client_address"],
        age=float(row["duration"]),
        messages_in=int(row["messages_in"]),
        messages_out=int(row["messages_out"]),
        bytes=passed,
        rate=rate,
        added_latency=None if latency is None else (float(latency["p50"]), float(latency["p99"])),
    )
