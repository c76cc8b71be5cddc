"""The closing table: which Close frame goes to which side when a session ends.

Everything that decides an ending stands in this file, as data. A session ends in one of twenty
ways, the state of inbound (the client's bytes) against the state of outbound (the provider's).
Where a side is still open, the relay ended it, and a :class:`Cause` says why. The tables in
``docs/closing.md`` are these, and a test keeps them so.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from relay.protocol.frames import CLOSE, Close, control_frame
from relay.protocol.pipe import Pipe, State

__all__ = [
    "CLIENT_LOST",
    "CLIENT_SILENT",
    "CLIENT_STALLED",
    "CLOSE_TIMEOUT",
    "DRAINING",
    "FAULT",
    "IDLE",
    "PEERS",
    "RESTARTING",
    "TO_CLIENT",
    "TO_UPSTREAM",
    "UPSTREAM_LOST",
    "UPSTREAM_SILENT",
    "UPSTREAM_STALLED",
    "Cause",
    "Ending",
    "Grace",
    "Leg",
    "Say",
    "ending",
    "farewell",
    "grace",
    "operator",
    "policy",
]


@dataclass(frozen=True, slots=True)
class Cause:
    """Why the relay itself ended a session, and what each side is told. None: nothing."""

    name: str
    """As in logs and records."""
    to_client: Close | None
    to_upstream: Close | None


PEERS = Cause("peers", None, None)
"""Not the relay: one of the peers ended it, and the states say how."""
IDLE = Cause("idle timeout", Close(1001, "idle timeout"), Close(1001, "idle timeout"))
"""No byte has come from either side for too long."""
DRAINING = Cause("draining", Close(1001, "going away"), Close(1001, "going away"))
"""The relay stops."""
RESTARTING = Cause("restarting", Close(1012, "service restart"), Close(1001, "going away"))
"""The relay stops, and will be back: clients may come again."""
CLIENT_STALLED = Cause("client stalled", None, Close(1001, "client stalled"))
"""The client takes nothing of what is written to it."""
UPSTREAM_STALLED = Cause("upstream stalled", Close(1011, "upstream stalled"), None)
"""The provider takes nothing of what is written to it."""
CLIENT_LOST = Cause("client lost", None, Close(1001, "going away"))
"""Writing to the client has failed."""
UPSTREAM_LOST = Cause("upstream lost", Close(1011, "upstream connection lost"), None)
"""Writing to the provider has failed."""
CLIENT_SILENT = Cause("client silent", None, Close(1001, "going away"))
"""The client has not answered a Ping of the relay's."""
UPSTREAM_SILENT = Cause("upstream silent", Close(1011, "upstream connection lost"), None)
"""The provider has not answered a Ping of the relay's."""
CLOSE_TIMEOUT = Cause("close timeout", None, None)
"""A side has not answered a Close in time."""
FAULT = Cause("internal error", Close(1011, "internal error"), Close(1011, "internal error"))
"""A fault of the relay's own."""

_CLIENT_GONE = {CLIENT_STALLED, CLIENT_SILENT}
_UPSTREAM_GONE = {UPSTREAM_STALLED, UPSTREAM_SILENT}
_LOST = {CLIENT_LOST, UPSTREAM_LOST}

_MAX_REASON = 123  # RFC 6455 5.5: 125 bytes of payload, two of them the status code


def policy(reason: str) -> Cause:
    """A cause for a session that a policy ended: its duration, a budget.

    Args:
        reason: Told to the client; cut to 123 bytes of UTF-8 at a character. What UTF-8 cannot
            say, a lone surrogate from JSON or a command line, becomes a question mark.
    """
    return _told("policy", reason)


def operator(reason: str) -> Cause:
    """A cause for a session that an operator ended.

    Args:
        reason: Told to the client, as of :func:`policy`.
    """
    return _told("operator", reason)


