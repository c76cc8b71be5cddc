"""What the admin listener needs of a running relay."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from relay.metrics import Metrics
from relay.protocol import Cause
from relay.session_record import SessionRecord
from relay.settings import Settings

if TYPE_CHECKING:  # SQLAlchemy loads slowly
    from relay.records.store import Filter

__all__ = ["Control", "History"]


class History(Protocol):
    """The store of records; called from threads."""

    def last(self, wanted: Filter, limit: int | None) -> list[SessionRecord]:
        """The newest that fit, the oldest of them first."""

    def one(self, beginning: str) -> SessionRecord | None:
        """The one whose id begins so."""


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
    def draining(self) -> Cause | None:
        """Why no session may open any more; None while they may."""

    def live_sessions(self) -> Iterable[SessionRecord]:
        """What is known of each open session until now.

        There may be thousands, so others have their turn in between: what is iterated over may not
        be what sessions come to and leave.
        """

    def find_session(self, session_id: str) -> SessionRecord | None:
        """The same of one; None if it is not open."""

    def end_session(self, session_id: str, cause: Cause) -> bool:
        """End one; False if it is not open."""

    def drain(self, *, restart: bool = False) -> None:
        """Open no more sessions, end those that are open, and then the relay itself."""
