"""``relay tail``: which messages pass in a session, as they do."""

from __future__ import annotations

import json
import re
import sys
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from relay.cli.ask_relay import DEFAULT_URL, Ca, TokenFile, Url, ask_relay
from relay.printable import printable

if TYPE_CHECKING:  # httpx is not needed by other commands
    from relay.admin_client import AdminClient

__all__ = ["tail"]

_ID = re.compile(r"[0-9a-f-]{1,36}")
_WHOLE_ID = 36  # characters
_MOST = 1000  # sessions among which one is looked for
_STYLES = {"client": "cyan", "provider": "green"}


def _checked(session: str) -> str:
    if not _ID.fullmatch(session.lower()):
        raise typer.BadParameter("an id is of hexadecimal digits and hyphens")
    return session.lower()


def tail(
    session: Annotated[
        str, typer.Argument(help="A session's id, or the beginning of it.", callback=_checked)
    ],
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
    ca: Ca = None,
    content: Annotated[
        bool,
        typer.Option("--content", help="Also what texts say, if the gateway has tail_content."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the lines as they come.")] = False,
) -> None:
    """Show which messages pass in a live session, until it ends.

    A line says when one was whole, in seconds since the session opened, from whom it is, of which
    kind, and how many bytes it has.

    It asks the relay's admin listener (**[admin]** in its configuration). The operator's token
    comes from RELAY_ADMIN_TOKEN, from a file, or from you; never from the command line. With
    --content, secrets of the session are left out, and the relay logs who reads.

    Exit code 0: the session has ended, or Ctrl-C. 1: it cannot be read, or not to its end. 2: wrong
    options, or no token.
    """
    ask_relay(url, token_file, ca, partial(_tail, session=session, content=content, raw=as_json))


async def _tail(client: AdminClient, *, session: str, content: bool, raw: bool) -> None:
    """Print a tail.

    Raises:
        AdminError: There is none, or it breaks off.
    """
    from relay.admin_client import AdminError  # noqa: PLC0415

    if len(session) < _WHOLE_ID:
        session = await _whole_id(client, session)
    console = Console() if sys.stdout.isatty() else None
    path = f"/api/sessions/{session}/tail"
    last: dict[str, Any] = {}
    async with client.lines(path, {"content": "true"} if content else None) as lines:
        async for line in lines:
            try:
                last = json.loads(line)
                text = _text(last)
            except (ValueError, LookupError, TypeError, AttributeError):
                raise AdminError(f"{printable(client.url)} sends no tail of a session") from None
            if raw:
                print(line, flush=True)  # noqa: T201
            elif console is None:
                print(text, flush=True)  # noqa: T201
            else:
                console.print(text, soft_wrap=True)
    if "ended" not in last:
        raise AdminError("the relay has ended, or is about to")


async def _whole_id(client: AdminClient, beginning: str) -> str:
    """The id of the one live session whose id begins so.

    Raises:
        AdminError: There is none, or more than one.
    """
    from relay.admin_client import AdminError  # noqa: PLC0415

    answer = await client.get("/api/sessions/live", {"q": beginning, "limit": _MOST})
    try:
        matching = int(answer["matching"])
        ids = [str(row["id"]) for row in answer["sessions"]]
    except (LookupError, TypeError, ValueError):
        raise AdminError("the relay's list of sessions is of another version") from None
    found = [each for each in ids if each.startswith(beginning)]
    if not found:
        raise AdminError("no session of such an id is open")
    if len(found) > 1:
        count = f"at least {len(found):,}" if matching > _MOST else f"{len(found):,}"
        raise AdminError(f"{count} ids begin so: give more of it")
    return found[0]


def _text(line: dict[str, Any]) -> Text:
    """A line for people, without what could steer their terminal."""
    if "ended" in line:
        return Text(printable(line["ended"]), "bold")
    if "dropped" in line:
        return Text(f"{line['dropped']:,} messages were too many to be shown", "red")
    side, kind = printable(line["from"]), printable(line["kind"])
    text = Text()
    text.append(f"{line['at']:9.3f} s  ", "dim")
    text.append(f"{side:8}  ", _STYLES.get(side, ""))
    text.append(f"{kind:6}  ", "yellow" if kind == "close" else "")
    text.append(f"{line['bytes']:>9,}")
    if "content" in line:
        text.append(f"  {printable(line['content'])}")
    return text
