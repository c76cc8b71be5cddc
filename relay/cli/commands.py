"""The ``relay`` command, and those that it has."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from relay.cli.check import check
from relay.cli.demo import demo
from relay.cli.probe import probe
from relay.cli.schema import schema
from relay.cli.serve import serve
from relay.cli.sessions import sessions
from relay.cli.tail import tail
from relay.cli.token import token_app
from relay.cli.top import top

__all__ = ["app", "main"]

app = typer.Typer(
    name="relay",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help=(
        "A self-hosted gateway for AI providers' realtime WebSocket APIs.\n\n"
        "Clients open **wss://HOST/v1/ACCOUNT/GATEWAY/PROVIDER**, or a native path below "
        "it; the relay authenticates them, dials the provider and carries both directions.\n\n"
        "Start with **relay demo**: it needs no keys and no configuration."
    ),
)
app.add_typer(token_app, name="token")
for command in (sessions, top, tail, serve, check, schema, demo, probe):
    app.command()(command)


def main() -> None:
    """Run the command line; the console script."""
    app()


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"relay {version('realtime-relay')}")  # noqa: T201
        raise typer.Exit


@app.callback()
def _common(
    _version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    pass
