"""Compression carried through: permessage-deflate's offers and its answer (RFC 7692 7).

The relay neither compresses nor decompresses. What the client offers goes to the provider, what
the provider accepts goes to the client, and both compress for each other. So the relay reads the
negotiation strictly: a client is never told of parameters that it did not offer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from relay.protocol.fields import FieldLines, values

__all__ = ["NegotiationError", "PermessageDeflate", "accepted_compression", "offered_compression"]

_NAME = "permessage-deflate"
_SERVER_TAKEOVER = "server_no_context_takeover"
_CLIENT_TAKEOVER = "client_no_context_takeover"
_SERVER_WINDOW = "server_max_window_bits"
_CLIENT_WINDOW = "client_max_window_bits"
_WINDOW_BITS = re.compile(r"[89]|1[0-5]")  # 7.1.2: 8 to 15, without leading zeros

# RFC 6455 9.1, with the white space that its grammar implies. The next character always tells which
# way to go, so the time is linear; possessive quantifiers would say so, but `re` fails on groups in
# them ("the span of capturing group is wrong").
_OWS = r"[ \t]*"
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # RFC 9110 5.6.2  # noqa: S105  # nosec B105
_QUOTED = r'"((?:[^"\\]|\\.)*)"'
_PARAMETER = rf"{_OWS};{_OWS}({_TOKEN})(?:{_OWS}={_OWS}(?:({_TOKEN})|{_QUOTED}))?"
_PARAMETERS = re.compile(_PARAMETER)
_MEMBER = re.compile(rf"{_OWS}(?:({_TOKEN})((?:{_PARAMETER})*){_OWS})?(?:,|\Z)")


class NegotiationError(Exception):
    """The provider accepted what it was not offered; the sentence goes on after "accepted"."""


@dataclass(frozen=True, slots=True)
class PermessageDeflate:
    """One permessage-deflate of a Sec-WebSocket-Extensions field: an offer, or the answer."""

    parameters: tuple[tuple[str, int | None], ...] = ()
    """In the order in which they came; None for one without a value."""

    def __str__(self) -> str:
        """As it stands in the field."""
        return "; ".join(
            (
                _NAME,
                *(name if bits is None else f"{name}={bits}" for name, bits in self.parameters),
            )
        )


def offered_compression(fields: FieldLines) -> tuple[PermessageDeflate, ...]:
    """The client's offers of permessage-deflate, in its order of preference.

    Other extensions, and offers that a server has to decline (RFC 7692 7.1), are left out; so is
    everything if the field is not of the grammar of RFC 6455 9.1. Nothing is an error.
    """
    try:
        members = list(_members(fields))
    except ValueError:
        return ()
    read = (_read(parameters) for name, parameters in members if name == _NAME)
    return tuple(offer for offer in read if offer is not None)


def accepted_compression(
    fields: FieldLines, offers: Sequence[PermessageDeflate]
) -> PermessageDeflate | None:
    """What the provider accepted; None if nothing.

    Args:
        fields: Of its 101.
        offers: What it was offered.

    Raises:
        NegotiationError: It accepted something else, or something more (RFC 6455 4.1, RFC 7692
            5.1 and 7.1).
    """
    if not values(fields, b"sec-websocket-extensions"):
        return None
    try:
        ((name, parameters),) = _members(fields)
    except ValueError:
        raise NegotiationError("not one extension, but none or several") from None
    if name != _NAME or not offers:
        raise NegotiationError("an extension that was not offered")
    accepted = _read(parameters)
    if accepted is None or not any(_answers(accepted, offer) for offer in offers):
        raise NegotiationError("permessage-deflate in another way than it was offered")
    return accepted


def _members(fields: FieldLines) -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    """The extensions of all field lines, each with its parameters.

    Raises:
        ValueError: They are not of the grammar of RFC 6455 9.1.
    """
    text = b",".join(values(fields, b"sec-websocket-extensions")).decode("latin-1")
    position = 0
    while position < len(text):
        member = _MEMBER.match(text, position)
        if member is None:
            raise ValueError
        position = member.end()
        if member[1]:  # RFC 9110 5.6.1: empty members are ignored
            yield member[1], [_parameter(each) for each in _PARAMETERS.finditer(member[2])]


def _parameter(match: re.Match[str]) -> tuple[str, str | None]:
    name, value, quoted = match.groups()
    if quoted is not None:
        value = re.sub(r"\\(.)", r"\1", quoted)
        if not re.fullmatch(_TOKEN, value):  # RFC 6455 9.1: so it has to be, once unescaped
            raise ValueError
    return name, value


def _read(parameters: Sequence[tuple[str, str | None]]) -> PermessageDeflate | None:
    """Read parameters; None if there is one that is unknown, has a bad value, or stands twice."""
    if len(dict(parameters)) != len(parameters):
        return None
    read: list[tuple[str, int | None]] = []
    for name, value in parameters:
        if value is None and name in {_SERVER_TAKEOVER, _CLIENT_TAKEOVER, _CLIENT_WINDOW}:
            read.append((name, None))
        elif value and name in {_SERVER_WINDOW, _CLIENT_WINDOW} and _WINDOW_BITS.fullmatch(value):
            read.append((name, int(value)))
        else:
            return None
    return PermessageDeflate(tuple(read))


def _answers(answer: PermessageDeflate, offer: PermessageDeflate) -> bool:
    """Whether a server may answer this offer so."""
    accepted, offered = dict(answer.parameters), dict(offer.parameters)
    if not {_SERVER_TAKEOVER, _SERVER_WINDOW} & offered.keys() <= accepted.keys():
        return False  # 7.1.1.1, 7.1.2.1: what is asked of the server is accepted by saying it
    if _CLIENT_WINDOW in accepted and (
        _CLIENT_WINDOW not in offered or accepted[_CLIENT_WINDOW] is None
    ):
        return False  # 7.1.2.2: the client has to be able to, and to be told how large
    return all(
        (accepted.get(window) or 0) <= (offered.get(window) or 15)
        for window in (_SERVER_WINDOW, _CLIENT_WINDOW)
    )
