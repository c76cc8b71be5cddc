"""One look at a relay."""

from __future__ import annotations

from typing import NamedTuple

from relay.admin_client import AdminClient, AdminError
from relay.top.live import Live, Query, read_live

__all__ = ["Look", "look"]


class Look(NamedTuple):
    """What was seen."""

    live: Live
    draining: bool


async def look(client: AdminClient, query: Query, before: Live | None = None) -> Look:
    """Ask for the live sessions, and whether more may open.

    Args:
        client: Asks the relay.
        query: Which sessions to show.
        before: What was seen the last time, for the rates.

    Raises:
        AdminError: The relay does not say.
    """
    answer = await client.get("/api/sessions/live", query.parameters())
    try:
        live = read_live(answer, before)
    except ValueError as error:
        raise AdminError(f"{client.url}: {error}") from None
    return Look(live, await client.is_draining())
