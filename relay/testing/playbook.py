"""A session stated as one expression, which is played when it is asserted::

    assert (
        Playbook(stand)
        >> client.asks(subprotocols=["realtime"])
        << origin.is_asked(subprotocols=["realtime"])
        >> origin.accepts(subprotocol="realtime")
        << client.is_answered(101, subprotocol="realtime")
        >> client.sends(text("hello"))
        << origin.gets(text("hello"))
        >> origin.closes(3000, "insufficient_quota")
        << client.gets(close(3000, "insufficient_quota"))
        >> client.closes(3000, "insufficient_quota")
        << origin.gets(close(3000, "insufficient_quota"))
    )

``>>`` is what a side does, ``<<`` what then reaches a side. It fails at the first step that does
not come true, with the steps before it, and at the end unless the session is finished: both
connections have ended, and nothing has come that no step speaks of. A playbook that nobody asserts
warns when it is thrown away (:class:`ResourceWarning`), since it has tested nothing.
"""

from __future__ import annotations

import functools
import warnings

from relay.testing.failures import excerpt
from relay.testing.frames import binary, close, ping, pong, text
from relay.testing.sides import Act, Expectation, Side, client, origin
from relay.testing.stand import Stand, StandSession
from relay.testing.subject import Fidelity

__all__ = [
    "Act",
    "Expectation",
    "Playbook",
    "Side",
    "binary",
    "client",
    "close",
    "origin",
    "ping",
    "pong",
    "text",
]


class Playbook:
    """A session, stated step by step.

    Args:
        stand: Where it is played.
        steps: The first of its steps; more are added by ``>>`` and ``<<``.
    """

    def __init__(self, stand: Stand, *steps: Act | Expectation) -> None:
        self.steps = steps
        self._stand = stand
        self._used = False

    def __rshift__(self, act: Act) -> Playbook:
        """The same playbook, and then this act."""
        if not isinstance(act, Act):
            raise TypeError(f"{act.text} is no act: write << before it")
        return self._and(act)

    def __lshift__(self, expectation: Expectation) -> Playbook:
        """The same playbook, and then this expectation."""
        if not isinstance(expectation, Expectation):
            raise TypeError(f"{expectation.text} is an act: write >> before it")
        return self._and(expectation)

    def _and(self, step: Act | Expectation) -> Playbook:
        self._used = True  # as a part of another one
        return Playbook(self._stand, *self.steps, step)

    def __bool__(self) -> bool:
        """Play it; always true.

        Raises:
            AssertionError: A step did not come true, or the session is not finished. The message
                is the transcript up to there.
        """
        __tracebackhide__ = True
        self.play()
        return True

    def __del__(self) -> None:
        """Say if it was never played."""
        if not self._used:
            warnings.warn(f"never played:\n{self.transcript()}", ResourceWarning, stacklevel=2)

    def play(self) -> None:
        """Play it; for the rest see :meth:`__bool__`."""
        __tracebackhide__ = True
        self._used = True
        played = 0
        with self._stand.session() as session:
            try:
                for step in self.steps:
                    step.play(session)
                    played += 1
                self._check_finished(session)
            except AssertionError as error:
                raise AssertionError(f"{error}\n{self.transcript(played)}") from None

    def transcript(self, played: int | None = None) -> str:
        """The steps, a line for each.

        Args:
            played: How many of them came true; the next one is marked.
        """
        lines = [f"{'>>' if isinstance(step, Act) else '<<'} {step.text}" for step in self.steps]
        if played is not None:
            lines = [f"  {line}" for line in lines]
            if played < len(lines):
                lines[played] = "E" + lines[played][1:]
        return "\n".join(lines)

    def _check_finished(self, session: StandSession) -> None:
        acts = [step for step in self.steps if isinstance(step, Act)]
        if not (session.refused or any(act.ends for act in acts)):
            raise AssertionError("not finished: nobody has closed, refused or vanished")
        for peer in session.peers:
            if not peer.masks and not peer.gone:
                peer.finish()  # a server ends the connection first (RFC 6455 7.1.1)
        for peer in session.peers:
            name = "client" if peer.masks else "origin"
            if not (peer.masks and session.refused):  # it may serve another request
                session.until(
                    functools.partial(getattr, peer, "ended"),
                    functools.partial(_still_open, name),
                )
            rest = bytes(peer.received)
            fidelity = session.front.fidelity
            if fidelity is Fidelity.MESSAGES and not fidelity.kept(peer.frames):
                rest = b""  # such as Pings
            assert not rest, (
                f"not finished: the {name} has {excerpt(rest)}, of which no step speaks"
            )


def _still_open(name: str) -> str:
    return f"the session is not finished: the connection of the {name} is open"