def _told(name: str, reason: str) -> Cause:
    cut = reason.encode(errors="replace")[:_MAX_REASON].decode(errors="ignore")
    return Cause(name, Close(1008, cut), Close(1001, "going away"))


class Say(enum.Enum):
    """What a side is told."""

    NOTHING = "nothing"
    """It has had the other side's Close already, or it is gone."""
    ECHO = "its own Close"
    """The answer to its Close that the other side did not live to give (RFC 6455 5.5.1), or that
    it is not asked for yet."""
    FORWARD = "the client's Close"
    """What was withheld from it until now."""
    VIOLATION = "its violation"
    """1002, 1007 or 1009: what it did wrong."""
    LOST = "1011 upstream connection lost"
    """The provider's connection has ended without a Close."""
    VIOLATED = "1011 upstream protocol error"
    """The provider has broken the protocol."""
    AWAY = "1001"
    """The client has gone."""
    BY_CAUSE = "by cause"
    """What the :class:`Cause` says."""


_O, _C, _X, _F = State.OPEN, State.CLOSING, State.CLOSED, State.FAILED
_W = State.WITHHELD  # of the client alone

TO_CLIENT = {  # (inbound, outbound)
    (_O, _O): Say.BY_CAUSE,
    (_O, _C): Say.NOTHING,
    (_O, _X): Say.LOST,
    (_O, _F): Say.VIOLATED,
    (_C, _O): Say.BY_CAUSE,
    (_C, _C): Say.NOTHING,
    (_C, _X): Say.ECHO,
    (_C, _F): Say.VIOLATED,
    (_W, _O): Say.ECHO,
    (_W, _C): Say.NOTHING,
    (_W, _X): Say.ECHO,
    (_W, _F): Say.VIOLATED,
    (_X, _O): Say.NOTHING,
    (_X, _C): Say.NOTHING,
    (_X, _X): Say.NOTHING,
    (_X, _F): Say.NOTHING,
    (_F, _O): Say.VIOLATION,
    (_F, _C): Say.NOTHING,
    (_F, _X): Say.VIOLATION,
    (_F, _F): Say.VIOLATION,
}
"""What the client is told, by the states of inbound and outbound."""

TO_UPSTREAM = {  # (inbound, outbound)
    (_O, _O): Say.BY_CAUSE,
    (_O, _C): Say.BY_CAUSE,
    (_O, _X): Say.NOTHING,
    (_O, _F): Say.VIOLATION,
    (_C, _O): Say.NOTHING,
    (_C, _C): Say.NOTHING,
    (_C, _X): Say.NOTHING,
    (_C, _F): Say.NOTHING,
    (_W, _O): Say.FORWARD,
    (_W, _C): Say.FORWARD,
    (_W, _X): Say.NOTHING,
    (_W, _F): Say.VIOLATION,
    (_X, _O): Say.AWAY,
    (_X, _C): Say.ECHO,
    (_X, _X): Say.NOTHING,
    (_X, _F): Say.VIOLATION,
    (_F, _O): Say.AWAY,
    (_F, _C): Say.ECHO,
    (_F, _X): Say.NOTHING,
    (_F, _F): Say.VIOLATION,
}
"""What the provider is told, likewise."""

_AWAY = Close(1001, "going away")
_FIXED = {
    Say.NOTHING: None,
    Say.LOST: Close(1011, "upstream connection lost"),
    Say.VIOLATED: Close(1011, "upstream protocol error"),
    Say.AWAY: _AWAY,
}


@dataclass(frozen=True, slots=True)
class Leg:
    """How the connection to one side ends."""

    close: Close | None
    """What its peer was told in the end: the other side's Close, or one of ours, or nothing."""
    frame: bytes
    """Bytes still to be sent before the connection ends."""
    reset: bool
    """Whether it must be reset: what was sent on it stops inside a frame."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How both connections of a session end."""

    client: Leg
    upstream: Leg


