"""``relay token``: makes gateway tokens."""

from __future__ import annotations

from typing import Annotated

import typer

from relay.config.model import checked_name
from relay.gateway_token import new_token, token_hash

__all__ = ["token_app"]

token_app = typer.Typer(no_args_is_help=True, help="Make gateway tokens.")


def _check_name(name: str) -> str:
    try:
        return checked_name(name)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


@token_app.command("new")
def token_new(
    name: Annotated[
        str, typer.Option(help="What logs and limits call its bearer.", callback=_check_name)
    ] = "web",
) -> None:
    """Make a gateway token.

    Prints two lines. The first is the token: give it to the client, and to nobody else. The second
    goes into the gateway's table of the configuration, which holds no more than the token's hash.
    """
    token = new_token()
    print(token)  # noqa: T201
    print(f'tokens = [{{ name = "{name}", sha256 = "{token_hash(token)}" }}]')  # noqa: T201
