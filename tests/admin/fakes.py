"""A relay that says of itself what a test wants, and its admin application."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import InitVar, dataclass, field, replace
from datetime import datetime
from typing import Any

import httpx

from relay.admin.app import application
from relay.last_hour import LastHour
from relay.live_sessions import Glance, LiveSessions, LiveState
from relay.metrics import Metrics
from relay.prices import Prices
from relay.protocol import Cause, Limits, Pipe, Secret, closing
from relay.records.filter import Filter
from relay.records.recent import Recent
from relay.records.session_record import SessionRecord
from relay.records.totals import DayTotal
from relay.settings import AdminSettings, Listener, Settings
from relay.tail import ContentRefusedError, Tail, Tails
from relay.tail.redaction import Redaction
from tests.played_session import settings

__all__ = [
    "BEARER",
    "PAGE",
    "SECRET",
    "SHA256",
    "TOKEN",
    "History",
    "Relay",
    "Session",
    "client",
    "log_in",
    "with_admin",
]

TOKEN = "rly_operator"
SHA256 = hashlib.sha256(TOKEN.encode()).digest()
BEARER = {"Authorization": f"Bearer {TOKEN}"}
SECRET = b"sk-secret-of-a-session"
PAGE = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
"""What a browser says of a page of the listener's own."""
_LISTENER = Listener("http", "127.0.0.1", 9464)


def with_admin(**changes: Any) -> Settings:
    """Settings with an admin listener."""
    admin: dict[str, Any] = {"listener": _LISTENER, "token_sha256": SHA256} | changes
    return replace(settings(), admin=AdminSettings(**admin))


@dataclass
class History:
    """A store."""

    records: list[SessionRecord] = field(default_factory=list)
    asked: list[tuple[Filter, int | None]] = field(default_factory=list)
    error: Exception | None = None
    days: list[DayTotal] = field(default_factory=list)
    spans: list[tuple[datetime, datetime]] = field(default_factory=list)

    def summaries(self, wanted: Filter, limit: int | None) -> list[SessionRecord]:
        if self.error is not None:
            raise self.error
        self.asked.append((wanted, limit))
        return self.records

    def one(self, beginning: str) -> SessionRecord | None:
        found = [each for each in self.records if each.id.startswith(beginning)]
        return found[0] if len(found) == 1 else None

    def totals(self, since: datetime, until: datetime) -> list[DayTotal]:
        if self.error is not None:
            raise self.error
        self.spans.append((since, until))
        return self.days


@dataclass
class Session:
    """A session that is open."""

    seen: Glance
    ended: list[tuple[str, Cause]]
    """Gets what it is ended with."""

    @property
    def id(self) -> str:
        return self.seen.record.id

    def glance(self) -> Glance:
        return self.seen

    def snapshot(self) -> SessionRecord:
        return self.seen.record

    def tail(self, *, content: bool) -> Tail | None:
        raise NotImplementedError

    def end(self, cause: Cause) -> bool:
        self.ended.append((self.id, cause))
        return True


@dataclass
class Relay:
    """A relay."""

    settings: Settings = field(default_factory=with_admin)
    metrics: Metrics | None = None
    history: History | None = None
    draining: Cause | None = None
    records: InitVar[Iterable[SessionRecord]] = ()
    """Of sessions that are open and talk."""
    live: LiveSessions = field(default_factory=LiveSessions)
    last_hour: LastHour | None = None
    recent: Recent | None = None
    ended: list[tuple[str, Cause]] = field(default_factory=list)
    tails: Tails = field(default_factory=Tails)
    allows_content: bool = False
    inbound: Pipe = field(default_factory=lambda: Pipe(masked=True, limits=Limits()))
    outbound: Pipe = field(default_factory=lambda: Pipe(masked=False, limits=Limits()))
    """What the tails of its sessions see."""

    def count(self) -> None:
        """Have metrics."""
        self.metrics = Metrics(self, Prices("test", {}))

    def __post_init__(self, records: Iterable[SessionRecord]) -> None:
        for record in records:
            self.open(record)

    def open(self, record: SessionRecord, **glance: Any) -> None:
        """Have a session that is open."""
        facts: dict[str, Any] = {
            "state": LiveState.TALKING,
            "duration": record.duration,
            "talks": "client",
            "silent_for": 0.5,
            "bytes_in": record.client.bytes,
            "bytes_out": record.provider_side.bytes,
            "messages_in": record.client.messages,
            "messages_out": record.provider_side.messages,
            "latency": record.added_latency,
            "first_audio": record.first_audio,
            "turns": record.turns,
        }
        self.live.add(Session(Glance(record, **(facts | glance)), self.ended))

    def tail(self, session_id: str, *, content: bool) -> Tail | None:
        if self.live.find(session_id) is None:
            return None
        if content and not self.allows_content:
            raise ContentRefusedError("no content here")
        self.tails.check_room()
        redaction = Redaction([Secret(SECRET)]) if content else None
        tail = Tail(session_id, (self.inbound, self.outbound), lambda: 1.25, redaction)
        self.tails.add(tail)
        return tail

    def drain(self, *, restart: bool = False) -> None:
        self.draining = closing.RESTARTING if restart else closing.DRAINING

    def glances(self) -> Iterable[Glance]:
        return self.live.glances()

    def is_draining(self) -> bool:
        return self.draining is not None

    def writers(self) -> Iterable[Any]:
        return []


@asynccontextmanager
async def client(
    relay: Relay,
    headers: Mapping[str, str] | None = None,
    *,
    address: str = "127.0.0.1",
    url: str = "http://localhost",
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of its admin application, without a connection.

    Args:
        relay: The relay.
        headers: What every request has.
        address: Where the client is.
        url: How it calls the listener.
    """
    transport = httpx.ASGITransport(application(relay), client=(address, 1))
    async with httpx.AsyncClient(transport=transport, base_url=url, headers=headers) as it:
        yield it


async def log_in(it: httpx.AsyncClient) -> dict[str, str]:
    """Log in as a page does; the client keeps the cookie, and gets what the page sends besides."""
    answer = await it.post("/api/login", json={"token": TOKEN})
    assert answer.status_code == 200
    return {"X-Relay": answer.json()["x_relay"]}
