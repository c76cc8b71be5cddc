"""Credentials in messages: their removal from what a client sends.

Some endpoints take a credential as a member of a JSON message. A gateway token that stands there
must not go on; nor may a credential of the client's, where the gateway has put its stored key or
takes none from clients.
"""

from __future__ import annotations

import json
from collections.abc import Collection

from relay.protocol.credentials import contains_token
from relay.protocol.messages import Policy

__all__ = ["credential_filter"]


def credential_filter(members: Collection[str], *, keep_own: bool) -> Policy:
    """A policy that takes credentials out of a client's messages.

    A message without one passes as it came; so does one that is not a JSON object, whose sender
    gets the provider's own error.

    Args:
        members: The names of the members that carry a credential, in lower case.
        keep_own: Whether what is no gateway token stays.
    """

    def is_dropped(name: str, value: object) -> bool:
        if name.lower() not in members:
            return False
        return not keep_own or contains_token(str(value).encode()) or str(value)[:4] == "rly_"

    def policy(message: str | bytes) -> tuple[str | bytes, ...]:
        if isinstance(message, bytes):
            return (message,)
        try:
            # As pairs, so that a name that stands twice is seen twice.
            pairs = json.loads(
                message, object_pairs_hook=_Pairs, parse_int=_Number, parse_float=_Number
            )
        except (ValueError, RecursionError):
            return (message,)
        if not isinstance(pairs, _Pairs):
            return (message,)
        kept = [(name, value) for name, value in pairs if not is_dropped(name, value)]
        if len(kept) == len(pairs):
            return (message,)
        return (_Pairs(kept).dump(),)

    return policy


class _Pairs(list[tuple[str, object]]):
    """A JSON object, its members in order and none of them lost."""

    def dump(self) -> str:
        """Its JSON text."""
        return "{" + ", ".join(f"{json.dumps(k)}: {_dump(v)}" for k, v in self) + "}"


class _Number(str):
    """A number as it was written."""

    __slots__ = ()


def _dump(value: object) -> str:
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, _Pairs):
        return value.dump()
    if isinstance(value, list):
        return "[" + ", ".join(_dump(each) for each in value) + "]"
    return json.dumps(value)
