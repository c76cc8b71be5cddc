"""Decompressing from the side, for whoever has to read compressed messages (RFC 7692)."""

from __future__ import annotations

import zlib

__all__ = ["MAX_INFLATED", "CompressedError", "Inflater"]

MAX_INFLATED = 4 * 1024 * 1024
"""Bytes of one message; one that grows beyond is not decompressed."""

_PIECE = 64 * 1024
_WINDOW = 32 * 1024  # bytes that a message may refer back (RFC 1951 2)
_END = b"\x00\x00\xff\xff"  # RFC 7692 7.2.2: what senders leave out at the end of a message


class CompressedError(Exception):
    """What was compressed cannot be read any more."""


class Inflater:
    """The compressed messages of one direction.

    Args:
        takeover: Whether a message may refer to those before it (RFC 7692 7.1.1). If so each has
            to be decompressed wholly, whether it is wanted or not.
        joined: Whether there were messages that it will never see. What refers to them becomes
            NUL, which stands in no JSON.
    """

    def __init__(self, *, takeover: bool, joined: bool = False) -> None:
        self.takeover = takeover
        # The largest window, whatever was negotiated: a smaller one fits into it.
        before = bytes(_WINDOW) if joined else b""
        self._inflate = zlib.decompressobj(wbits=-15, zdict=before)
        self._size = 0

    def receive(self, data: bytes, *, last: bool) -> bytes:
        """Take a piece of a message.

        Args:
            data: As it was sent, unmasked.
            last: Whether the message ends with it.

        Raises:
            CompressedError: It is no DEFLATE, or grows too large.
        """
        out: list[bytes] = []
        data = data + _END if last else data
        try:
            while data or (out and len(out[-1]) == _PIECE):  # zlib may hold more than it gave
                out.append(self._inflate.decompress(data, _PIECE))
                self._size += len(out[-1])
                data = self._inflate.unconsumed_tail
                # A final block ends a stream (7.2.3.4): it is allowed, hardly anybody sends it,
                # and zlib loses the window.
                if self._size > MAX_INFLATED or (self._inflate.eof and self.takeover):
                    raise CompressedError
        except zlib.error:
            raise CompressedError from None
        if last:
            self._size = 0
            if not self.takeover:
                self._inflate = zlib.decompressobj(wbits=-15)
        return b"".join(out)
