"""Whole sessions: an opening, a talk in turns, and an end."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import strategies as st

from relay.testing.frames import Frame
from relay.testing.sides import Act, Expectation, client, origin
from relay.testing.strategies.chunkings import chunkings
from relay.testing.strategies.frames import close_frames, fragmented_messages
from relay.testing.strategies.subprotocols import offers_and_choices

__all__ = ["End", "Opening", "Session", "Turn", "sessions"]


class Opening(NamedTuple):
    """What is offered and what is chosen."""

    offered: tuple[str, ...] = ()
    chosen: str | None = None
    refused: int | None = None
    """The status of a refusal; None for a 101."""


class Turn(NamedTuple):
    """What one side says, and how its bytes are cut."""

    by: str
    """``client`` or ``origin``."""
    frames: tuple[Frame, ...]
    sizes: tuple[int, ...]


class End(NamedTuple):
    """How it ends."""

    by: str
    close: Frame | None
    """The Close that the other side answers by the same; None if ``by`` vanishes."""


class Session(NamedTuple):
    """A whole session."""

    opening: Opening
    turns: tuple[Turn, ...]
    end: End

    @property
    def steps(self) -> list[Act | Expectation]:
        """The same as steps of a :class:`~relay.testing.playbook.Playbook`."""
        opening = self.opening
        steps: list[Act | Expectation] = [
            client.asks(subprotocols=opening.offered),
            origin.is_asked(subprotocols=opening.offered),
        ]
        if opening.refused is not None:
            refusal = origin.refuses(opening.refused, b"no")
            return [*steps, refusal, client.is_answered(opening.refused, body=b"no")]
        steps += [
            origin.accepts(subprotocol=opening.chosen),
            client.is_answered(subprotocol=opening.chosen),
        ]
        for turn in self.turns:
            speaker, listener = (client, origin) if turn.by == "client" else (origin, client)
            steps += [
                speaker.sends(*turn.frames, sizes=turn.sizes),
                listener.gets(*turn.frames),
            ]
        closer, other = (client, origin) if self.end.by == "client" else (origin, client)
        if self.end.close is None:
            return [*steps, closer.vanishes(), other.is_told()]
        close = self.end.close
        return [
            *steps,
            closer.sends(close),
            other.gets(close),
            other.sends(close),
            closer.gets(close),
        ]


@st.composite
def sessions(draw: st.DrawFn, *, max_turns: int = 5) -> Session:
    """A session that keeps RFC 6455 from its request to its end.

    It shrinks to one that is opened and closed by the client with an empty Close.

    Args:
        max_turns: How often the sides may speak, at most.
    """
    offered, chosen = draw(offers_and_choices())
    refused = draw(st.none() | st.sampled_from([401, 429, 503]))
    sides = st.sampled_from(["client", "origin"])
    turn = st.builds(Turn, sides, fragmented_messages().map(tuple), chunkings.map(tuple))
    turns = draw(st.lists(turn, max_size=max_turns))
    end = draw(st.builds(End, sides, close_frames | st.none()))
    return Session(Opening(tuple(offered), chosen, refused), tuple(turns), end)
