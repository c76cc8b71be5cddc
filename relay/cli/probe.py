"""``relay probe``: opens one session and prints each step; it shows what a browser cannot."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Annotated

import trio
import typer
from rich.console import Console
from rich.text import Text

from relay.cli.run_until_told import run_until_told
from relay.client import (
    ClientConnection,
    Closed,
    OpeningFailed,
    Rejected,
    WebSocketUrl,
    open_websocket,
    read_rejection,
    split_url,
)
from relay.link import peer_address
from relay.printable import printable
from relay.protocol import redact
from relay.tls import client_context

__all__ = ["probe", "run_probe"]

_CONNECT_TIMEOUT = 10.0  # seconds; for each of resolving, connecting and TLS
_ANSWER_TIMEOUT = 30.0  # longer than what a relay gives its provider to connect and to answer
_MESSAGE_TIMEOUT = 2.0
_CLOSE_TIMEOUT = 10.0  # longer than the client's own deadline
_SHOWN = 200  # characters of a message


class _Failed(Exception):  # noqa: N818 - an outcome
    """A step failed; the message says how, in one line or several."""


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
    fields = []
    for line in header or []:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise typer.BadParameter('a header is "Name: value"', param_hint="--header")
        fields.append((name.strip(), value.strip()))
    run_until_told(
        partial(
            run_probe, url, fields=fields, subprotocols=subprotocol or [], ca=ca, console=Console()
        )
    )


async def run_probe(
    url: str,
    *,
    fields: Sequence[tuple[str, str]] = (),
    subprotocols: Sequence[str] = (),
    ca: Path | None = None,
    console: Console,
) -> bool:
    """Open one session, wait for a first message, close it, and print each step as it happens.

    Args:
        url: What a client of the relay would open.
        fields: Further field lines of the request.
        subprotocols: The entries to offer.
        ca: A PEM file with trust roots besides the system's.
        console: Where to print.

    Returns:
        Whether the session opened and closed as it should; if not, the last line says why.
    """
    steps = _Steps(console)
    try:
        where, trust = _prepare(url, ca)
        steps.heading(f"probing {redact(url)}")
        await _resolve(where, steps)
        async with await _connect(where, steps) as transport:
            stream = await _start_tls(transport, where, trust, steps) if where.tls else transport
            connection = await _open(stream, where, fields, subprotocols, steps)
            await _await_message(connection, steps)
            await _close(connection, steps)
    except _Failed as failure:
        steps.outcome(str(failure))
        return False
    return True


class _Steps:
    """Prints steps, each with its name and the time it took."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._name = ""
        self._began = 0.0

    def heading(self, text: str) -> None:
        """Print a line that is no step."""
        self._console.print(Text(printable(text)), soft_wrap=True)

    @contextmanager
    def step(self, name: str, timeout: float) -> Iterator[None]:
        """Run a step, whose outcome is printed or raised inside.

        Raises:
            _Failed: Its deadline has passed.
        """
        self._name, self._began = name, trio.current_time()
        try:
            with trio.fail_after(timeout):
                yield
        except trio.TooSlowError:
            raise _Failed(f"nothing for {timeout:.0f} s") from None

    def outcome(self, text: str) -> None:
        """Print the outcome of the step that was begun last."""
        if not self._name:
            self.heading(text)
            return
        took = (trio.current_time() - self._began) * 1000
        margin = f"{took:8.1f} ms  {self._name:<8}  "
        for line in text.split("\n"):
            self.heading(margin + line)
            margin = " " * len(margin)


def _prepare(url: str, ca: Path | None) -> tuple[WebSocketUrl, ssl.SSLContext]:
    try:
        return split_url(url), client_context(ca)
    except ssl.SSLError:
        raise _Failed(f"{ca} holds no certificate") from None
    except OSError as error:
        raise _Failed(f"{ca}: {error.strerror}") from None
    except ValueError as error:
        raise _Failed(str(error)) from None


async def _resolve(where: WebSocketUrl, steps: _Steps) -> None:
    with steps.step("resolve", _CONNECT_TIMEOUT):
        try:
            found = await trio.socket.getaddrinfo(
                where.host, where.port, type=trio.socket.SOCK_STREAM
            )
        except trio.socket.gaierror as error:
            raise _Failed(f"{where.host} does not resolve: {error.strerror}") from None
        addresses = dict.fromkeys(str(address[0]) for *_, address in found)
        steps.outcome(f"{where.host} is {', '.join(addresses)}")


