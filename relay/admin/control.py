"""What the admin listener needs of a running relay."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from relay.last_hour import LastHour
from relay.live_sessions import LiveSessions
from relay.metrics import Metrics
from relay.protocol import Cause
from relay.records.filter import Filter
from relay.records.recent import Recent
from relay.records.session_record import SessionRecord
from relay.settings import Settings
from relay.tail import Tail

if TYPE_CHECKING:  # SQLAlchemy loads slowly
    from relay.records.totals import DayTotal

__all__ = ["Control", "History"]


class History(Protocol):
    """The store of records; called from threads."""

    def summaries(self, wanted: Filter, limit: int | None) -> list[SessionRecord]:
        """The newest that fit, the oldest of them first, without usage and turns."""

    def one(self, beginning: str) -> SessionRecord | None:
        """The one whose id begins so."""

    def totals(self, since: datetime, until: datetime) -> list[DayTotal]:
        """What was used and what it cost, by day, gateway and provider; the newest day first."""


class Control(Protocol):
    """A running relay."""

    @property
    def settings(self) -> Settings:
        """What it runs by now."""

    @property
    def metrics(self) -> Metrics | None:
        """What it counts."""

    @property
    def history(self) -> History | None:
        """The sessions that have ended; None if nobody keeps them."""

    @property
    def recent(self) -> Recent | None:
        """Those that ended last."""

    @property
    def draining(self) -> Cause | None:
        """Why no session may open any more; None while they may."""

    @property
    def live(self) -> LiveSessions:
        """The sessions that are open or being opened."""

    @property
    def last_hour(self) -> LastHour | None:
        """What happened in it."""

    def tail(self, session_id: str, *, content: bool) -> Tail | None:
        """Read which messages pass in one, and what they say; None if it is not open.

        Raises:
            TailRefusedError: There is no tail for another reason.
        """

    def drain(self, *, restart: bool = False) -> None:
        """Open no more sessions, end those that are open, and then the relay itself."""
