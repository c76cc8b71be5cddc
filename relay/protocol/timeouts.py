"""The deadlines of a session."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Timeouts"]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long each act of a session may take, in seconds."""

    opening: float = 10
    """For the client's whole request head, TLS included."""
    connect: float = 10
    """To resolve, connect and complete TLS with the provider."""
    upstream: float = 10
    """For the provider's whole answer."""
    idle: float = 600
    """Without a byte in either direction."""
    max_duration: float = math.inf
    """Of a session, from its 101 on."""
    write: float = 30
    """For a peer to take some of what was written to it."""
    close: float = 5
    """For the answering Close, and for a connection to end."""
    drain: float = 25
    """From the order to stop to the hard end."""
    ping_interval: float = math.inf
    """Without a byte from a peer, after which it is sent a Ping; infinite for none."""
    ping_timeout: float = 20
    """For a byte from that peer, after the Ping."""
    linger: float = 0
    """To hear the end of a response whose client is gone; 0 for none."""
