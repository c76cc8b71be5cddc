"""JSON objects as pairs, so that a name that stands twice is seen twice, and nothing is rewritten
that was not changed.

A policy reads messages of strangers, and Python takes a hundred bytes for one of theirs: how many
values a message may hold is bounded, and how deep they may be nested.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from relay.protocol.errors import RemoteProtocolError

__all__ = ["Pairs", "read_pairs"]

_MAX_VALUES = 65_536  # commas and opening brackets, those in strings included
_MAX_DEPTH = 128
# A string that does not end reaches to the end of the text: were it none, each escaped quotation
# mark in it would be tried as the beginning of another, which takes quadratic time.
_STRING_OR_BRACKET = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)


class Pairs(list[tuple[str, object]]):
    """A JSON object, its members in order and none of them lost."""

    def dump(self) -> str:
        """Its JSON text."""
        return "{" + ", ".join(f"{json.dumps(k)}: {_dump(v)}" for k, v in self) + "}"

    def find(self, path: Sequence[str]) -> Iterator[object]:
        """Everything at a path of case-folded names, in any case, through lists, and in repeated
        members too; None for what stands on the way and cannot have members, null apart.
        """
        return _find(self, path)


class _Number(str):
    """A number as it was written."""

    __slots__ = ()


def read_pairs(message: str | bytes) -> Pairs | None:
    """The JSON object that a message is; None if it is none.

    Bytes are read too: providers take JSON in binary messages.

    Raises:
        RemoteProtocolError: With 1008, if it holds too many values, or too deeply nested ones.
    """
    try:
        text = message
        if isinstance(text, bytes):
            text = text.decode(json.detect_encoding(text), "surrogatepass")
        if not text.lstrip(" \t\r\n").startswith("{"):
            return None
        if sum(map(text.count, ",[{")) > _MAX_VALUES or _depth(text) > _MAX_DEPTH:
            raise RemoteProtocolError("a message has too many values", close_code_hint=1008)
        pairs: Pairs = json.loads(
            text, object_pairs_hook=Pairs, parse_int=_Number, parse_float=_Number
        )
    except ValueError:
        return None
    return pairs


def _depth(text: str) -> int:
    """How deep the brackets outside of strings are nested."""
    depth = deepest = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        if match[0] in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif match[0] in "]}":
            depth -= 1
    return deepest


def _find(value: object, path: Sequence[str]) -> Iterator[object]:
    if isinstance(value, list) and not isinstance(value, Pairs):
        for each in value:
            yield from _find(each, path)
    elif not path:
        yield value
    elif isinstance(value, Pairs):
        for name, member in value:
            if name.casefold() == path[0]:  # some parsers take "\u017f" for an "s"
                yield from _find(member, path[1:])
    elif value is not None:
        yield None


def _dump(value: object) -> str:
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, Pairs):
        return value.dump()
    if isinstance(value, list):
        return "[" + ", ".join(_dump(each) for each in value) + "]"
    return json.dumps(value)
