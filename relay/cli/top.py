"""``relay top``: live sessions in the terminal."""

from __future__ import annotations

import sys
from functools import partial
from typing import Annotated

import typer
from rich.console import Console

from relay.cli.ask_relay import DEFAULT_URL, Ca, TokenFile, Url, ask_relay

__all__ = ["top"]

_WIDE = 1000  # columns, for programs that read lines


def top(
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
    ca: Ca = None,
    interval: Annotated[
        float, typer.Option(min=0.2, help="Seconds between two looks at the relay.")
    ] = 2.0,
    once: Annotated[
        bool, typer.Option("--once", help="Print the table once; so it does into a pipe.")
    ] = False,
) -> None:
    """Show the live sessions of a running relay, and end one.

    It asks the relay's admin listener (**[admin]** in its configuration). The operator's token
    comes from RELAY_ADMIN_TOKEN, from a file, or from you; never from the command line.

    ? says what the keys do. Exit code 1: the relay cannot be asked. 2: wrong options, or no token.
    """
    from relay.top import top as run_top  # noqa: PLC0415 - Textual loads slowly

    is_terminal = sys.stdout.isatty()
    console = Console(width=None if is_terminal else _WIDE)
    show = partial(run_top, console=console, interval=interval, once=once or not is_terminal)
    ask_relay(url, token_file, ca, show)
