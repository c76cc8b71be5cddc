"""A relay that says of itself what a test wants, and its admin application."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx

from relay.admin.app import application
from relay.metrics import Metrics, Traffic
from relay.prices import Prices
from relay.protocol import Cause, closing
from relay.records.store import Filter
from relay.session_record import SessionRecord
from relay.settings import AdminSettings, Listener, Settings
from tests.playbook import settings

__all__ = ["BEARER", "PAGE", "SHA256", "TOKEN", "History", "Relay", "client", "with_admin"]

TOKEN = "rly_operator"
SHA256 = hashlib.sha256(TOKEN.encode()).digest()
BEARER = {"Authorization": f"Bearer {TOKEN}"}
PAGE = {"X-Relay": "1", "Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
"""What a page of the listener's own sends with its cookie."""
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

    def last(self, wanted: Filter, limit: int | None) -> list[SessionRecord]:
        if self.error is not None:
            raise self.error
        self.asked.append((wanted, limit))
        return self.records

    def one(self, beginning: str) -> SessionRecord | None:
        found = [each for each in self.records if each.id.startswith(beginning)]
        return found[0] if len(found) == 1 else None


@dataclass
class Relay:
    """A relay."""

    settings: Settings = field(default_factory=with_admin)
    metrics: Metrics | None = None
    history: History | None = None
    draining: Cause | None = None
    live: list[SessionRecord] = field(default_factory=list)
    ended: list[tuple[str, Cause]] = field(default_factory=list)

    def count(self) -> None:
        """Have metrics."""
        self.metrics = Metrics(self, Prices("test", {}))

    def live_sessions(self) -> Iterable[SessionRecord]:
        return list(self.live)

    def find_session(self, session_id: str) -> SessionRecord | None:
        return next((each for each in self.live if each.id == session_id), None)

    def end_session(self, session_id: str, cause: Cause) -> bool:
        if self.find_session(session_id) is None:
            return False
        self.ended.append((session_id, cause))
        return True

    def drain(self, *, restart: bool = False) -> None:
        self.draining = closing.RESTARTING if restart else closing.DRAINING

    def traffic(self) -> Iterable[Traffic]:
        return []

    def is_draining(self) -> bool:
        return self.draining is not None

    def sinks(self) -> Iterable[Any]:
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
