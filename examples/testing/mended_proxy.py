"""The same proxy without its bug: control frames are no part of the message that they come amid."""

from __future__ import annotations

import asyncio

from naive_proxy import CONTROL, Joiner, serve


class MendedJoiner(Joiner):
    """Joins the fragments of messages, and lets control frames past (RFC 6455 5.4)."""

    def add(self, opcode: int, payload: bytes, *, fin: bool) -> tuple[int, bytes] | None:
        """Take a frame; return what is to be sent for it, if anything is."""
        if opcode >= CONTROL:
            return opcode, payload
        return super().add(opcode, payload, fin=fin)


async def serve_mended(host: str, port: int) -> asyncio.Server:
    """Listen on a free port of this machine, and relay to that origin."""
    return await serve(host, port, MendedJoiner)
