"""The ``relay`` command."""

from __future__ import annotations

import json
import resource
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from enum import StrEnum
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, TypeVar

import trio
import typer
from rich.console import Console

from relay import log
from relay.check import content_notes, dial_providers, model_notes, summary
from relay.cli.sessions import sessions
from relay.cli.tail import tail
from relay.cli.top import top
from relay.config import ConfigError, load
from relay.config.file import ConfigFile
from relay.config.model import checked_name
from relay.config.reference import schema
from relay.gateway_token import new_token, token_hash
from relay.host import run_as_guest
from relay.reactor import Reactor
from relay.resolver import RememberingResolver
from relay.server import Server

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
token_app = typer.Typer(no_args_is_help=True, help="Make gateway tokens.")
app.add_typer(token_app, name="token")
app.command()(sessions)
app.command()(top)
app.command()(tail)

ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", help="The configuration file.", show_default=True)
]


class LogFormat(StrEnum):
    """How log lines look."""

    AUTO = "auto"
    CONSOLE = "console"
    JSON = "json"


class LogLevel(StrEnum):
    """What is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


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


_T = TypeVar("_T")


def _load(config: Path, how: Callable[[Path], _T]) -> _T:
    try:
        return how(config)
    except ConfigError as error:
        print(error, file=sys.stderr)  # noqa: T201
        raise typer.Exit(2) from None


def raise_open_file_limit() -> None:
    """Each session takes two descriptors: take as many as we may have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS has "unlimited", and grants less
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@app.command()
def serve(
    config: ConfigOption = Path("relay.toml"),
    log_level: Annotated[LogLevel, typer.Option(help="The least severe level to log.")] = (
        LogLevel.INFO
    ),
    log_format: Annotated[
        LogFormat, typer.Option(help="auto: console on a terminal, else json.")
    ] = LogFormat.AUTO,
) -> None:
    """Run the relay.

    It is ready when it has printed one line "listening on URL" per listener to stderr; from then
    on GET /healthz answers 200.

    SIGHUP has it read the configuration again. New sessions go by it, open ones go on as they are.
    What cannot be used changes nothing; the log says what came of it.

    SIGTERM or Ctrl-C drains it: open sessions are closed with 1001, new ones get 503, and it ends
    after drain_timeout at the latest. A second one ends it at once.

    Exit code 0: it was told to end. 1: it could not listen. 2: the configuration cannot be used.
    """
    hangups: list[int] = []
    signal.signal(signal.SIGHUP, lambda number, _: hangups.append(number))
    auto = "console" if sys.stderr and sys.stderr.isatty() else "json"
    log.configure(log_level, json=(auto if log_format == "auto" else log_format) == "json")
    file = _load(config, ConfigFile)
    raise_open_file_limit()
    try:
        run_as_guest(partial(_serve_until_told, file, hangups))
    except* OSError as group:
        for error in _leaves(group):
            _say(f"relay: {_what_failed(error)}")
        raise typer.Exit(1) from None


async def _serve_until_told(file: ConfigFile, hangups: list[int], reactor: Reactor | None) -> None:
    """Serve until a signal ends it.

    Args:
        file: What it runs by.
        hangups: Gets each SIGHUP that comes too early, or too late, to be obeyed here.
        reactor: Drives the sessions.
    """
    trio.socket.set_custom_hostname_resolver(RememberingResolver())
    server = Server(file.settings, reactor)
    with (
        trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals,
        trio.open_signal_receiver(signal.SIGHUP) as reloads,
    ):
        if hangups:
            signal.raise_signal(signal.SIGHUP)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_obey, signals, server, nursery.cancel_scope)
            nursery.start_soon(_reload, reloads, file, server)
            async with trio.open_nursery() as running:
                await running.start(server.run)
                for address in server.admin_addresses:
                    _say(f"admin on {address}")
                for address in server.addresses:
                    _say(f"listening on {address}")
            nursery.cancel_scope.cancel()


def _say(line: str) -> None:
    """Print to stderr, if there is somebody to read it."""
    with suppress(OSError):
        if sys.stderr is not None:
            print(line, file=sys.stderr, flush=True)  # noqa: T201


async def _obey(signals: AsyncIterator[int], server: Server, everything: trio.CancelScope) -> None:
    """Drain at the first signal, end at the second."""
    await anext(signals)
    server.drain()
    await anext(signals)
    everything.cancel()


async def _reload(signals: AsyncIterator[int], file: ConfigFile, server: Server) -> None:
    """Reload at each signal; those that come meanwhile are one, and have their turn."""
    async for _ in signals:
        await file.reload(server)


def _leaves(group: ExceptionGroup[OSError]) -> Iterator[OSError]:
    for error in group.exceptions:
        if isinstance(error, ExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _what_failed(error: OSError) -> str:
    """What could not be opened or listened on, and why."""
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}"


