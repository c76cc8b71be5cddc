"""``relay serve``: runs the relay, and obeys signals."""

from __future__ import annotations

import resource
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from enum import StrEnum
from functools import partial
from typing import Annotated

import trio
import typer

from relay import log
from relay.cli.config_option import DEFAULT_CONFIG, ConfigOption, load_or_exit
from relay.config.file import ConfigFile
from relay.dns import RememberingResolver
from relay.drivers.guest_mode import run_as_guest
from relay.drivers.reactor import Reactor
from relay.server import Server

__all__ = ["raise_open_file_limit", "serve"]


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


def serve(
    config: ConfigOption = DEFAULT_CONFIG,
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
    file = load_or_exit(config, ConfigFile)
    raise_open_file_limit()
    try:
        run_as_guest(partial(_serve_until_told, file, hangups))
    except* OSError as group:
        for error in _leaves(group):
            _say(f"relay: {_what_failed(error)}")
        raise typer.Exit(1) from None


def raise_open_file_limit() -> None:
    """Each session takes two descriptors: take as many as we may have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS has "unlimited", and grants less
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


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
