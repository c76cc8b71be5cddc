"""A tunnel on asyncio that is good for any law, and how to break it for one of them."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from relay.testing.frames import Frame, decode, frame_size
from relay.testing.runtimes import asyncio_subject
from relay.testing.subject import Address, Fidelity, Subject

__all__ = ["FrameTunnel", "Tunnel"]

_KEY = b"\x01\x02\x03\x04"


class Tunnel:
    """Passes on both heads and all that follows; a subclass gets something wrong."""

    fidelity = Fidelity.BYTES

    def request(self, head: bytes) -> bytes:
        """The client's request, as the origin gets it."""
        return head

    def answer(self, head: bytes, request: bytes) -> bytes:  # noqa: ARG002
        """The origin's answer, as the client gets it."""
        return head

    def no_answer(self, request: bytes) -> bytes:  # noqa: ARG002
        """What the client gets where the origin gives no answer."""
        return b"HTTP/1.1 502 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

    def early(self, data: bytes) -> bytes:
        """What came with the origin's 101."""
        return data

    def chunk(self, data: bytes) -> bytes:
        """What one side has sent, as the other gets it."""
        return data

    def end(self) -> bytes:
        """What a side gets, unmasked, before its connection ends because the other one's did."""
        return b""

    def subject(self) -> Subject:
        """It, to be put on a stand."""
        return asyncio_subject(self._listen, fidelity=self.fidelity)

    async def _listen(self, origin: Address) -> asyncio.Server:
        async def handle(
            from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter
        ) -> None:
            from_origin, to_origin = await asyncio.open_connection(*origin)
            writers = (to_client, to_origin)
            try:
                with suppress(OSError, EOFError):
                    await self._relay(from_client, to_client, from_origin, to_origin)
                for writer in writers:
                    with suppress(OSError):
                        await writer.drain()
            finally:
                for writer in writers:
                    writer.close()

        return await asyncio.start_server(handle, "127.0.0.1", 0)

    async def _relay(
        self,
        from_client: asyncio.StreamReader,
        to_client: asyncio.StreamWriter,
        from_origin: asyncio.StreamReader,
        to_origin: asyncio.StreamWriter,
    ) -> None:
        request = await from_client.readuntil(b"\r\n\r\n")
        to_origin.write(self.request(request))
        data = b""
        while b"\r\n\r\n" not in data and (more := await from_origin.read(65536)):
            data += more
        head, mark, rest = data.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 "):
            to_client.write(self.no_answer(request))
            return
        to_client.write(self.answer(head + mark, request))
        if b" 101 " not in head[:20]:
            to_client.write(rest + await from_origin.read())
            return
        to_client.write(self.early(rest))
        # The first direction to end ends the session.
        _, pending = await asyncio.wait(
            [
                asyncio.ensure_future(self._carry(from_client, to_origin)),
                asyncio.ensure_future(self._carry(from_origin, to_client)),
            ],
            return_when=asyncio.FIRST_COMPLETED,
        )
        for task in pending:
            task.cancel()

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        data = b""
        with suppress(OSError):
            while more := await source.read(65536):
                data = self._pass(data + more, sink)
                await sink.drain()
        sink.write(data + self.end())

    def _pass(self, data: bytes, sink: asyncio.StreamWriter) -> bytes:
        """Pass on what has come; return what is to be looked at again with what comes next."""
        sink.write(self.chunk(data))
        return b""


class FrameTunnel(Tunnel):
    """The same for whole frames."""

    def frame(self, frame: Frame) -> Frame | None:
        """What one side has sent, as the other gets it; None for nothing."""
        return frame

    def _pass(self, data: bytes, sink: asyncio.StreamWriter) -> bytes:
        masked = len(data) > 1 and bool(data[1] & 0x80)
        while size := frame_size(data, masked=masked):
            (frame,) = decode(data[:size], masked=masked)
            changed = self.frame(frame)
            if changed is not None:
                key = _KEY if masked else None
                sink.write(data[:size] if changed is frame else changed.encode(key))
            data = data[size:]
        return data
