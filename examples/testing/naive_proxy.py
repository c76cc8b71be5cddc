"""A small WebSocket proxy on asyncio, as one writes it in an afternoon. It has a bug.

It passes both heads on, then reads frames, joins the fragments of a message and sends it whole, so
that messages could be counted or changed. It trusts both sides to keep RFC 6455.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

CONTINUATION, CONTROL = 0x0, 0x8
MASKING_KEY = b"\x01\x02\x03\x04"


class Joiner:
    """Joins the fragments of messages."""

    def __init__(self) -> None:
        self.opcode = 0
        self.message = b""

    def add(self, opcode: int, payload: bytes, *, fin: bool) -> tuple[int, bytes] | None:
        """Take a frame; return what is to be sent for it, if anything is."""
        if opcode != CONTINUATION:
            self.opcode = opcode
        self.message += payload
        if not fin:
            return None
        whole, self.message = (self.opcode, self.message), b""
        return whole


async def serve(host: str, port: int, joiner: type[Joiner] = Joiner) -> asyncio.Server:
    """Listen on a free port of this machine, and relay to that origin."""

    async def handle(client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        origin, to_origin = await asyncio.open_connection(host, port)
        try:
            to_origin.write(await client.readuntil(b"\r\n\r\n"))
            head = await origin.readuntil(b"\r\n\r\n")
            to_client.write(head)
            if b" 101 " not in head.split(b"\r\n")[0]:
                to_client.write(await origin.read())
                return
            await asyncio.gather(
                carry(client, to_origin, joiner(), MASKING_KEY),
                carry(origin, to_client, joiner(), b""),
            )
        except (OSError, EOFError):
            pass
        finally:
            for writer in (to_client, to_origin):
                with suppress(OSError):
                    await writer.drain()
                writer.close()

    return await asyncio.start_server(handle, "127.0.0.1", 0)


async def carry(
    source: asyncio.StreamReader, sink: asyncio.StreamWriter, joiner: Joiner, key: bytes
) -> None:
    """One direction, until its sender ends (EOFError)."""
    while True:
        first, second = await source.readexactly(2)
        size = second & 0x7F
        if size > 125:
            size = int.from_bytes(await source.readexactly(2 if size == 126 else 8), "big")
        mask = await source.readexactly(4) if second & 0x80 else bytes(4)
        payload = apply(mask, await source.readexactly(size))
        whole = joiner.add(first & 0x0F, payload, fin=bool(first & 0x80))
        if whole is not None:
            sink.write(frame(*whole, key))
            await sink.drain()


def frame(opcode: int, payload: bytes, key: bytes) -> bytes:
    """A frame, masked if there is a key."""
    bit, size = 0x80 if key else 0, len(payload)
    if size < 126:
        head = bytes((0x80 | opcode, bit | size))
    elif size < 65536:
        head = bytes((0x80 | opcode, bit | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((0x80 | opcode, bit | 127)) + size.to_bytes(8, "big")
    return head + key + (apply(key, payload) if key else payload)


def apply(key: bytes, payload: bytes) -> bytes:
    """Mask or unmask."""
    stream = (key * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")).to_bytes(
        len(payload), "big"
    )
