"""``relay check``: what a configuration amounts to, and whether its providers can be reached."""

from __future__ import annotations

import trio
from rich.console import Console
from rich.table import Table

from relay.dial import dial
from relay.protocol import Provider, Refused
from relay.resumption import Resumption
from relay.settings import Settings
from relay.stopwatch import Stopwatch

__all__ = ["dial_providers", "summary"]


def summary(settings: Settings) -> Table:
    """The gateways of a configuration, as a table."""
    table = Table(title="gateways", title_justify="left")
    for column in ("gateway", "authentication", "tokens", "providers", "lane"):
        table.add_column(column)
    for gateway in settings.gateways.values():
        table.add_row(
            gateway.name,
            "required" if gateway.authentication_required else "none",
            ", ".join(token.name for token in gateway.tokens) or "-",
            "all" if gateway.providers is None else ", ".join(sorted(gateway.providers)),
            "messages" if gateway.messages_lane else "verbatim",
        )
    return table


async def dial_providers(settings: Settings, console: Console) -> bool:
    """Resolve, connect to and verify every provider that a gateway may use.

    Returns:
        Whether all could be reached.
    """
    wanted = _reachable(settings)
    outcomes: dict[str, str] = {}
    seconds: dict[str, float] = {}

    async def try_one(provider: Provider) -> None:
        started = trio.current_time()
        try:
            trust = settings.trust[provider.name]
            stream = await dial(
                provider.origin, trust, settings.timeouts.connect, Resumption(), Stopwatch()
            )
        except Refused as refused:
            outcomes[provider.name] = refused.message
        else:
            await trio.aclose_forcefully(stream)
            seconds[provider.name] = trio.current_time() - started

    async with trio.open_nursery() as nursery:
        for provider in wanted:
            nursery.start_soon(try_one, provider)
    table = Table(title="providers", title_justify="left")
    for column in ("provider", "origin", "reached"):
        table.add_column(column)
    for provider in wanted:
        took = seconds.get(provider.name)
        table.add_row(
            provider.name,
            f"{provider.origin.scheme}://{provider.origin.authority}",
            f"in {took * 1000:.0f} ms" if took is not None else outcomes[provider.name],
        )
    console.print(table)
    return not outcomes


def _reachable(settings: Settings) -> list[Provider]:
    """The providers that some gateway allows, in the order of their names."""
    allowed = {
        provider.name: provider
        for provider in settings.providers.values()
        for gateway in settings.gateways.values()
        if gateway.providers is None or provider.name in gateway.providers
    }
    return [allowed[name] for name in sorted(allowed)]
