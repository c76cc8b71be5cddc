"""Asking a peer that says nothing whether it is there: when, and for how long.

Any byte that comes from it is a sign of life. It is not judged while it is not being heard, because
the other peer takes nothing and so nothing more is read.
"""

from __future__ import annotations

import math
import secrets

from relay.drivers.carrier import Carrier
from relay.protocol import PING, Cause, Pings, Pipe, Timeouts, closing, control_frame

__all__ = ["Pinger", "pingers", "share_pings"]

_PAYLOAD_SIZE = 8
_TRY_AGAIN = 1.0
"""Seconds until a Ping is tried again that could not be sent, for want of a place or of room."""


class Pinger:
    """Looks after one peer of an open session.

    Args:
        pings: Those to this peer.
        source: Carries what comes from it.
        sink: Carries what goes to it.
        timeouts: Of the session.
        masks: Whether the peer gets frames that are masked: the provider does.
        silent: The cause of the end, if it does not answer.
    """

    def __init__(
        self,
        pings: Pings,
        source: Carrier,
        sink: Carrier,
        timeouts: Timeouts,
        *,
        masks: bool,
        silent: Cause,
    ) -> None:
        self._pings = pings
        self._source = source
        self._sink = sink
        self._timeouts = timeouts
        self._masks = masks
        self.silent = silent
        self._asked_at = -math.inf
        self._bytes_before = -1  # what had come when it was last asked
        self._activity_before = 0.0

    @property
    def last_activity(self) -> float:
        """The same as its source's, our Pongs apart."""
        if self._source.pipe.bytes == self._bytes_before:
            return self._activity_before
        return self._source.last_activity

    def look(self, now: float) -> float:
        """Ask, if it is time.

        Returns:
            When to look again. If that is now or before, the peer was silent for too long.
        """
        source, timeouts = self._source, self._timeouts
        heard_at = source.last_activity if source.writing_since is None else now
        if heard_at >= self._asked_at:
            ask_at = heard_at + timeouts.ping_interval
            if now < ask_at:
                return ask_at
            if not self._ask():
                return now + _TRY_AGAIN
            self._asked_at = now
        # If it answers, it is to be asked again in time.
        return min(self._asked_at + timeouts.ping_timeout, now + timeouts.ping_interval)

    def _ask(self) -> bool:
        """Send a Ping, unless the peer has one to answer; return whether it now has."""
        if self._sink.writing_since is not None:
            return False
        if self._pings.awaits_pong:
            return True  # a second one could cost the other peer its answer
        payload = secrets.token_bytes(_PAYLOAD_SIZE)
        frame = control_frame(PING, payload, secrets.token_bytes(4) if self._masks else None)
        if not self._sink.inject(frame):
            return False
        self._pings.sent(payload)
        self._activity_before, self._bytes_before = self.last_activity, self._source.pipe.bytes
        return True


def share_pings(inbound: Pipe, outbound: Pipe) -> tuple[Pings, Pings]:
    """Make the Pings to the client and to the provider known to both directions."""
    to_client, to_upstream = Pings(), Pings()
    inbound.share_pings(to_client, to_upstream)
    outbound.share_pings(to_upstream, to_client)
    return to_client, to_upstream


def pingers(
    pings: tuple[Pings, Pings], inbound: Carrier, outbound: Carrier, timeouts: Timeouts
) -> tuple[Pinger, Pinger]:
    """Who looks after the client, and who after the provider."""
    to_client, to_upstream = pings
    return (
        Pinger(to_client, inbound, outbound, timeouts, masks=False, silent=closing.CLIENT_SILENT),
        Pinger(
            to_upstream, outbound, inbound, timeouts, masks=True, silent=closing.UPSTREAM_SILENT
        ),
    )
