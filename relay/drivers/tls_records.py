"""Reading and writing a message at once, on a non-blocking socket with TLS.

OpenSSL gives and takes a record at a time, of 16 KiB at most (RFC 8446 5.1). A message of many
records costs least if it is read and written as one, and TCP sends it in as few segments as it can.
"""

from __future__ import annotations

import socket
import ssl

__all__ = ["RECORD", "Records"]

RECORD = 16 * 1024


class Records:
    """The records of one connection.

    Args:
        sock: Non-blocking, its handshake done.
    """

    __slots__ = ("_ended", "_on_tcp", "_sock")

    def __init__(self, sock: ssl.SSLSocket) -> None:
        self._sock = sock
        self._on_tcp = sock.family != socket.AF_UNIX
        self._ended = False

    def receive(self, max_bytes: int) -> bytes:
        """Read what has come; ``b""`` at the end.

        Raises:
            ssl.SSLWantReadError: Nothing has.
            OSError: The connection is lost.
        """
        if self._ended:
            return b""
        data = self._sock.read(max_bytes)
        if len(data) != RECORD:
            return data
        records, room = [data], max_bytes - RECORD
        try:
            while room and len(data) == RECORD:  # more of the same message is likely there
                data = self._sock.read(min(RECORD, room))
                records.append(data)
                room -= len(data)
            self._ended = not data
        except ssl.SSLWantReadError:
            pass
        except OSError:
            self._ended = True
        return b"".join(records)

    def has_unread(self) -> bool:
        """Whether there is something to receive of which the system will not tell: what OpenSSL
        has decrypted already, or an end that came with data."""
        return self._ended or self._sock.pending() > 0

    def send(self, data: bytes | memoryview) -> int:
        """Write what is taken; return how much that is.

        It goes record by record: of a longer write OpenSSL does not tell how much has gone. What is
        left has to be sent next, from the same place on.

        Raises:
            ssl.SSLWantWriteError: There is no room.
            ssl.SSLWantReadError: Something has to be received first.
            OSError: The connection is lost.
        """
        size = len(data)
        if size <= RECORD:
            return self._sock.write(data)
        left, sent = memoryview(data), 0
        self._cork(True)
        try:
            while sent < size:
                sent += self._sock.write(left[sent : sent + RECORD])
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            if not sent:
                raise
        finally:
            self._cork(False)
        return sent

    def _cork(self, corked: bool) -> None:
        """Keep TCP from sending each record by itself, or let go what was kept."""
        if self._on_tcp:
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, corked)
