"""``relay check``: what a configuration amounts to, and whether its providers can be reached."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated

import trio
import typer
from rich.console import Console
from rich.table import Table

from relay.cli.config_option import DEFAULT_CONFIG, ConfigOption, load_or_exit
from relay.config import load
from relay.dial import dial as dial_origin
from relay.protocol import Endpoint, Gateway, Origin, Provider, Refused
from relay.resumption import Resumption
from relay.settings import Settings
from relay.stopwatch import Stopwatch

__all__ = ["check", "content_notes", "dial_providers", "model_notes", "summary"]


def check(
    config: ConfigOption = DEFAULT_CONFIG,
    dial: Annotated[
        bool, typer.Option("--dial", help="Also resolve, connect to and verify each provider.")
    ] = False,
) -> None:
    """Check the configuration: say what it amounts to, or all that is wrong with it.

    Exit code 0: it can be served. 1: a provider could not be reached. 2: it cannot be used.
    """
    settings = load_or_exit(config, load)
    console = Console()
    for listener in settings.listeners:
        console.print(f"listen: {listener}", markup=False, soft_wrap=True)
    if settings.admin is not None:
        console.print(f"admin: {settings.admin.listener}", markup=False, soft_wrap=True)
    console.print(summary(settings))
    for note in (*content_notes(settings), *model_notes(settings)):
        console.print(note, soft_wrap=True, markup=False, highlight=False)
    if dial and not trio.run(dial_providers, settings, console):
        raise typer.Exit(1)


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
    """Resolve, connect to and verify every upstream of the providers that a gateway may use.

    Those behind a proxy are reached through it, as sessions do it.

    Returns:
        Whether all could be reached.
    """
    providers = _reachable(settings, settings.gateways.values())
    wanted = [(provider.name, origin) for provider in providers for origin in provider.origins]
    outcomes: dict[tuple[str, Origin], str] = {}
    failed = False

    async def try_one(name: str, origin: Origin) -> None:
        nonlocal failed
        started = trio.current_time()
        try:
            stream, _ = await dial_origin(
                origin,
                settings.trust[name],
                settings.proxies.get(name),
                settings.timeouts.connect,
                Resumption(),
                Stopwatch(),
            )
        except Refused as refused:
            failed = True
            outcomes[name, origin] = refused.message
        else:
            await trio.aclose_forcefully(stream)
            outcomes[name, origin] = f"in {(trio.current_time() - started) * 1000:.0f} ms"

    async with trio.open_nursery() as nursery:
        for each in wanted:
            nursery.start_soon(try_one, *each)
    table = Table(title="providers", title_justify="left")
    for column in ("provider", "origin", "reached"):
        table.add_column(column)
    for name, origin in wanted:
        table.add_row(name, f"{origin.scheme}://{origin.authority}", outcomes[name, origin])
    for provider in providers:
        if not provider.origins:
            table.add_row(provider.name, "-", "not tried: each customer has a host; set its url")
    console.print(table)
    return not failed


def content_notes(settings: Settings) -> Iterator[str]:
    """Which gateways let the operator read messages."""
    for gateway in settings.gateways.values():
        if gateway.tail_content:
            yield f"{gateway.name}: the operator may read what messages say (tail_content)"


def model_notes(settings: Settings) -> Iterator[str]:
    """What limits on models mean for endpoints where messages name the model, or nothing does."""
    for gateway in settings.gateways.values():
        if gateway.models is None and all(token.models is None for token in gateway.tokens):
            continue
        for title, applies in (
            ("sessions run in the message lane, which reads the model", _in_messages),
            ("refused, since no model is named", _never),
        ):
            paths = [
                f"{provider.name} {endpoint.path}"
                for provider in _reachable(settings, [gateway])
                for endpoint in provider.endpoints
                if applies(endpoint)
            ]
            if paths:
                yield f"{gateway.name}: where models are limited, {title}: {', '.join(paths)}"


def _in_messages(endpoint: Endpoint) -> bool:
    return bool(endpoint.message_models)


def _never(endpoint: Endpoint) -> bool:
    in_path = endpoint.fixed_model is not None or "{model" in endpoint.path
    return not (endpoint.model or in_path or endpoint.message_models)


def _reachable(settings: Settings, gateways: Iterable[Gateway]) -> list[Provider]:
    """The providers that one of these gateways allows, in the order of their names."""
    allowed = {
        provider.name: provider
        for provider in settings.providers.values()
        for gateway in gateways
        if gateway.providers is None or provider.name in gateway.providers
    }
    return [allowed[name] for name in sorted(allowed)]