def farewell(inbound: Pipe, outbound: Pipe, masking_key: bytes) -> bytes:
    """The last that the provider is sent of inbound: if the client has broken the protocol, a Close
    that says so at once.

    What the provider says until it answers is still for the client, such as the answers to what
    came before; only then :func:`ending` tells the client what it did wrong.

    Args:
        inbound: The client's direction, which is over, and whose writes went through.
        outbound: The provider's direction. If it is open, its own Close will not pass any more.
        masking_key: Four unpredictable bytes.

    Returns:
        A frame for the provider; empty if the client did nothing wrong, if the provider has ended,
        too, or if no frame may follow what it was sent.
    """
    broken = inbound.state is State.FAILED and outbound.state is State.OPEN
    if not (broken and inbound.can_inject):
        return b""
    outbound.withhold_close()
    inbound.close = _AWAY
    return control_frame(CLOSE, _AWAY.payload(), masking_key)


@dataclass(frozen=True, slots=True)
class Grace:
    """How long the rest of a session may take, in seconds; 0: it is cut short."""

    inbound: float
    """For the client's direction, to finish its write and its frame, so that a Close may follow."""
    outbound: float
    """For the provider's, likewise and at the same time."""
    legs: float
    """After that, for each connection to end."""


def grace(inbound: Pipe, outbound: Pipe, cause: Cause, close: float) -> Grace:
    """Say how long the two directions have when their session has to end, and then the two legs.

    What is being written to a side that lives may be finished; to one that is gone, or takes
    nothing, it may not.

    Args:
        inbound: The client's direction.
        outbound: The provider's direction.
        cause: Why the session has to end.
        close: The deadline for closing, in seconds. After a close timeout it has been used up, and
            after a farewell or a lost connection, the directions' part of it.
    """
    if cause is CLOSE_TIMEOUT:
        return Grace(0, 0, 0)
    said_farewell = inbound.state is State.FAILED and inbound.close is not None
    frames = 0 if said_farewell or cause in _LOST else close
    client_gone = inbound.state is State.CLOSED or cause in _CLIENT_GONE
    upstream_gone = outbound.state is State.CLOSED or cause in _UPSTREAM_GONE
    return Grace(0 if upstream_gone else frames, 0 if client_gone else frames, close)


def ending(inbound: Pipe, outbound: Pipe, cause: Cause, masking_key: bytes) -> Ending:
    """Decide how a session ends; called once both directions have stopped.

    Where the provider is still listened to after the client has gone, it is called twice: for the
    client's leg then, and for the provider's in the end.

    Args:
        inbound: The client's direction.
        outbound: The provider's direction.
        cause: Why the relay ended it; consulted only in the cells that say so.
        masking_key: Four unpredictable bytes, should a Close go to the provider.
    """
    return Ending(
        _leg(TO_CLIENT, inbound, outbound, inbound, outbound, cause.to_client, None),
        _leg(TO_UPSTREAM, inbound, outbound, outbound, inbound, cause.to_upstream, masking_key),
    )


def _leg(
    table: dict[tuple[State, State], Say],
    inbound: Pipe,
    outbound: Pipe,
    received: Pipe,
    sent: Pipe,
    by_cause: Close | None,
    masking_key: bytes | None,
) -> Leg:
    """One side's leg: ``received`` came from this side, ``sent`` went to it."""
    say = table[inbound.state, outbound.state]
    if say is Say.BY_CAUSE:
        close = by_cause
    elif say is Say.ECHO:
        close = received.close or received.withheld_close
    elif say is Say.FORWARD:
        close = sent.withheld_close
    elif received.error is not None and say is Say.VIOLATION:
        close = Close(received.error.close_code_hint, str(received.error))
    else:
        close = _FIXED[say]
    if close is None:
        relayed = sent.close if sent.can_inject else None
        return Leg(relayed, b"", reset=not sent.can_inject)
    if not sent.can_inject or sent.close is not None:  # it had its farewell, and did not answer
        return Leg(None, b"", reset=True)
    return Leg(close, control_frame(CLOSE, close.payload(), masking_key), reset=False)
