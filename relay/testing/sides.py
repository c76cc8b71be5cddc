"""What the sides of a session do, and what reaches them: the steps of a playbook.

``client`` and ``origin`` make them; each is a value with its words for a transcript.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from relay.testing.failures import excerpt, listed
from relay.testing.frames import CLOSE, Frame, close, close_code, cut
from relay.testing.handshakes import check_accepted
from relay.testing.peer import Peer
from relay.testing.stand import StandSession

__all__ = ["Act", "Client", "Expectation", "Origin", "Side", "client", "origin"]


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
        return Act(_written(f"{self.name}.sends", *frames, sizes=sizes), play, ends)

    def sends_bytes(self, data: bytes) -> Act:
        """It sends any bytes at all; see :mod:`relay.testing.hostile_frames`."""
        return Act(
            _written(f"{self.name}.sends_bytes", data),
            lambda session: self._peer(session).send(data),
        )

    def closes(self, code: int | None = 1000, reason: str = "") -> Act:
        """It sends a Close, or answers one (RFC 6455 5.5.1)."""
        frame = close(code, reason)
        return Act(
            _written(f"{self.name}.closes", code, *([reason] if reason else [])),
            lambda session: self._peer(session).send_frames(frame),
            ends=True,
        )

    def vanishes(self) -> Act:
        """Its connection is reset, without a Close (RFC 6455 7.1.5: to others, 1006)."""
        return Act(
            _written(f"{self.name}.vanishes"),
            lambda session: self._peer(session).reset(),
            ends=True,
        )

    def gets(self, *frames: Frame) -> Expectation:
        """These come to it next, as far as the subject promises
        (:class:`~relay.testing.subject.Fidelity`): frame by frame, or as the same messages, with
        control frames other than Close left out."""

        def play(session: StandSession) -> None:
            _get(session, self._peer(session), self.name, frames)

        return Expectation(_written(f"{self.name}.gets", *frames), play)

    def is_told(self, *codes: int | None) -> Expectation:
        """Its session is over: a Close comes with one of these codes, or with any if none is
        given, or its connection ends without one if that is allowed (1006)."""

        def play(session: StandSession) -> None:
            frames = session.is_ended(self._peer(session), self.name)
            closes = [close_code(frame) for frame in frames if frame.opcode == CLOSE] or [1006]
            assert len(closes) == 1, f"several Closes: {closes}"
            assert not codes or closes[0] in codes, f"it was told {closes[0]}"

        return Expectation(_written(f"{self.name}.is_told", *codes), play)


class Client(Side):
    """The side that asks."""

    def asks(self, *lines: str, subprotocols: Iterable[str] = (), target: str | None = None) -> Act:
        """It connects and asks for a session (RFC 6455 4.1).

        Args:
            lines: Field lines besides.
            subprotocols: What it offers.
            target: What it asks for, if not what the front says.
        """
        entries = list(subprotocols)
        offer = [f"Sec-WebSocket-Protocol: {', '.join(entries)}"] if entries else []
        return Act(
            _written("client.asks", *lines, subprotocols=entries or None, target=target),
            lambda session: session.ask(*lines, *offer, target=target),
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
            assert answer.status == status, (
                f"it was answered {answer.status} {excerpt(answer.body)}"
            )
            if status == 101:
                check_accepted(answer)
            if subprotocol is not None:
                chosen = answer.values("Sec-WebSocket-Protocol")
                assert chosen == [subprotocol], f"it was answered the subprotocol {chosen}"
            if body is not None:
                assert answer.body == body, f"it was answered the body {answer.body!r}"

        written = _written("client.is_answered", status, subprotocol=subprotocol, body=body)
        return Expectation(written, play)


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

        return Expectation(_written("origin.is_asked", subprotocols=expected), play)

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

        written = _written(
            "origin.accepts", *lines, subprotocol=subprotocol, then=list(early) or None
        )
        return Act(written, play)

    def refuses(self, status: int, body: bytes = b"", *lines: str) -> Act:
        """It answers something else than 101, and ends the connection."""
        return Act(
            _written("origin.refuses", status, body, *lines),
            lambda session: session.refuse(status, body, *lines),
            ends=True,
        )


client = Client("client")
"""What a client does, and what reaches it."""
origin = Origin("origin")
"""What an origin does, and what reaches it."""


def _get(session: StandSession, peer: Peer, name: str, frames: Sequence[Frame]) -> None:
    fidelity = session.front.fidelity
    expected = fidelity.kept(frames)
    taken: list[Frame] = []

    def came() -> bool:
        while len(got := fidelity.kept(taken)) < len(expected):
            check(got)
            frame = peer.take_frame()
            if frame is None:
                assert not peer.ended, (
                    f"the connection of the {name} has ended; it got {listed(got)}"
                )
                return False
            taken.append(frame)
        check(got)
        return True

    def check(got: Sequence[Frame]) -> None:
        due = expected[: len(got)]
        assert got == due, f"the {name} got {listed(got)}, not {listed(expected)}"

    session.until(came, lambda: f"the {name} has not got {listed(expected)}, but {listed(taken)}")


def _written(name: str, *arguments: object, **named: object) -> str:
    """A step as one writes it, without what was left out."""
    shown = [repr(each) for each in arguments]
    shown += [f"{key}={value!r}" for key, value in named.items() if value is not None]
    return f"{name}({', '.join(shown)})"
