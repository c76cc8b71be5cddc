"""JSON as meters read it: bounded, and what is not as expected counts as absent."""

from __future__ import annotations

import json
from decimal import Decimal

__all__ = [
    "JsonObject",
    "TooManyValuesError",
    "count",
    "elements",
    "find",
    "name",
    "read_object",
    "seconds",
    "section",
    "text",
]

JsonObject = dict[str, object]

_MAX_VALUES = 16_384  # commas and opening brackets: Python takes a hundred bytes for a value
_MAX_COUNT = 10**9
_MAX_SECONDS = 10**9
_MAX_NAME = 256


class TooManyValuesError(Exception):
    """A message that had to be read holds more values than a meter reads."""


def read_object(message: bytes) -> JsonObject | None:
    """The JSON object that a message is; None if it is none.

    Raises:
        TooManyValuesError: It would take too much memory.
    """
    if sum(map(message.count, (b",", b"[", b"{"))) > _MAX_VALUES:
        raise TooManyValuesError
    try:
        value = json.loads(message, parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def find(value: object, *path: str) -> object:
    """What stands at a path of names, or None. A name is tried in snake_case, too."""
    for each in path:
        if not isinstance(value, dict):
            return None
        value = value[each] if each in value else value.get(_snake_case(each))
    return value


def section(value: object, *path: str) -> JsonObject:
    """Like :func:`find`, for an object; empty if it is absent or something else."""
    found = find(value, *path)
    return found if isinstance(found, dict) else {}


def elements(value: object, *path: str) -> list[object]:
    """Like :func:`find`, for an array; empty if it is absent or something else."""
    found = find(value, *path)
    return found if isinstance(found, list) else []


def text(value: object, *path: str) -> str:
    """Like :func:`find`, for a string; empty if it is absent or something else."""
    found = find(value, *path)
    return found if isinstance(found, str) else ""


def name(value: object, *path: str) -> str | None:
    """Like :func:`find`, for a name; None if it is absent or cannot be one."""
    return checked_name(text(value, *path))


def checked_name(text: str) -> str | None:
    """A name as it is; None if it is empty or too long, or holds what no store and no terminal
    takes, such as NUL or half a surrogate pair."""
    return text if 0 < len(text) <= _MAX_NAME and text.isprintable() else None


def count(value: object, *path: str) -> int:
    """Like :func:`find`, for how many of something there are; 0 if it is anything else."""
    found = find(value, *path)
    known = isinstance(found, int) and not isinstance(found, bool) and 0 <= found <= _MAX_COUNT
    return found if known and isinstance(found, int) else 0


def seconds(value: object, *path: str) -> Decimal | None:
    """Like :func:`find`, for a length of time, to the microsecond; None if it is anything else."""
    found = find(value, *path)
    if isinstance(found, int | Decimal) and not isinstance(found, bool) and found >= 0:
        return round(Decimal(found), 6).normalize() + 0 if found <= _MAX_SECONDS else None
    return None


def _snake_case(camel_case: str) -> str:
    return "".join(f"_{each.lower()}" if each.isupper() else each for each in camel_case)
