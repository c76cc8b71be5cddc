"""JSON objects as pairs, so that a name that stands twice is seen twice, and nothing is rewritten
that was not changed."""

from __future__ import annotations

import json

__all__ = ["Pairs", "read_pairs"]


class Pairs(list[tuple[str, object]]):
    """A JSON object, its members in order and none of them lost."""

    def dump(self) -> str:
        """Its JSON text."""
        return "{" + ", ".join(f"{json.dumps(k)}: {_dump(v)}" for k, v in self) + "}"


class _Number(str):
    """A number as it was written."""

    __slots__ = ()


def read_pairs(message: str | bytes) -> Pairs | None:
    """The JSON object that a message is; None if it is none.

    Bytes are read too: providers take JSON in binary messages.
    """
    try:
        value = json.loads(message, object_pairs_hook=Pairs, parse_int=_Number, parse_float=_Number)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, Pairs) else None


def _dump(value: object) -> str:
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, Pairs):
        return value.dump()
    if isinstance(value, list):
        return "[" + ", ".join(_dump(each) for each in value) + "]"
    return json.dumps(value)
