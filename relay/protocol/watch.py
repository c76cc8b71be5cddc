"""When an open session has to end, and why: its deadlines, without a clock.

A driver notes when it read and since when it writes, which costs nothing per message, and looks
when something has ended and at :attr:`Watch.next_look`:

    watch = Watch(inbound, outbound, timeouts, now())
    while (cause := watch.look(now(), ended)) is None:
        wait(until=watch.next_look)          # or until a direction has ended
    end = ending(inbound.pipe, outbound.pipe, cause, masking_key)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from relay.protocol import closing
from relay.protocol.closing import Cause, policy
from relay.protocol.pipe import Pipe, State
from relay.protocol.timeouts import Timeouts

__all__ = ["Active", "Progress", "Watch"]

_ENDED = {State.CLOSED, State.FAILED, State.WITHHELD}
"""How a direction ends that ends the session."""


class Active(Protocol):
    """What is active from time to time."""

    @property
    def last_activity(self) -> float:
        """When the source last gave something, or the sink took something."""


class Progress(Active, Protocol):
    """What a driver notes of one direction; times are in seconds, by any clock that goes on."""

    @property
    def pipe(self) -> Pipe:
        """The direction."""

    @property
    def writing_since(self) -> float | None:
        """Since when the sink has been taking what it was given; None while nothing is written.

        A driver that writes in pieces begins anew with each, so that a slow sink is not taken for
        one that takes nothing.
        """


class Watch:
    """Says when an open session has to end, and why.

    Ask :meth:`look` when a direction has ended, and otherwise not before :attr:`next_look`.

    Args:
        inbound: What is noted of the client's direction.
        outbound: Of the provider's.
        timeouts: Of the session. ``close`` is what the other direction has after one has ended,
            for the answering Close, or for the reason why a write failed.
        now: The time of the 101, in seconds.
        active: Whose activity counts as the session's, if not that of the two directions.
    """

    def __init__(
        self,
        inbound: Progress,
        outbound: Progress,
        timeouts: Timeouts,
        now: float,
        active: Sequence[Active] = (),
    ) -> None:
        self._inbound = inbound
        self._outbound = outbound
        self._timeouts = timeouts
        self._last_moment = now + timeouts.max_duration
        self._closing_until = math.inf
        self._active = active or (inbound, outbound)
        self.next_look = now
        """When to look again, if nothing has ended before."""

    def look(
        self, now: float, ended: Sequence[Progress], given: Cause | None = None
    ) -> Cause | None:
        """Look whether the session has to end.

        Args:
            now: The time.
            ended: The directions that have ended, in the order in which they did: because their
                pipe is no longer open, or because a write failed.
            given: A cause from elsewhere: the relay drains, an operator or a policy ends it. It is
                not heeded once the peers are ending it.

        Returns:
            The cause for :func:`~relay.protocol.closing.ending`; None if it goes on.
        """
        if len(ended) > 1:
            return closing.PEERS
        if ended:
            state, close = ended[0].pipe.state, ended[0].pipe.close
            if state in _ENDED and close is None:
                return closing.PEERS
            # A Close was forwarded, or a farewell said, or a write failed. The other side may still
            # have something to say, such as the answering Close, or the reason why it takes nothing
            # more.
            self.next_look = self._closing_until = min(
                self._closing_until, now + self._timeouts.close
            )
            if now < self._closing_until:
                return None
            if state is State.OPEN:  # it could not write
                lost = ended[0] is self._inbound
                return closing.UPSTREAM_LOST if lost else closing.CLIENT_LOST
            return closing.CLOSE_TIMEOUT if state is State.CLOSING else closing.PEERS
        if given is not None:
            return given
        deadlines = (
            (self._stalled_at(self._outbound, now), closing.CLIENT_STALLED),
            (self._stalled_at(self._inbound, now), closing.UPSTREAM_STALLED),
            (self._last_moment, policy("maximum duration reached")),
            (
                max(each.last_activity for each in self._active) + self._timeouts.idle,
                closing.IDLE,
            ),
        )
        for moment, cause in deadlines:
            if now >= moment:
                return cause
        self.next_look = min(moment for moment, _ in deadlines)
        return None

    def is_stalled(self, direction: Progress, now: float) -> bool:
        """Whether the sink of a direction has taken nothing for too long, as far as was noted."""
        return now >= self._stalled_at(direction, now)

    def _stalled_at(self, direction: Progress, now: float) -> float:
        since = direction.writing_since
        return (now if since is None else since) + self._timeouts.write
