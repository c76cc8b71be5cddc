"""What each session of a soak is: who does what wrong. A seed repeats it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["FAULTS", "FLOOD", "Client", "Fault", "Lane", "Session", "plan"]


class Lane(StrEnum):
    """A lane, and the id of its gateway."""

    VERBATIM = "verbatim"
    MESSAGES = "messages"


class Client(StrEnum):
    """What a client does."""

    ORDERLY = "orderly"
    """Waits for the second message, and closes."""
    EARLY = "early data"
    """The same, but its frames come with its request."""
    SLOW = "slow"
    """The same, but it sends a few bytes at a time."""
    LEAVES = "leaves"
    """Vanishes (FIN) in the middle of a frame."""
    RESETS = "resets"
    """Resets its connection (RST) in the middle of a frame."""
    VIOLATES = "violates"
    """Sends a frame that breaks the protocol or a limit."""
    STALLS = "stalls"
    """Reads nothing."""
    QUITS = "quits opening"
    """Vanishes while the provider is asked."""
    PARTIAL = "partial head"
    """Vanishes in the middle of its request."""
    SILENT = "silent"
    """Vanishes before it has said anything."""
    WRONG_TOKEN = "wrong token"
    """Is not let in."""


FLOOD = "flood"
"""A fault of the soak's own: the provider sends without end."""

Fault = str
"""As ``relay demo --fault`` takes it; empty for none."""

FAULTS: tuple[Fault, ...] = (
    "",
    "refuse:429",
    "refuse:503",
    "refuse:302",
    "hangup",
    "late:100ms",
    "late:1h",
    "drop",
    "vanish",
    "reset",
    "stall",
    "slow:bytes=64,every=1ms",
    "oversize:2MiB",
    "utf8",
    "mask",
    "close",
    "close:3000 insufficient_quota",
    "close:1005",
    FLOOD,
)
_CLIENTS = {  # and how often each comes
    Client.ORDERLY: 8,
    Client.EARLY: 3,
    Client.SLOW: 2,
    Client.LEAVES: 3,
    Client.RESETS: 3,
    Client.VIOLATES: 4,
    Client.STALLS: 1,
    Client.QUITS: 1,
    Client.PARTIAL: 1,
    Client.SILENT: 1,
    Client.WRONG_TOKEN: 2,
}


@dataclass(frozen=True, slots=True)
class Session:
    """One connection of a client to the relay."""

    client: Client
    fault: Fault
    lane: Lane
    client_tls: bool
    upstream_tls: bool
    number: int
    """Chooses between a client's ways to do what it does."""


def plan(sessions: int, seed: int) -> Iterator[Session]:
    """Every fault comes equally often, and so do lanes, and TLS on either leg."""
    dice = random.Random(seed)  # noqa: S311 - to be repeated
    for number in range(sessions):
        yield Session(
            client=dice.choices(tuple(_CLIENTS), tuple(_CLIENTS.values()))[0],
            fault=FAULTS[number % len(FAULTS)],
            lane=dice.choice(tuple(Lane)),
            client_tls=dice.random() < 0.5,
            upstream_tls=dice.random() < 0.5,
            number=number,
        )
