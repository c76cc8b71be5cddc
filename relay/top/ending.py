"""Ending a session, if that is indeed meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.screen import Screen

from relay.admin_client import AdminClient, AdminError
from relay.records.session_record import SessionRecord
from relay.top.end_dialog import EndDialog
from relay.top.live import Session

__all__ = ["end"]


def end(
    screen: Screen[Any],
    client: AdminClient,
    session: Session | SessionRecord,
    done: Callable[[], None],
) -> None:
    """Ask, end it, and say what came of it.

    Args:
        screen: From which somebody wants it.
        client: Asks the relay.
        session: Which session.
        done: Called when the relay has agreed.
    """

    async def tell(reason: str) -> None:
        try:
            await client.post(f"/api/sessions/{session.id}/end", {"reason": reason})
        except AdminError as error:
            screen.notify(str(error), severity="error", markup=False)
            return
        screen.notify("its client is told so", title="The session ends", markup=False)
        done()

    def answered(reason: str | None) -> None:
        if reason is not None:
            screen.run_worker(tell(reason))

    screen.app.push_screen(EndDialog(session.id, _words(session)), answered)


def _words(session: Session | SessionRecord) -> str:
    who = session.token or session.client_address
    model = f", {session.model}" if session.model else ""
    return f"the session of {who} with {session.provider}{model}"
