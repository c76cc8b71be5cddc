"""``relay top``: the live sessions of a running relay, in the terminal.

Loaded by that command alone, and run on asyncio, as Textual is.
"""

from __future__ import annotations

from rich.console import Console

from relay.admin_client import AdminClient
from relay.top.app import Top
from relay.top.live import Query
from relay.top.look import look
from relay.top.once import once as shown_once

__all__ = ["top"]

_ALL = Query(limit=10_000)  # as many as the admin API gives


async def top(client: AdminClient, console: Console, *, interval: float, once: bool) -> None:
    """Show live sessions.

    Args:
        client: Asks the relay.
        console: Where to print them once.
        interval: Seconds between two looks.
        once: Print them once; else show them until the user has enough.

    Raises:
        AdminError: The relay does not say which they are, at the first look, or knows the token
            no more.
    """
    first = await look(client, _ALL if once else Query())
    if once:
        console.print(shown_once(first.live, draining=first.draining), soft_wrap=True)
        return
    app = Top(client, first, interval)
    await app.run_async()
    if app.failure is not None:
        raise app.failure