@app.command()
def check(
    config: ConfigOption = Path("relay.toml"),
    dial: Annotated[
        bool, typer.Option("--dial", help="Also resolve, connect to and verify each provider.")
    ] = False,
) -> None:
    """Check the configuration: say what it amounts to, or all that is wrong with it.

    Exit code 0: it can be served. 1: a provider could not be reached. 2: it cannot be used.
    """
    settings = _load(config, load)
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


@app.command("schema")
def print_schema() -> None:
    """Print the JSON Schema of the configuration file, for editors."""
    print(json.dumps(schema(), indent=1))  # noqa: T201


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


@app.command()
def demo(
    once: Annotated[
        bool, typer.Option("--once", help="End after the conversations; exit 1 if one failed.")
    ] = False,
    http_port: Annotated[int, typer.Option(help="Port without TLS; a free one if taken.")] = 8080,
    https_port: Annotated[int, typer.Option(help="Port with TLS; a free one if taken.")] = 8443,
    admin_port: Annotated[int, typer.Option(help="Port of the page; a free one if taken.")] = 9464,
    live: Annotated[
        bool, typer.Option("--live", help="Then hold some varied sessions, to have a look at.")
    ] = False,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[PROVIDER=]FAULT",
            help="What a provider, or each, does wrong; may be repeated. See above.",
        ),
    ] = None,
) -> None:
    """Run the relay, doubles of four providers, and a conversation with each of them.

    Nothing leaves this machine and no keys are needed. Afterwards it prints how to connect from
    Node, Python and a browser, and the address of the page with its token, and serves until Ctrl-C.

    A provider with a fault has no conversation here: point your own program at it. The faults are

    - refuse:STATUS: refuse the opening with an HTTP status, from 200 to 599 (503)
    - hangup: end the connection in place of an answer to the opening
    - late:TIME: answer the opening only after a time (5s)
    - drop: end the connection (FIN) without a Close, between two frames
    - vanish: end the connection (FIN) without a Close, in the middle of a frame
    - reset: reset the connection (RST) in the middle of a frame
    - stall: keep the connection, but read nothing and send nothing more
    - slow:bytes=N,every=TIME: send some bytes (1) at a time, with pauses (100ms)
    - oversize:SIZE: send a binary message that is too big (33554433B, one byte over 32MiB)
    - utf8: send a text message that is not UTF-8, and go on
    - mask: send a masked frame, which a server must not, and go on
    - close:CODE REASON: send a Close with any code and reason, or an empty one

    Those from drop on may say after how many messages (drop:after=3; 1, but 0 for slow).
    """
    # trustme loads slowly
    from relay.demo import demo as run_demo  # noqa: PLC0415
    from relay.demo.faults import read_faults  # noqa: PLC0415

    if once and live:
        raise typer.BadParameter("--once ends what --live would hold", param_hint="--live")
    try:
        faults = read_faults(fault or [])
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--fault") from None
    log.configure("warning", json=False)
    _run_until_told(
        partial(
            run_demo,
            once=once,
            http_port=http_port,
            https_port=https_port,
            admin_port=admin_port,
            live=live,
            console=Console(),
            faults=faults,
        )
    )


@app.command()
def probe(
    url: Annotated[str, typer.Argument(help="wss://HOST/v1/ACCOUNT/GATEWAY/PROVIDER...")],
    header: Annotated[
        list[str] | None, typer.Option("--header", "-H", help='"Name: value"; may be repeated.')
    ] = None,
    subprotocol: Annotated[
        list[str] | None, typer.Option("--subprotocol", "-s", help="May be repeated.")
    ] = None,
    ca: Annotated[Path | None, typer.Option(help="A PEM file with a trust root.")] = None,
) -> None:
    """Open one session, and print each step with its time, or the refusal.

    A browser shows neither the status nor the body of a refused WebSocket; this does.
    """
    from relay.probe import probe as run_probe  # noqa: PLC0415 - only here

    fields = []
    for line in header or []:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise typer.BadParameter('a header is "Name: value"', param_hint="--header")
        fields.append((name.strip(), value.strip()))
    _run_until_told(
        partial(
            run_probe, url, fields=fields, subprotocols=subprotocol or [], ca=ca, console=Console()
        )
    )


def _run_until_told(run: Callable[[], Awaitable[bool]]) -> None:
    """Run a command until it returns or a signal ends it; exit with 1 if it returns False."""

    async def bounded() -> bool:
        succeeded = True
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_cancel_at_signal, signals, nursery.cancel_scope)
                succeeded = await run()
                nursery.cancel_scope.cancel()
        return succeeded

    if not trio.run(bounded):
        raise typer.Exit(1)


async def _cancel_at_signal(signals: AsyncIterator[int], everything: trio.CancelScope) -> None:
    await anext(signals)
    everything.cancel()
