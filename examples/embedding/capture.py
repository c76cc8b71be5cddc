"""A relay that captures its sessions, for replay.py, which says what a capture holds.

It is that of asyncio_relay.py, with sessions that note what they read and why they end.

    RELAY_TOKEN=rly_... OPENAI_API_KEY=sk-... python examples/embedding/capture.py FOLDER
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncio_relay
from asyncio_link import CHUNK, Link
from asyncio_relay import Direction
from settings import Settings, from_environment

from relay.protocol import Cause, Limits, UpstreamAnswer, UpstreamRequest


class Capture:
    """Writes the capture of one session."""

    def __init__(
        self, path: Path, request: UpstreamRequest, answer: UpstreamAnswer, limits: Limits
    ) -> None:
        self._path = path
        self._began = time.monotonic()
        first = {
            "capture": 1,
            "lane": "messages" if request.messages_lane else "verbatim",
            "compressed": answer.compression is not None,
            "max_message_size": limits.max_message_size,
            "max_fragments": limits.max_fragments,
        }
        path.write_text(json.dumps(first) + "\n")

    def read(self, source: str, data: bytes) -> None:
        """Note what was read."""
        self._note({"from": source, "data": base64.b64encode(data).decode()})

    def end(self, cause: Cause, lost: list[str]) -> None:
        """Note why both directions have stopped, and to whom something could not be written."""
        line: dict[str, Any] = {"cause": cause.name, "lost": lost}
        if cause.name == "policy" and cause.to_client is not None:
            line["reason"] = cause.to_client.reason
        self._note(line)

    def _note(self, line: dict[str, Any]) -> None:
        with self._path.open("a") as file:
            at = round(time.monotonic() - self._began, 6)
            file.write(json.dumps({"at": at, **line}) + "\n")


class CapturedLink(Link):
    """A connection of which it is noted what is read, once there is a capture."""

    capture: Capture | None = None

    def __init__(self, link: Link, name: str) -> None:
        super().__init__(link.reader, link.writer)
        self.unread, self.name = link.unread, name

    async def read(self, most: int = CHUNK) -> bytes:
        data = await super().read(most)
        if self.capture is not None:
            self.capture.read(self.name, data)
        return data


class Session(asyncio_relay.Session):
    """A session that is captured from its 101 on, in a file of its own."""

    def __init__(self, relay: Relay, client: Link, folder: Path) -> None:
        self.captured = CapturedLink(client, "client")
        super().__init__(relay, self.captured)
        self.path = folder / f"{self.id}.jsonl"

    async def dial(self, asked: UpstreamRequest) -> asyncio_relay.Dialled:
        link, asked, answer = await super().dial(asked)
        self.asked, self.answer = asked, answer
        self.dialled = CapturedLink(link, "provider")
        return self.dialled, asked, answer

    async def carry(self, inbound: Direction, outbound: Direction) -> None:
        limits = self.admission.gateway.limits
        self.capture = Capture(self.path, self.asked, self.answer, limits)
        self.captured.capture = self.dialled.capture = self.capture
        await super().carry(inbound, outbound)

    async def stop(self, inbound: Direction, outbound: Direction, cause: Cause) -> float:
        patience = await super().stop(inbound, outbound, cause)
        lost = {"client": outbound.writing_since, "provider": inbound.writing_since}
        self.capture.end(cause, [name for name, since in lost.items() if since is not None])
        return patience


class Relay(asyncio_relay.Relay):
    """A relay that keeps the captures of its sessions in a folder."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        super().__init__(settings)
        self.folder = folder

    def new_session(self, client: Link) -> Session:
        return Session(self, client, self.folder)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(asyncio_relay.main(Relay(from_environment(), Path(sys.argv[1]))))