async def _connect(where: WebSocketUrl, steps: _Steps) -> trio.SocketStream:
    with steps.step("connect", _CONNECT_TIMEOUT):
        try:
            stream = await trio.open_tcp_stream(where.host, where.port)
        except OSError as error:
            raise _Failed(f"port {where.port}: {_reasons(error)}") from None
        try:
            steps.outcome(f"to {peer_address(stream)}, port {where.port}")
        except OSError:  # it has ended already, which the next step finds
            steps.outcome(f"to port {where.port}")
        return stream


def _reasons(error: OSError) -> str:
    """Why none of the addresses could be connected to."""
    group = error.__cause__
    attempts = group.exceptions if isinstance(group, BaseExceptionGroup) else (error,)
    numbers = [each.errno for each in attempts if isinstance(each, OSError) and each.errno]
    return ", ".join(os.strerror(number) for number in dict.fromkeys(numbers))


async def _start_tls(
    transport: trio.SocketStream, where: WebSocketUrl, trust: ssl.SSLContext, steps: _Steps
) -> trio.abc.Stream:
    with steps.step("TLS", _CONNECT_TIMEOUT):
        stream = trio.SSLStream(transport, trust, server_hostname=where.host, https_compatible=True)
        try:
            await stream.do_handshake()
        except trio.BrokenResourceError as error:
            raise _Failed(_tls_failure(error.__cause__)) from None
        issuer = stream.getpeercert()["issuer"]
        names = [value for line in issuer for _, value in line]
        alpn = stream.selected_alpn_protocol()
        steps.outcome(f"{stream.version()}, ALPN {alpn or 'none'}, issued by {', '.join(names)}")
        return stream


def _tls_failure(cause: BaseException | None) -> str:
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"the certificate is not valid: {cause.verify_message}"
    if isinstance(cause, ssl.SSLError) and cause.reason:
        return f"failed: {cause.reason.lower().replace('_', ' ')}"
    return "failed: the connection ended"


async def _open(
    stream: trio.abc.Stream,
    where: WebSocketUrl,
    fields: Sequence[tuple[str, str]],
    subprotocols: Sequence[str],
    steps: _Steps,
) -> ClientConnection:
    with steps.step("answer", _ANSWER_TIMEOUT):
        try:
            connection = await open_websocket(
                stream, where.authority, where.target, fields=fields, subprotocols=subprotocols
            )
        except Rejected as rejected:
            raise _Failed(_rejection(rejected)) from None
        except (OpeningFailed, ValueError) as error:
            raise _Failed(str(error)) from None
        entry = connection.subprotocol
        answered = "no subprotocol" if entry is None else f"subprotocol {_without_secret(entry)}"
        steps.outcome("\n".join([f"101, {answered}", *_log_id(connection.fields)]))
        return connection


def _without_secret(entry: str) -> str:
    """A subprotocol entry for people: what follows a prefix can be a credential."""
    prefix, dot, _ = entry.partition(".")
    return f"{prefix}{dot}..." if dot else entry


def _log_id(fields: Sequence[tuple[str, str]]) -> list[str]:
    return [f"{name} {value}" for name, value in fields if name == "cf-aig-log-id"]


def _rejection(rejected: Rejected) -> str:
    try:
        phrase = f" {HTTPStatus(rejected.status).phrase}"
    except ValueError:
        phrase = ""
    read = read_rejection(rejected)
    code = f" (code {read.code})" if read.code else ""
    status = [f"Proxy-Status {value}" for name, value in rejected.fields if name == "proxy-status"]
    message = f"{read.message}{code}" if read.message else "without a message"
    lines = [f"{rejected.status}{phrase}, from {read.source}", *status, *_log_id(rejected.fields)]
    return "\n".join([*lines, *message.splitlines()])


async def _await_message(connection: ClientConnection, steps: _Steps) -> None:
    with steps.step("message", _CLOSE_TIMEOUT):
        with trio.move_on_after(_MESSAGE_TIMEOUT):
            try:
                message = await connection.receive()
            except Closed:
                steps.outcome("none: the server has closed")
                return
            kind = "text" if isinstance(message, str) else "binary"
            shown = message if isinstance(message, str) else message.decode(errors="replace")
            size = len(message.encode() if isinstance(message, str) else message)
            steps.outcome(f"{kind}, {size} bytes\n{printable(shown[:_SHOWN])}")
            return
        steps.outcome(f"none for {_MESSAGE_TIMEOUT:.0f} s")


async def _close(connection: ClientConnection, steps: _Steps) -> None:
    with steps.step("close", _CLOSE_TIMEOUT):
        closed = await connection.close(1000)
        reason = f", {closed.reason}" if closed.reason else ""
        if closed.code == 1006:
            raise _Failed("no Close came back")
        if closed.code not in {None, 1000}:
            raise _Failed(f"{closed.code}{reason}")
        steps.outcome(f"{'without a code' if closed.code is None else closed.code}{reason}")
