"""``relay sessions``: what the store knows."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from relay.cli.config_option import DEFAULT_CONFIG, ConfigOption, load_or_exit
from relay.config.loading import ConfigError, read
from relay.records.filter import Filter
from relay.records.session_record import Outcome, SessionRecord

if TYPE_CHECKING:  # SQLAlchemy loads slowly
    from sqlalchemy import URL

    from relay.records.store import Store

__all__ = ["sessions"]

_LOOK_EVERY = 1.0  # seconds
_WIDE = 1000  # columns, for programs that read lines
_LOOK_BACK = 500  # sessions that may end within that time
_AGO = re.compile(r"([0-9]{1,6})(s|m|h|d)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Format(StrEnum):
    """How records are shown."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def _moment(text: str) -> datetime:
    """A moment: so long ago, or a date, or a date and time; UTC where no offset says otherwise."""
    if match := _AGO.fullmatch(text):
        return datetime.now(UTC) - timedelta(**{_UNITS[match[2]]: int(match[1])})
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            'must be such as "90m", "24h", "7d", 2026-11-22 or 2026-11-22T12:00:00Z'
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def sessions(
    session: Annotated[
        str | None, typer.Argument(help="The beginning of one's id: show all of it.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    gateway: Annotated[str | None, typer.Option(help="Only this gateway.")] = None,
    provider: Annotated[str | None, typer.Option(help="Only this provider.")] = None,
    model: Annotated[str | None, typer.Option(help="Only this model.")] = None,
    token: Annotated[str | None, typer.Option(help="Only the token of this name.")] = None,
    client: Annotated[str | None, typer.Option(help="Only this client's address.")] = None,
    outcome: Annotated[Outcome | None, typer.Option(help="Only what became of it.")] = None,
    ended_by: Annotated[
        str | None, typer.Option(help="client, provider or relay.", show_default=False)
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(parser=_moment, metavar="WHEN", help="Begun then or later: 24h, 2026-11-22."),
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(parser=_moment, metavar="WHEN", help="Begun before.")
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="The newest so many; 0 for all.")] = 20,
    show: Annotated[Format, typer.Option("--format", help="How to show them.")] = Format.TABLE,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with those that end from now on.")
    ] = False,
) -> None:
    """List sessions that have ended, or show one with its timeline.

    They come from the store that the configuration names under **[records]**. Those that are
    still open are not in it.
    """
    from relay.records.store import StoreError  # noqa: PLC0415

    wanted = Filter(
        gateway=gateway,
        provider=provider,
        model=model,
        token=token,
        client_address=client,
        outcome=outcome,
        ended_by=ended_by,
        since=since,
        until=until,
    )
    console = Console(width=None if sys.stdout.isatty() else _WIDE)
    try:
        with closing(_store(config)) as store:
            if session is not None:
                _show_one(console, store, session, show)
                return
            found = store.last(wanted, limit or None)
            _show(console, found, show, header=True)
            if follow:
                for each in _following(store, wanted, found):
                    _show(console, [each], show, header=False)
    except StoreError as error:
        print(f"the store: {error}", file=sys.stderr)  # noqa: T201
        raise typer.Exit(1) from None
    except (KeyboardInterrupt, BrokenPipeError):
        raise typer.Exit(0) from None


def _store(config: Path) -> Store:
    """The store, by what the configuration says of it; keys of providers are not looked for."""
    from relay.records.store import Store  # noqa: PLC0415

    return Store(load_or_exit(config, _url))


def _url(config: Path) -> URL:
    """Where the store is.

    Raises:
        ConfigError: The configuration does not say, or there is none yet.
    """
    from relay.config.records import record_settings  # noqa: PLC0415

    problems: list[str] = []
    url = None
    model = read(config)
    if model.records is not None:
        url = record_settings(
            model.records,
            config.parent,
            lambda where, what: problems.append(f"{where}: {what}"),
            inline_secrets=model.server.allow_inline_secrets,
        ).store
    if url is None:
        raise ConfigError(config, problems or ["[records] names no store"])
    if url.drivername == "sqlite" and not Path(str(url.database)).exists():
        raise ConfigError(config, [f"{url.database}: there is no store yet"])
    return url


def _show_one(console: Console, store: Store, session: str, show: Format) -> None:
    from relay.records.listing import details  # noqa: PLC0415

    record = store.one(session.lower())
    if record is None:
        print("there is no session, or more than one, of such an id", file=sys.stderr)  # noqa: T201
        raise typer.Exit(1)
    if show is Format.TABLE:
        console.print(details(record), soft_wrap=True)
    else:
        _show(console, [record], show, header=True)


def _show(console: Console, records: list[SessionRecord], show: Format, *, header: bool) -> None:
    from relay.records.listing import CSV_HEADER, as_csv, as_json, table  # noqa: PLC0415

    if show is Format.TABLE:
        shown = table(records)
        shown.show_header = header
        console.print(shown, soft_wrap=True)
        return
    if header and show is Format.CSV:
        print(CSV_HEADER)  # noqa: T201
    for record in records:
        print(as_csv(record) if show is Format.CSV else as_json(record), flush=True)  # noqa: T201


def _following(store: Store, wanted: Filter, shown: list[SessionRecord]) -> Iterator[SessionRecord]:
    """Those that come, each once."""
    known = {record.id for record in store.last(wanted, _LOOK_BACK)} | {each.id for each in shown}
    while True:
        time.sleep(_LOOK_EVERY)
        found = store.last(wanted, _LOOK_BACK)
        yield from (record for record in found if record.id not in known)
        known = {record.id for record in found}
