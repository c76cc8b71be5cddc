"""A test stand: a subject between a client and an origin, both of which the test plays itself.

Both ends are plain sockets, served by one loop in the thread of the test. So there is no runtime to
agree with, no library whose opinion would count as the truth, and no wait without a deadline.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from relay.protocol.frames import CLOSE
from relay.testing.failures import excerpt, listed
from relay.testing.frames import Frame
from relay.testing.handshakes import (
    Answer,
    Request,
    accept_value,
    check_accepted,
    parse_request,
    read_answer,
    switch,
    upgrade,
)
from relay.testing.peer import Peer
from relay.testing.subject import Address, Front, Subject

__all__ = ["Hung", "Stand", "StandSession"]


class Hung(AssertionError):  # noqa: N818 - a broken law, which is what it says
    """Something that had to happen did not, for as long as the stand waits."""


class Stand:
    """A running subject, and the listener of the origin that it dials.

    Args:
        front: Where the subject takes clients.
        listener: Where it finds the origin.
        patience: Seconds for whatever has to happen. Short ones make failures quick to shrink,
            long ones bear a busy machine.
    """

    def __init__(self, front: Front, listener: socket.socket, patience: float) -> None:
        self.front = front
        self.patience = patience
        self.listener = listener
        self._searching = False
        self._hurried = False

    @classmethod
    @contextmanager
    def of(cls, subject: Subject, *, patience: float = 10.0) -> Iterator[Stand]:
        """Run a subject on a stand until the block is left."""
        with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
            listener.setblocking(False)
            with subject(Address(*listener.getsockname())) as front:
                yield cls(front, listener, patience)

    @contextmanager
    def search(self) -> Iterator[None]:
        """The search for an example that breaks a law.

        Once one has hung for the whole of ``patience``, a twentieth of it is enough for those that
        are tried to make it smaller: so the verdict does not depend on how fast the machine is, and
        shrinking does not take an hour.
        """
        self._searching = True
        try:
            yield
        finally:
            self._searching = self._hurried = False

    @contextmanager
    def session(self) -> Iterator[StandSession]:
        """A session that nobody has asked for; what is left of it at the end is reset."""
        while (stray := self._accept()) is not None:  # of a session that was given up
            stray.close()
        session = StandSession(self)
        try:
            yield session
        finally:
            for peer in session.peers:
                if peer.socket.fileno() != -1:
                    peer.reset()

    def _accept(self) -> socket.socket | None:
        try:
            return self.listener.accept()[0]
        except BlockingIOError:
            return None

    def until(
        self,
        session: StandSession,
        happened: Callable[[], bool],
        what: Callable[[], str],
        *,
        dials: bool = False,
    ) -> None:
        """Serve both ends until something has happened.

        Args:
            session: Whose ends.
            happened: Asked after whatever has come.
            what: What is waited for, for the error.
            dials: Whether the subject may dial the origin meanwhile.

        Raises:
            Hung: It did not happen within ``patience``.
        """
        __tracebackhide__ = True
        patience = self.patience / 20 if self._hurried else self.patience
        before = f" ({self.patience:g} s for the first example)" if self._hurried else ""
        deadline = time.monotonic() + patience
        while not happened():
            with selectors.DefaultSelector() as selector:
                for peer in session.peers:
                    if peer.socket.fileno() != -1 and peer.events:
                        selector.register(peer.socket, peer.events, peer)
                if dials:
                    selector.register(self.listener, selectors.EVENT_READ)
                ready = selector.select(max(0.0, deadline - time.monotonic()))
            if time.monotonic() >= deadline:
                self._hurried = self._searching
                raise Hung(f"{patience:g} s have passed{before}, and {what()}")
            for key, events in ready:
                if key.data is None:
                    accepted = self._accept()
                    if accepted is not None:
                        session.origin_connected(accepted)
                    continue
                if events & selectors.EVENT_READ:
                    key.data.read()
                if events & selectors.EVENT_WRITE:
                    key.data.write()


class StandSession:
    """One session through the subject, step by step."""

    def __init__(self, stand: Stand) -> None:
        self._stand = stand
        self._peers: dict[str, Peer] = {}
        self._asked = b""
        self._silent: list[Peer] = []  # connections to the origin that have not asked yet
        self.refused = False
        """Whether the client was answered something else than 101."""

    @property
    def stand(self) -> Stand:
        """The stand that it takes place on."""
        return self._stand

    @property
    def front(self) -> Front:
        """Where the subject takes clients."""
        return self._stand.front

    @property
    def peers(self) -> Sequence[Peer]:
        """Both ends, as far as they are there."""
        return (*self._peers.values(), *self._silent)

    @property
    def client(self) -> Peer:
        """The client, which has asked."""
        return self._peers["client"]

    @property
    def origin(self) -> Peer:
        """The origin, which was dialled."""
        return self._peers["origin"]

    def origin_connected(self, sock: socket.socket) -> None:
        """Take a connection that the subject has made: this session's, or one made ahead."""
        self._silent.append(Peer(sock, masks=False))

    def until(self, happened: Callable[[], bool], what: Callable[[], str]) -> None:
        """Serve both ends until something has happened.

        Raises:
            Hung: It did not, within the stand's patience; ``what`` says what.
        """
        __tracebackhide__ = True
        self._stand.until(self, happened, what)

    def ask(self, *lines: str, target: str | None = None) -> None:
        """The client asks for a session.

        Args:
            lines: Field lines beside those that the front needs.
            target: If not the front's.

        Raises:
            AssertionError: Nobody takes its connection.
        """
        front = self.front
        host = f"{front.address.host}:{front.address.port}"
        try:
            connected = socket.create_connection(front.address, self._stand.patience)
        except OSError as error:
            raise AssertionError(f"nobody takes connections at {host}: {error}") from None
        client = Peer(connected, masks=True)
        self._peers["client"] = client
        client.send(upgrade(target or front.target, *front.fields, *lines, host=host))

    def is_asked(self) -> Request:
        """The request that comes to the origin.

        Raises:
            Hung: None comes, within the stand's patience.
            AssertionError: It is no HTTP/1.1.
        """

        def came() -> bool:
            for peer in self._silent:
                if b"\r\n\r\n" in peer.received:
                    self._silent.remove(peer)
                    self._peers["origin"] = peer
                    break
            return "origin" in self._peers

        def so_far() -> str:
            begun = b"".join(peer.received for peer in self._silent)
            asked = f"asked for nothing but {excerpt(begun)}" if begun else "not asked"
            answered = self.client.received
            instead = f"; the client is told {excerpt(answered)}" if answered else ""
            return f"the origin is {asked}{instead}"

        self._stand.until(self, came, so_far, dials=True)
        for peer in self._silent:
            peer.close()
        self._silent.clear()
        self._asked = self.origin.take(self.origin.received.index(b"\r\n\r\n") + 4)
        return parse_request(self._asked)

    def accept(self, *lines: str, then: bytes = b"", accept: bytes | None = None) -> None:
        """The origin answers 101.

        Args:
            lines: Field lines besides.
            then: What it sends in the same piece.
            accept: ``Sec-WebSocket-Accept``, if not the one that is due.
        """
        value = accept_value(self._asked) if accept is None else accept
        self.origin.send(switch(*lines, accept=value) + then)

    def refuse(self, status: int, body: bytes, *lines: str) -> None:
        """The origin answers something else, and ends the connection."""
        size = f"Content-Length: {len(body)}"
        all_lines = [f"HTTP/1.1 {status} No", size, "Connection: close", *lines, "", ""]
        self.origin.send("\r\n".join(all_lines).encode("latin-1") + body)
        self.origin.finish()

    def is_answered(self) -> Answer:
        """The final answer that comes to the client; what follows a 101 stays to be taken."""
        answers: list[tuple[Answer, int]] = []

        def came() -> bool:
            read = read_answer(bytes(self.client.received), ended=self.client.ended)
            if read is not None:
                answers.append(read)
            return bool(answers)

        self.until(came, lambda: f"the client has no answer but {excerpt(self.client.received)}")
        ((answer, size),) = answers
        self.client.take(size)
        self.refused = answer.status != 101
        return answer

    def open(self, *lines: str) -> None:
        """All four steps of an opening handshake, with these field lines of the client.

        Raises:
            AssertionError: The client gets no valid 101 (RFC 6455 4.1).
        """
        self.ask(*lines)
        self.is_asked()
        self.accept()
        check_accepted(self.is_answered())

    def is_ended(self, peer: Peer, name: str) -> list[Frame]:
        """The frames that come to a side up to the end of its connection.

        It acts as RFC 6455 has it: a Close is answered (5.5.1), after which an origin ends the
        connection, and a client waits for its end (7.1.1).
        """
        frames: list[Frame] = []

        def over() -> bool:
            while (frame := peer.take_frame()) is not None:
                frames.append(frame)
                if frame.opcode == CLOSE and not peer.gone:
                    peer.send_frames(frame)
                    if not peer.masks:
                        peer.finish()
            return peer.ended

        self.until(
            over, lambda: f"the connection of the {name} is not ended; it got {listed(frames)}"
        )
        return frames
