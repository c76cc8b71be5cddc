"""What a record has to say: a value, or a bound, for every field that there is.

A field that is added to the record, and of which no test says what it has to be, fails them all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from relay.records.session_record import Direction, SessionRecord, Turn, Work
from tests.e2e.records.wire import Heard

__all__ = ["Moment", "Within", "check", "direction", "turn", "without_times", "work"]


@dataclass(frozen=True)
class Within:
    """Equal to any number within these bounds, inclusive."""

    low: float
    high: float = float("inf")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, int | float) and self.low <= other <= self.high

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True)
class Moment:
    """Equal to any time of day from this one on, for so many seconds."""

    earliest: datetime
    seconds: float

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, datetime) or other.utcoffset() != timedelta(0):
            return False
        rounded = timedelta(milliseconds=1)  # as JSON has it
        return self.earliest - rounded <= other <= self.earliest + timedelta(seconds=self.seconds)

    __hash__ = None  # type: ignore[assignment]


def check(record: SessionRecord, expected: Mapping[str, Any]) -> None:
    """Every field is as expected, and there is none of which nothing is expected."""
    found = _as_dict(record)
    assert set(expected) == set(found), "the fields of a record"
    wrong = [name for name, value in found.items() if value != expected[name]]
    assert not wrong, {name: (found[name], expected[name]) for name in wrong}


def direction(
    heard: Heard,
    told: tuple[int | None, str] | None,
    waited: float | Within = 0.0,
    slowest_message: float | Within = 0.0,
    last_activity: Within | None = None,
) -> Mapping[str, Any]:
    """A :class:`Direction` by what its side sent and was sent."""
    code, reason = heard.close or (None, "")
    told_code, told_reason = told or (None, "")
    return {
        "frames": heard.frames,
        "messages": heard.messages,
        "bytes": heard.size,
        "largest_message": heard.largest,
        "slowest_message": slowest_message,
        "waited": waited,
        "close_code": code,
        "close_reason": reason,
        "told_code": told_code,
        "told_reason": told_reason,
        "last_activity": last_activity,
    }


def turn(**said: Any) -> Mapping[str, Any]:
    """A :class:`Turn`, all its fields."""
    assert set(said) == {each.name for each in fields(Turn)}
    return said


def work(**done: Any) -> Mapping[str, Any]:
    """A :class:`Work`, all its fields."""
    assert set(done) == {each.name for each in fields(Work)}
    return done


def without_times(sentence: str) -> str:
    """A sentence on how a session ended with ``T`` for each time and ``N`` for bytes."""
    return re.sub(r"[0-9,]+ bytes", "N bytes", re.sub(r"[0-9.]+ m?s\b", "T", sentence))


def _as_dict(value: Any) -> Any:
    if isinstance(value, SessionRecord | Direction | Turn | Work):
        return {each.name: _as_dict(getattr(value, each.name)) for each in fields(value)}
    if hasattr(value, "counted"):
        return value.counted()
    if isinstance(value, list | tuple):
        return [_as_dict(each) for each in value]
    return value
