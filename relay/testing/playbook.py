"""A session stated as one expression, which is played when it is asserted.

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
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from relay.protocol.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT
from relay.testing.frames import Frame, close_frame, cut, delivered
from relay.testing.handshakes import check_accepted
from relay.testing.peer import Peer
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


@dataclass(frozen=True)
class Act:
    """What a side does."""

    text: str
    """As it stands in a transcript."""
    play: Callable[[StandSession], None]
    ends: bool = False
    """Whether the session is to end by it."""


@dataclass(frozen=True)
class Expectation:
    """What reaches a side."""

    text: str
    play: Callable[[StandSession], None]


def text(message: str) -> Frame:
    """A text message of one frame (RFC 6455 5.6)."""
    return Frame(TEXT, message.encode())


def binary(message: bytes) -> Frame:
    """A binary message of one frame (RFC 6455 5.6)."""
    return Frame(BINARY, message)


def ping(payload: bytes = b"") -> Frame:
    """A Ping (RFC 6455 5.5.2), of up to 125 bytes."""
    return Frame(PING, payload)


def pong(payload: bytes = b"") -> Frame:
    """A Pong (RFC 6455 5.5.3), of up to 125 bytes."""
    return Frame(PONG, payload)


def close(code: int | None = None, reason: str = "") -> Frame:
    """A Close frame (RFC 6455 5.5.1); without a code, an empty one."""
    return close_frame(code, reason)


class Side:
    """What client and origin have in common."""

    def __init__(self, name: str) -> None:
        self.name = name

    def _peer(self, session: StandSession) -> Peer:
        return session.client if self.name == "client" else session.origin

    def sends(self, *frames: Frame, sizes: Sequence[int] | None = None) -> Act:
        """It sends frames, valid or not.

        Args:
            frames: As they are to be on the wire; the client's are masked.
            sizes: In chunks of these bytes, cyclically; all at once if not given.
        """

        def play(session: StandSession) -> None:
            peer = self._peer(session)
            data = peer.encode(*frames)
            peer.send(*(cut(data, sizes) if sizes else [data]))
            peer.note_sent(*frames)

        ends = any(frame.opcode == CLOSE for frame in frames)
        return Act(f"{self.name}.sends({_shown(frames)})", play, ends)

    def sends_bytes(self, data: bytes) -> Act:
        """It sends any bytes at all; see :mod:`relay.testing.hostile_frames`."""
        return Act(
            f"{self.name}.sends_bytes({data!r})", lambda session: self._peer(session).send(data)
        )

    def closes(self, code: int | None = 1000, reason: str = "") -> Act:
        """It sends a Close, or answers one (RFC 6455 5.5.1)."""
        frame = close_frame(code, reason)
        return Act(
            f"{self.name}.closes({code}, {reason!r})",
            lambda session: self._peer(session).send_frames(frame),
            ends=True,
        )

    def vanishes(self) -> Act:
        """Its connection is reset, without a Close (RFC 6455 7.1.5: to others, 1006)."""
        return Act(
            f"{self.name}.vanishes()", lambda session: self._peer(session).reset(), ends=True
        )

    def gets(self, *frames: Frame) -> Expectation:
        """These come to it next, as far as the subject promises
        (:class:`~relay.testing.subject.Fidelity`): frame by frame, or as the same messages, with
        control frames other than Close left out."""

        def play(session: StandSession) -> None:
            _get(session, self._peer(session), self.name, frames)

        return Expectation(f"{self.name}.gets({_shown(frames)})", play)

    def is_told(self, *codes: int | None) -> Expectation:
        """Its session is over: a Close comes with one of these codes, or with any if none is
        given, or its connection ends without one if that is allowed (1006)."""

        def play(session: StandSession) -> None:
            frames = session.is_ended(self._peer(session), self.name)
            closes = [_code(frame) for frame in frames if frame.opcode == CLOSE] or [1006]
            assert len(closes) == 1, f"several Closes: {closes}"
            assert not codes or closes[0] in codes, f"it was told {closes[0]}"

        return Expectation(f"{self.name}.is_told({', '.join(map(str, codes))})", play)


class Client(Side):
    """The side that asks."""

    def asks(self, *lines: str, subprotocols: Iterable[str] = (), target: str | None = None) -> Act:
        """It connects and asks for a session (RFC 6455 4.1).

        Args:
            lines: Field lines besides.
            subprotocols: What it offers.
            target: What it asks for, if not what the front says.
        """
        offer = ", ".join(subprotocols)
        all_lines = (*lines, *([f"Sec-WebSocket-Protocol: {offer}"] if offer else []))
        return Act(
            f"client.asks({', '.join(map(repr, all_lines))})",
            lambda session: session.ask(*all_lines, target=target),
        )

    def is_answered(
        self, status: int = 101, *, subprotocol: str | None = None, body: bytes | None = None
    ) -> Expectation:
        """It gets this answer; a 101 has to be valid (RFC 6455 4.1).

        Args:
            status: The HTTP status.
            subprotocol: The entry that a 101 answers; None leaves it open.
            body: A refusal's; None leaves it open.
        """

        def play(session: StandSession) -> None:
            answer = session.is_answered()
            assert answer.status == status, f"it was answered {answer.status} {answer.body!r}"
            if status == 101:
                check_accepted(answer)
            if subprotocol is not None:
                chosen = answer.values("Sec-WebSocket-Protocol")
                assert chosen == [subprotocol], f"it was answered the subprotocol {chosen}"
            if body is not None:
                assert answer.body == body, f"it was answered the body {answer.body!r}"

        return Expectation(f"client.is_answered({status})", play)


class Origin(Side):
    """The side that is asked."""

    def is_asked(self, *, subprotocols: Iterable[str] | None = None) -> Expectation:
        """The subject connects, and asks for a session.

        Args:
            subprotocols: What it has to offer, in order; None leaves it open.
        """
        expected = None if subprotocols is None else list(subprotocols)

        def play(session: StandSession) -> None:
            asked = session.is_asked()
            if expected is not None:
                assert asked.entries == expected, f"it was offered {asked.entries}"

        return Expectation(f"origin.is_asked(subprotocols={expected})", play)

    def accepts(
        self, *lines: str, subprotocol: str | None = None, then: Iterable[Frame] = ()
    ) -> Act:
        """It answers 101 (RFC 6455 4.2.2).

        Args:
            lines: Field lines besides.
            subprotocol: What it chooses.
            then: Frames that it sends in the same piece.
        """
        chosen = [f"Sec-WebSocket-Protocol: {subprotocol}"] if subprotocol is not None else []
        early = tuple(then)

        def play(session: StandSession) -> None:
            session.accept(*lines, *chosen, then=session.origin.encode(*early))

        shown = f", then={_shown(early)}" if early else ""
        return Act(f"origin.accepts(subprotocol={subprotocol!r}{shown})", play)

    def refuses(self, status: int, body: bytes = b"", *lines: str) -> Act:
        """It answers something else than 101, and ends the connection."""
        return Act(
            f"origin.refuses({status}, {body!r})",
            lambda session: session.refuse(status, body, *lines),
            ends=True,
        )


client = Client("client")
"""What a client does, and what reaches it."""
origin = Origin("origin")
"""What an origin does, and what reaches it."""


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
        self.play()
        return True

    def __del__(self) -> None:
        """Say if it was never played."""
        if not self._used:
            warnings.warn(f"never played:\n{self.transcript()}", ResourceWarning, stacklevel=2)

    def play(self) -> None:
        """Play it; for the rest see :meth:`__bool__`."""
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
            if session.front.fidelity is Fidelity.MESSAGES and not _wanted(
                peer.frames, Fidelity.MESSAGES
            ):
                rest = b""
            assert not rest, f"not finished: the {name} has {rest!r}, of which no step speaks"


def _get(session: StandSession, peer: Peer, name: str, frames: Sequence[Frame]) -> None:
    fidelity = session.front.fidelity
    expected = _wanted(frames, fidelity)
    taken: list[Frame] = []

    def came() -> bool:
        while len(got := _wanted(taken, fidelity)) < len(expected):
            assert got == expected[: len(got)], f"the {name} got {got}, not {expected}"
            frame = peer.take_frame()
            if frame is None:
                assert not peer.ended, f"the connection of the {name} has ended; it got {got}"
                return False
            taken.append(frame)
        assert got == expected, f"the {name} got {got}, not {expected}"
        return True

    session.until(came, lambda: f"the {name} has not got {expected}, but {taken}")


def _wanted(frames: Sequence[Frame], fidelity: Fidelity) -> list[object]:
    """What has to be the same on the other side."""
    if fidelity is not Fidelity.MESSAGES:
        return list(frames)
    return [item for item in delivered(frames) if item[0] not in {PING, PONG}]


def _still_open(name: str) -> str:
    return f"the session is not finished: the connection of the {name} is open"


def _code(frame: Frame) -> int | None:
    return int.from_bytes(frame.payload[:2], "big") if frame.payload else None


def _shown(frames: Iterable[Frame]) -> str:
    return ", ".join(
        f"{_NAMES.get(frame.opcode, hex(frame.opcode))}"
        f"({frame.payload!r}{'' if frame.fin else ', fin=False'})"
        for frame in frames
    )


_NAMES = {
    CONTINUATION: "continuation",
    TEXT: "text",
    BINARY: "binary",
    CLOSE: "close",
    PING: "ping",
    PONG: "pong",
}
