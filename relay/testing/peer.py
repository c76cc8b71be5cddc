"""An end that a test plays, client or origin: one TCP connection, and what has come on it.

It is a plain socket that never blocks; :class:`~relay.testing.stand.Stand` has the loop that serves
it. The bytes of a chunk are sent by one call each; TCP may still join what it likes.
"""

from __future__ import annotations

import selectors
import socket
import struct
from collections import deque

from relay.testing.frames import CLOSE, MASKING_KEY, Frame, decode, encode, frame_size

__all__ = ["Peer"]

_READ_SIZE = 65536
_ENOUGH = 1 << 18
"""Bytes after which it reads no more while nobody takes them: who floods it waits, too."""


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
        self._frames: list[Frame] = []  # read in `received` so far, that nothing is read twice
        self._read = 0  # its bytes in which they stand

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
        self._read_frames()
        return self._frames[:]

    @property
    def rest(self) -> bytes:
        """What has come after the last whole frame."""
        self._read_frames()
        return bytes(self.received[self._read :])

    def _read_frames(self) -> None:
        while size := frame_size(self.received, masked=not self.masks, start=self._read):
            end = self._read + size
            self._frames += decode(bytes(self.received[self._read : end]), masked=not self.masks)
            self._read = end

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
        self._frames, self._read = [], 0
        return taken

    @property
    def events(self) -> int:
        """What it waits for."""
        enough = len(self.received) >= _ENOUGH and frame_size(self.received, masked=not self.masks)
        reads = 0 if self.ended or enough else selectors.EVENT_READ
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
