"""Subprotocol entries: reading the offer, and choosing what to answer."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from relay.protocol.errors import Refused
from relay.protocol.fields import FieldLines, list_members

__all__ = ["TOKEN_ENTRY", "answer", "offered_entries"]

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 5.6.2
TOKEN_ENTRY = "cf-aig-authorization."  # a prefix  # noqa: S105  # nosec B105
"""What goes before a gateway token in an entry."""


def offered_entries(fields: FieldLines) -> tuple[str, ...]:
    """The entries that a client offers, in its order of preference.

    Raises:
        Refused: 400 if one is no token, or stands twice (RFC 6455 4.1, 11.3.4).
    """
    members = list_members(fields, b"sec-websocket-protocol")
    if not all(_TOKEN.fullmatch(member) for member in members):
        raise Refused(400, 2000, "a subprotocol entry is no token")
    if len(set(members)) != len(members):
        raise Refused(400, 2000, "a subprotocol entry is offered twice")
    return tuple(member.decode() for member in members)


def answer(offered: Sequence[str], secrets: Collection[str], chosen: str | None) -> str | None:
    """The entry to answer a client with.

    Browsers, Node and ``ws`` fail a connection that answers none of the offered entries, or one
    that was not offered; and what is answered lands in logs.

    Args:
        offered: The client's entries.
        secrets: Those of them that hold a token or a credential.
        chosen: What the provider chose of the entries that we offered it.
    """
    if not offered:
        return None
    if chosen in offered and chosen not in secrets:
        return chosen
    for entry in offered:
        if entry not in secrets:
            return entry
    # Only secrets: the sender gets back what it sent. The gateway token is the one that can be
    # revoked here.
    return next((entry for entry in offered if entry.startswith(TOKEN_ENTRY)), offered[0])
