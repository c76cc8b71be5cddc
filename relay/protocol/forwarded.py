"""Who a request comes from, when proxies have passed it on: ``Forwarded`` and ``X-Forwarded-For``.

Every proxy appends the address that it was asked from, so the last entry is the nearest, and an
entry is worth as much as the one who wrote it. They are read from right to left while they were
written by a trusted proxy: the first one that names nobody trusted is the client, and what stands
before it is the client's own invention.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from relay.protocol.addresses import Address, TrustedProxies, parse_address
from relay.protocol.errors import Refused
from relay.protocol.fields import FieldLines, list_members, values

__all__ = ["client_address"]

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # RFC 9110 5.6.2
_PAIR = re.compile(  # RFC 7239 4: one pair or none, and what separates it from the next
    rb"[ \t]*(?:(%b)=(?:(%b)|\"((?:[^\"\\]|\\.)*)\")[ \t]*)?(;|,|\Z)" % (_TOKEN, _TOKEN)
)
_NODE = re.compile(  # RFC 7239 6; an IPv6 address without brackets, too, as X-Forwarded-For has it
    r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)|([0-9A-Fa-f:.]+)|unknown|_[0-9A-Za-z._-]+)"
    r"(?::(?:[0-9]{1,5}|_[0-9A-Za-z._-]+))?",
    re.IGNORECASE,
)
_HIDDEN = b"unknown"


def client_address(
    peer: Address | None, fields: FieldLines, trusted: TrustedProxies
) -> Address | None:
    """The address of the client that a request comes from.

    Args:
        peer: Who has connected; None for a Unix socket.
        fields: The request's field lines.
        trusted: Whose word is taken.

    Returns:
        The nearest one that is no trusted proxy; that of the farthest trusted proxy that is known
        if it does not say who is behind it; ``peer`` if nothing is said, or not by one of them.

    Raises:
        Refused: 400 if an entry that counts is malformed, or the two fields name different clients:
            a proxy writes one of them, and lets the client's own pass in the other.
    """
    if peer not in trusted:
        return peer
    named = set()
    for name, hops in (
        ("Forwarded", _forwarded(fields)),
        ("X-Forwarded-For", list_members(fields, b"x-forwarded-for")),
    ):
        if hops:
            named.add(_nearest(name, peer, hops, trusted))
    if len(named) > 1:
        raise Refused(400, 2000, "Forwarded and X-Forwarded-For name different clients")
    return named.pop() if named else peer


def _nearest(
    name: str, peer: Address | None, hops: Sequence[bytes], trusted: TrustedProxies
) -> Address | None:
    address = peer
    for hop in reversed(hops):
        if address not in trusted:
            break
        found = _node(name, hop)
        if found is None:
            break
        address = found
    return address


def _node(name: str, hop: bytes) -> Address | None:
    """The address of a hop; None if it is hidden (RFC 7239 6.2, 6.3)."""
    match = _NODE.fullmatch(hop.decode("latin-1"))
    if match is None:
        raise _malformed(name)
    text = match[1] or match[2] or match[3]
    try:
        return parse_address(text) if text else None
    except ValueError:
        raise _malformed(name) from None


def _forwarded(fields: FieldLines) -> list[bytes]:
    """The ``for`` of every element of ``Forwarded``, in order.

    Each line is read by itself: a quotation mark that a client left open must not swallow what a
    proxy has written after it.
    """
    return [hop for line in values(fields, b"forwarded") for hop in _elements(line)]


def _elements(line: bytes) -> Iterator[bytes]:
    element: dict[bytes, bytes] = {}
    position, separator = 0, b","
    while separator:
        match = _PAIR.match(line, position)
        if match is None:
            raise _malformed("Forwarded")
        position, separator = match.end(), match[4]
        if match[1] is not None:
            parameter = match[1].lower()
            if parameter in element:  # RFC 7239 4: no parameter twice
                raise _malformed("Forwarded")
            quoted = re.sub(rb"\\(.)", rb"\1", match[3] or b"")
            element[parameter] = match[2] or quoted
        if separator != b";" and element:
            yield element.get(b"for", _HIDDEN)
            element = {}


def _malformed(name: str) -> Refused:
    return Refused(400, 2000, f"malformed {name}")
