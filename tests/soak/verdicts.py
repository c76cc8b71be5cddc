"""How a session may end for its client: docs/faults.md, closing.md and refusals.md in short."""

from __future__ import annotations

from tests.soak.client import CUT, RESET
from tests.soak.clients import GONE
from tests.soak.plan import FLOOD, Client, Lane, Session

__all__ = ["allowed", "asked"]

_LOST = "1011 upstream connection lost"
_BROKEN = "1011 upstream protocol error"
_IDLE = "1001 idle timeout"
_BAD_GATEWAY = "502 from the relay, code 2100"
_VIOLATIONS = {
    "1002 reserved opcode",
    "1002 frame is not masked",
    "1002 invalid status code in Close frame",
    "1009 message too big",
    "1002 continuation of no message",
}
_TO_ORDERLY = {  # who waits for the second message, and then closes
    "": {"1000"},
    "refuse:429": {"429 as is"},
    "refuse:503": {"503 as is"},
    "refuse:302": {_BAD_GATEWAY},
    "hangup": {_BAD_GATEWAY},
    "late:100ms": {"1000"},
    "late:1h": {"504 from the relay, code 2101"},
    "drop": {_LOST},
    "stall": {_IDLE},
    "slow:bytes=64,every=1ms": {"1000"},
    "oversize:2MiB": {_BROKEN},
    "mask": {_BROKEN},
    "close": {"an empty Close"},
    "close:3000 insufficient_quota": {"3000 insufficient_quota"},
    "close:1005": {_BROKEN},
    # What floods does not read the Close. A frame of it may be under way when the relay gives up.
    FLOOD: {CUT, RESET},
}
_IN_LANE = {
    ("vanish", Lane.VERBATIM): {RESET},
    ("vanish", Lane.MESSAGES): {_LOST},
    ("reset", Lane.VERBATIM): {RESET},
    ("reset", Lane.MESSAGES): {_LOST},
    ("utf8", Lane.VERBATIM): {"1007"},
    ("utf8", Lane.MESSAGES): {_BROKEN},
}
_REFUSED = ("refuse", "hangup", "late:1h")
_LEAVES = {Client.LEAVES, Client.RESETS, Client.QUITS, Client.PARTIAL, Client.SILENT}


def asked(session: Session) -> bool:
    """Whether the relay had a whole request of a client that it knows, so that its log says how the
    session ended; of strangers it logs ten a second.
    """
    return session.client not in {Client.PARTIAL, Client.SILENT, Client.WRONG_TOKEN}


def allowed(session: Session) -> set[str]:
    """The ways in which it may end."""
    client, fault = session.client, session.fault
    if client is Client.WRONG_TOKEN:
        return {"401 from the relay, code 2009"}
    by_fault = _TO_ORDERLY.get(fault) or _IN_LANE[fault, session.lane]
    if client in _LEAVES:
        return by_fault | {GONE}
    if fault.startswith(_REFUSED):
        return by_fault
    if client is Client.VIOLATES:
        return by_fault | _VIOLATIONS
    if client is Client.STALLS:
        return by_fault | {_IDLE, RESET, CUT}
    return by_fault
