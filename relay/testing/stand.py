"""A test stand: a subject between a client and an origin, both of which the test plays itself.

Both ends are plain sockets, served by one loop in the thread of the test. So there is no runtime to
agree with, no library whose opinion would count as the truth, and no wait without a deadline. The
bytes of a chunk are sent by one call each; TCP may still join what it likes.
"""

from __future__ import annotations

import selectors
import socket
import struct
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import h11

from relay.protocol.frames import CLOSE
from relay.testing.frames import MASKING_KEY, Frame, decode, encode, frame_size
from relay.testing.handshakes import ACCEPT, Answer, accept_value, switch, upgrade
from relay.testing.subject import Address, Front, Subject

__all__ = ["Asked", "Hung", "Peer", "Stand", "StandSession", "check_accepted"]

_READ_SIZE = 65536


class Hung(AssertionError):  # noqa: N818 - a broken law, which is what it says
    """Something that had to happen did not, for as long as the stand waits."""


class Asked(Answer):
    """A request as it came to the origin; ``status`` is 0, the target stands beside it."""

    def __init__(self, target: str, fields: list[tuple[str, str]], raw: bytes) -> None:
        super().__init__(0, fields, b"")
        self.target = target
        self.raw = raw

    @property
    def entries(self) -> list[str]:
        """The offered subprotocols, in order, from all field lines (RFC 6455 11.3.4)."""
        written = ",".join(self.values("Sec-WebSocket-Protocol"))
        return [entry.strip() for entry in written.split(",") if entry.strip()]


