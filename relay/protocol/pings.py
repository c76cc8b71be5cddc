"""The relay's own Pings to one peer, among those that it forwards to that peer.

A peer may answer only the newest of several Pings (RFC 6455 5.5.3). So the relay asks only while no
forwarded Ping awaits its Pong, or the peer on the other side could wait in vain. If one is
forwarded while ours is unanswered, ours is superseded: the peer has two to answer, or one.

The order of calls, for the peer behind ``received``:

    pings = Pings()                         # one for each peer, before anything is received
    received.share_pings(pings, others)     # and the same for the other direction
    ...
    if not pings.awaits_pong and sent.can_inject:
        write(control_frame(PING, payload, masking_key))
        pings.sent(payload)
"""

from __future__ import annotations

__all__ = ["Pings"]


class Pings:
    """Which Pings to a peer are unanswered, and which Pong is for the relay.

    This is all that the two directions of a session share, and they do so only where the relay
    sends Pings of its own: the one that sends to this peer says what it forwards, and the one that
    receives from it asks whose the answers are.
    """

    __slots__ = ("_newest", "_ours")

    def __init__(self) -> None:
        self._newest: bytes | None = None  # of all; None once it is answered
        self._ours: bytes | None = None

    @property
    def awaits_pong(self) -> bool:
        """Whether the peer still has a Ping to answer, forwarded or ours.

        It has none once it has answered the newest, as it answers in order.
        """
        return self._newest is not None

    @property
    def owed(self) -> bytes | None:
        """The payload of the newest Ping, if the other peer is owed its Pong; else None.

        It is enough to answer the newest one. If that is ours, none of the other peer's awaits its
        Pong, or ours had not been sent.
        """
        return None if self._newest == self._ours else self._newest

    def sent(self, payload: bytes) -> None:
        """Say that a Ping of ours was sent, while none awaited its Pong.

        Args:
            payload: Unpredictable bytes, so that nobody else's Pong is taken for its answer.
        """
        self._newest = self._ours = payload

    def forwarded(self, payload: bytes) -> None:
        """Say that a Ping of the other peer was forwarded."""
        self._newest = payload

    def received(self, payload: bytes) -> bool:
        """Take note of a Pong; return whether it answers ours, and so is not to be forwarded."""
        if payload == self._newest:
            self._newest = None
        if payload != self._ours:
            return False
        self._ours = None
        return True
