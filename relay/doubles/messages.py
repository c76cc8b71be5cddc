"""JSON as the doubles read and write it.

What a client sends is read by functions that take any value and never raise, since a client may
put anything anywhere; what a double cannot use counts as absent.
"""

from __future__ import annotations

import base64
import binascii
import json
import math

from relay.doubles.server import Connection

__all__ = [
    "JsonObject",
    "decoded",
    "dump",
    "elements",
    "member",
    "number",
    "parse",
    "refuse",
    "reply",
    "section",
    "send",
    "text",
]

JsonObject = dict[str, object]

_MAX_DEPTH = 100


def parse(message: str | bytes) -> JsonObject | None:
    """The JSON object that ``message`` is, or None: not JSON, no object, or nested too deeply."""
    try:
        value = json.loads(message, parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and _depth(value) <= _MAX_DEPTH else None


def member(value: object, *names: str) -> object:
    """The member of ``value`` under the first of ``names`` that it has, or None.

    Several names serve providers which take a member in camelCase and in snake_case.
    """
    if isinstance(value, dict):
        for name in names:
            if name in value:
                return value[name]
    return None


def section(value: object, *names: str) -> JsonObject:
    """Like ``member``, for an object; empty if it is absent or something else."""
    found = member(value, *names)
    return found if isinstance(found, dict) else {}


def elements(value: object, *names: str) -> list[object]:
    """Like ``member``, for an array; empty if it is absent or something else."""
    found = member(value, *names)
    return found if isinstance(found, list) else []


def text(value: object, *names: str) -> str:
    """Like ``member``, for a string; empty if it is absent or something else."""
    found = member(value, *names)
    return found if isinstance(found, str) else ""


def number(value: object, *names: str) -> int | None:
    """Like ``member``, for a whole number; None if it is absent or something else."""
    found = member(value, *names)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def decoded(value: object, *names: str) -> bytes | None:
    """The bytes of a base64 member, in either alphabet; None if it is absent or not base64.

    Google's SDK for Python writes the URL-safe one, which protobuf's JSON allows.
    """
    found = member(value, *names)
    if not isinstance(found, str):
        return None
    try:
        return base64.b64decode(found.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        return None


def dump(document: object) -> str:
    """``document`` as JSON in ASCII, whatever strings a client put into it."""
    return json.dumps(document, separators=(",", ":"))


async def send(connection: Connection, document: JsonObject) -> None:
    """Send ``document`` as a text message."""
    await connection.send(dump(document))


async def refuse(connection: Connection, status: int, document: JsonObject) -> None:
    """Refuse the opening handshake with ``document`` as the body."""
    headers = [(b"Content-Type", b"application/json")]
    await connection.refuse(status, dump(document).encode(), headers)


def reply(provider: str, heard: str) -> list[str]:
    """What a double answers to ``heard``, in pieces that join to the whole answer."""
    words = f"This is a double of {provider}. It heard: {heard[:200] or 'nothing'}".split(" ")
    return [words[0], *(f" {word}" for word in words[1:])]


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise ValueError("number out of range")
    return value


def _depth(value: object) -> int:
    """How deeply ``value`` is nested, found without recursion."""
    depth = 0
    level = [value]
    while level and depth <= _MAX_DEPTH:
        depth += 1
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
        ]
    return depth