class Peer:
    """An end that the test plays, client or origin: one TCP connection.

    Args:
        sock: Connected, or being connected.
        masks: Whether it is the client, which masks what it sends (RFC 6455 5.1).
    """

    def __init__(self, sock: socket.socket, *, masks: bool) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = sock
        self.masks = masks
        self.received = bytearray()
        """What has come and nobody has taken."""
        self.ended = False
        """Whether the subject has ended the connection, in whatever way."""
        self.gone = False
        """Whether this side has ended it."""
        self._unsent: deque[bytes] = deque()
        self._finishing = False
        self.close_sent = False
        """Whether this side has sent a Close."""
        self._close_received = False

    def send(self, *chunks: bytes) -> None:
        """Send these, each by a call of its own, as soon as they are taken."""
        self._unsent += [chunk for chunk in chunks if chunk]

    def send_frames(self, *frames: Frame) -> None:
        """Send frames, all in one piece; see :meth:`note_sent`."""
        self.send(self.encode(*frames))
        self.note_sent(*frames)

    def note_sent(self, *frames: Frame) -> None:
        """Heed that these have been sent: a server that has sent and got a Close ends the
        connection at once (RFC 6455 7.1.1), and some proxies wait for that."""
        self.close_sent |= any(frame.opcode == CLOSE for frame in frames)
        self._end_as_server()

    def _end_as_server(self) -> None:
        if self.masks or not self.close_sent:
            return
        waiting = any(frame.opcode == CLOSE for frame in self.frames)
        if self._close_received or waiting:
            self.finish()

    def encode(self, *frames: Frame) -> bytes:
        """Frames as this side sends them."""
        return encode(frames, MASKING_KEY if self.masks else None)

    def finish(self) -> None:
        """End the connection once all is sent (FIN)."""
        self._finishing = not self.gone

    def reset(self) -> None:
        """End the connection at once, so that nobody can take it for an orderly end (RST)."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        """End the connection at once."""
        self.gone = self.ended = True
        self.socket.close()

    @property
    def frames(self) -> list[Frame]:
        """The whole frames that have come and that nobody has taken.

        Raises:
            AssertionError: They are masked as only the other side's may be (RFC 6455 5.1).
        """
        data, end = self.received, 0
        while size := frame_size(data[end:], masked=not self.masks):
            end += size
        return decode(bytes(data[:end]), masked=not self.masks)

    def take_frame(self) -> Frame | None:
        """Take the first whole frame that has come; None if there is none."""
        size = frame_size(self.received, masked=not self.masks)
        if not size:
            return None
        (frame,) = decode(self.take(size), masked=not self.masks)
        self._close_received |= frame.opcode == CLOSE
        return frame

    def take(self, size: int) -> bytes:
        """Take so many bytes of what has come."""
        taken = bytes(self.received[:size])
        del self.received[:size]
        return taken

    @property
    def events(self) -> int:
        """What it waits for."""
        reads = 0 if self.ended else selectors.EVENT_READ
        return reads | (selectors.EVENT_WRITE if self._unsent or self._finishing else 0)

    def read(self) -> None:
        """Take from the network what is there."""
        try:
            data = self.socket.recv(_READ_SIZE)
        except BlockingIOError:
            return
        except OSError:  # reset
            data = b""
        self.received += data
        if not data:
            self.ended = True
            self.finish()  # as whoever reads the end does
        self._end_as_server()

    def write(self) -> None:
        """Give to the network the next chunk, or as much of it as it takes; then the end."""
        try:
            if self._unsent:
                chunk = self._unsent.popleft()
                sent = self.socket.send(chunk)
                if sent < len(chunk):
                    self._unsent.appendleft(chunk[sent:])
            elif self._finishing:
                self._finishing, self.gone = False, True
                self.socket.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            self._unsent.appendleft(chunk)
        except OSError:  # the subject has ended it; what it said before that is read all the same
            self._unsent.clear()
            self._finishing = False


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
        self._hurried = False
        try:
            yield
        finally:
            self._hurried = False

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
        patience = self.patience / 20 if self._hurried else self.patience
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
                self._hurried = True
                raise Hung(f"{patience:g} s have passed, and {what()}")
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
        self._stand.until(self, happened, what)

    def ask(self, *lines: str, target: str | None = None) -> None:
        """The client asks for a session.

        Args:
            lines: Field lines beside those that the front needs.
            target: If not the front's.
        """
        front = self.front
        client = Peer(socket.create_connection(front.address, self._stand.patience), masks=True)
        self._peers["client"] = client
        host = f"{front.address.host}:{front.address.port}"
        client.send(upgrade(target or front.target, *front.fields, *lines, host=host))

    def is_asked(self) -> Asked:
        """The request that comes to the origin."""

        def came() -> bool:
            for peer in self._silent:
                if b"\r\n\r\n" in peer.received:
                    self._silent.remove(peer)
                    self._peers["origin"] = peer
                    break
            return "origin" in self._peers

        self._stand.until(self, came, lambda: "the origin is not asked", dials=True)
        for peer in self._silent:
            peer.close()
        self._silent.clear()
        end = self.origin.received.index(b"\r\n\r\n") + 4
        self._asked = self.origin.take(end)
        http1 = h11.Connection(h11.SERVER)
        http1.receive_data(self._asked)
        request = http1.next_event()
        assert isinstance(request, h11.Request)
        fields = [(name.decode(), value.decode("latin-1")) for name, value in request.headers]
        return Asked(request.target.decode("ascii"), fields, self._asked)

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
        answers: list[Answer] = []

        def came() -> bool:
            answer = _read_answer(self.client)
            if answer is not None:
                answers.append(answer)
            return bool(answers)

        self.until(came, lambda: f"the client has no answer but {self.client.received!r}")
        self.refused = answers[0].status != 101
        return answers[0]

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

        self.until(over, lambda: f"the connection of the {name} is not ended; it got {frames}")
        return frames


def check_accepted(answer: Answer) -> None:
    """An answer is a 101 that opens a WebSocket for a client (RFC 6455 4.1).

    Raises:
        AssertionError: It is none.
    """
    assert answer.status == 101, f"the client gets {answer.status} {answer.body[:200]!r}"
    values = answer.values("Sec-WebSocket-Accept")
    assert values == [ACCEPT.decode()], f"Sec-WebSocket-Accept is {values} (RFC 6455 4.1)"


def _read_answer(client: Peer) -> Answer | None:
    """The final answer that a client has got, which is taken; None if it is not there wholly."""
    http1 = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)
    fields = [("Host", "relay.test"), ("Connection", "Upgrade"), ("Upgrade", "websocket")]
    http1.send(h11.Request(method="GET", target="/", headers=fields))
    http1.send(h11.EndOfMessage())
    if client.received:
        http1.receive_data(bytes(client.received))
    if client.ended:
        http1.receive_data(b"")
    answer = Answer(0, [], b"")
    try:
        while answer.status != 101:
            event = http1.next_event()
            if event is h11.NEED_DATA:
                return None
            if isinstance(event, h11.EndOfMessage):
                break
            if isinstance(event, h11.Data):
                answer.body += bytes(event.data)
            elif isinstance(event, h11.InformationalResponse | h11.Response):
                answer.status = event.status_code  # an interim one is replaced by the next
                answer.fields = [(n.decode(), v.decode("latin-1")) for n, v in event.headers]
            elif http1.their_state is h11.CLOSED:
                raise AssertionError("the client's connection has ended without an answer")
    except h11.RemoteProtocolError as error:
        got = bytes(client.received[:200])
        raise AssertionError(f"the client gets no HTTP answer: {error}; {got!r}") from None
    rest, _ = http1.trailing_data
    client.take(len(client.received) - len(rest))
    return answer
