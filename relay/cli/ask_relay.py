"""What commands that ask a running relay have in common: where it is, and the operator's token."""

from __future__ import annotations

import asyncio
import getpass
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from relay.protocol import Secret

if TYPE_CHECKING:  # httpx is not needed by other commands
    from relay.admin_client import AdminClient

__all__ = ["DEFAULT_URL", "Ca", "TokenFile", "Url", "ask_relay"]

DEFAULT_URL = "http://127.0.0.1:9464"
_TOKEN = "RELAY_ADMIN_TOKEN"  # noqa: S105 - its name  # nosec B105

Url = Annotated[
    str,
    typer.Option(
        "--url", envvar="RELAY_ADMIN_URL", help="The admin listener; also unix:PATH.", metavar="URL"
    ),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(help=f"A file with the operator's token, in place of {_TOKEN}."),
]
Ca = Annotated[Path | None, typer.Option(help="A PEM file with a trust root.")]


def ask_relay(
    url: str,
    token_file: Path | None,
    ca: Path | None,
    ask: Callable[[AdminClient], Awaitable[None]],
) -> None:
    """Run a command against a relay's admin listener, on asyncio, until it ends or Ctrl-C.

    The token comes from the file, or from the environment, or from whoever sits at the terminal;
    never from the command line, which others see.

    Args:
        url: Where the listener is.
        token_file: A file that has the token and nothing else.
        ca: A PEM file with a trust root.
        ask: The command.

    Raises:
        typer.Exit: 1 if it fails, which is said on stderr; 2 if it cannot even begin.
    """
    from relay.admin_client import AdminClient, AdminError  # noqa: PLC0415

    token = _token(token_file)

    async def main() -> None:
        async with client:
            await ask(client)

    try:
        client = AdminClient(url, token, ca=ca)
    except ValueError as error:
        _fail(f"{url}: {error}", 2)
    try:
        asyncio.run(main())
    except AdminError as error:
        _fail(str(error), 1)
    except (KeyboardInterrupt, BrokenPipeError):
        raise typer.Exit(0) from None


def _token(file: Path | None) -> Secret:
    if file is not None:
        try:
            return Secret(file.read_bytes().strip())
        except OSError as error:
            _fail(f"{file}: {error.strerror}", 2)
    if value := os.environ.get(_TOKEN):
        return Secret(value.strip().encode(errors="replace"))
    if not sys.stdin.isatty():
        _fail(f"no token: set {_TOKEN}, or give --token-file", 2)
    try:
        return Secret(getpass.getpass("The operator's token: ").strip().encode(errors="replace"))
    except (EOFError, KeyboardInterrupt):
        raise typer.Exit(1) from None


def _fail(sentence: str, code: int) -> NoReturn:
    print(sentence, file=sys.stderr)  # noqa: T201
    raise typer.Exit(code)
