"""A relay that has live sessions and says so as the admin API does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from rich.text import Text
from textual.coordinate import Coordinate
from textual.pilot import Pilot
from textual.widgets import Static

from relay.admin_client import AdminClient
from relay.protocol import Secret
from relay.records.session_record import to_json
from relay.top.app import Top
from relay.top.live import Query
from relay.top.look import look
from relay.top.table import SessionTable
from tests.records.samples import a_record

__all__ = ["URL", "Relay", "client", "head", "row", "rows", "running", "text", "until"]

URL = "http://127.0.0.1:9464"
_NEVER = 3600.0  # seconds: tests say when to look


def row(number: int = 0, **changes: Any) -> dict[str, Any]:
    """A live session."""
    its: dict[str, Any] = {
        "id": f"019aaf00-0000-7000-8000-{number:012}",
        "live": True,
        "state": "talking",
        "talks": "client",
        "silent_for": 0.2,
        "began_at": f"2026-11-22T12:00:{number % 60:02}Z",
        "gateway": "acct/main",
        "provider": "openai",
        "endpoint": "/v1/realtime",
        "model": f"gpt-realtime-{number}",
        "token": "web",
        "client_address": "192.0.2.7",
        "status": 101,
        "duration": 75.0,
        "first_audio": 0.25,
        "messages_in": 1234,
        "messages_out": 5,
        "bytes_in": 2048,
        "bytes_out": 10,
        "added_latency": {"p50": 0.000128, "p99": 0.002},
        "cost": None,
        "outcome": None,
        "ended_by": None,
        "explanation": None,
    }
    return its | changes


@dataclass
class Relay:
    """A relay."""

    sessions: list[dict[str, Any]] = field(default_factory=list)
    draining: bool = False
    matching: int | None = None
    """How many sessions match, if not as many as there are."""
    seconds: int = 0
    """How late it is."""
    error: Exception | httpx.Response | None = None
    """What comes in place of an answer."""
    asked: list[dict[str, str]] = field(default_factory=list)
    """The parameters of each look."""
    ended: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)
    """What it says of a session, if something else than the usual."""

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer as the admin listener does."""
        if isinstance(self.error, Exception):
            raise self.error
        if self.error is not None:
            return self.error
        path = request.url.path
        if path == "/readyz":
            return httpx.Response(503 if self.draining else 200, text="...")
        if path == "/api/sessions/live":
            self.asked.append(dict(request.url.params))
            return httpx.Response(200, json=self._live())
        session_id, _, action = path.removeprefix("/api/sessions/").partition("/")
        if session_id not in {each["id"] for each in self.sessions}:
            return httpx.Response(404, json={"error": "no session of that id is open"})
        if action == "end":
            self.ended.append((session_id, json.loads(request.content)))
            return httpx.Response(202, json={"id": session_id})
        return httpx.Response(200, json=self._details(session_id) | self.details)

    def _live(self) -> dict[str, Any]:
        counts = {"opening": 0, "talking": 0, "silent": 0, "closing": 0}
        for each in self.sessions:
            counts[each["state"]] += 1
        return {
            "now": f"2026-11-22T12:01:{self.seconds:02}.000Z",
            "total": len(self.sessions),
            "matching": len(self.sessions) if self.matching is None else self.matching,
            "states": counts,
            "sessions": self.sessions,
        }

    def _details(self, session_id: str) -> dict[str, Any]:
        return {
            "live": True,
            "state": "talking",
            "explanation": None,
            "standing": "the provider has sent nothing for 8 s",
            "timeline": [
                {"at": 0.001, "what": "head"},
                {"at": 0.25, "what": "turn 1: first audio"},
            ],
            "session": to_json(a_record(id=session_id)),
        }


def client(relay: Relay) -> AdminClient:
    """A client that asks it."""
    return AdminClient(URL, Secret(b"rly_x"), transport=httpx.MockTransport(relay.answer))


@asynccontextmanager
async def running(
    relay: Relay, size: tuple[int, int] = (190, 30), interval: float = _NEVER
) -> AsyncIterator[Pilot[None]]:
    """The application, in a terminal of that size."""
    async with client(relay) as it:
        app = Top(it, await look(it, Query()), interval)
        async with app.run_test(size=size, notifications=True) as pilot:
            await until(lambda: bool(app.screen.query(SessionTable)))
            yield pilot


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what the application does by itself; ``Pilot.pause`` waits for an idle processor."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - there is nothing to be told by
            await asyncio.sleep(0.005)


def head(pilot: Pilot[None]) -> str:
    """What stands above the table."""
    shown = pilot.app.screen.query_one("#head", Static).content
    assert isinstance(shown, Text)
    return shown.plain


def rows(pilot: Pilot[None]) -> list[list[str]]:
    """What stands in the table."""
    table = pilot.app.screen.query_one(SessionTable)
    columns = range(len(table.columns))
    return [
        [table.get_cell_at(Coordinate(number, column)).plain for column in columns]
        for number in range(table.row_count)
    ]


def text(pilot: Pilot[None]) -> str:
    """All that is on the screen."""
    return "\n".join(strip.text for strip in pilot.app.screen._compositor.render_strips())
