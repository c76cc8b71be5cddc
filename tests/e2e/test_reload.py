"""``relay serve`` is told by SIGHUP to read its configuration again, with sessions open."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from relay.protocol.frames import BINARY, TEXT
from relay.testing.frames import Frame
from relay.testing.handshakes import upgrade
from tests.certificates import client_context, write_pem
from tests.config.files import OPEN_GATEWAY
from tests.loopback import close_session, echo
from tests.serving import Relay, get, relay
from tests.support import AWAY, Peer, real_clock

OLD, NEW = "rly_old", "rly_new"
TARGET = "/v1/acct/main/openai?model=m"
ANYTHING = bytes(range(256)) * 300  # more than is read at once


class World:
    """A configuration file, the provider that it names, and the relay that runs by it.

    Args:
        folder: Where the file is.
        provider: The provider's port.
    """

    def __init__(self, folder: Path, provider: int) -> None:
        self.folder = folder
        self._provider = provider
        self.relay: Relay
        self.port = 0

    def text(self, *tokens: str, tls: str = ".", limits: str = "", listen: str = "") -> str:
        """A configuration with these tokens, and the certificate in that folder."""
        known = (
            f'{{ name = "{each}", sha256 = "{hashlib.sha256(each.encode()).hexdigest()}" }}'
            for each in tokens
        )
        return f"""
[server]
listen = ["https://127.0.0.1:0", {listen}]
tls = {{ certificate = "{tls}/cert.pem", key = "{tls}/key.pem" }}
[limits]
{limits}
[gateways."acct/main"]
tokens = [{", ".join(known)}]
[providers.openai]
url = "ws://127.0.0.1:{self._provider}"
"""

    async def reload(self, text: str) -> list[dict[str, Any]]:
        """Have the relay read another file; what it logs of that."""
        (self.folder / "relay.toml").write_text(text)
        self.relay.tell(signal.SIGHUP)
        lines = [await self.next_line()]
        while lines[-1]["level"] == "warning":
            lines.append(await self.next_line())
        return lines

    async def next_line(self) -> dict[str, Any]:
        """The next that the relay logs, and that is not about a session."""
        while True:
            line: dict[str, Any] = json.loads(await self.relay.line())
            if "session" not in line:
                return line

    async def ask(self, token: str) -> tuple[int, Peer]:
        """The status of an opening with that token, and its client."""
        stream = await trio.open_ssl_over_tcp_stream(
            "localhost", self.port, ssl_context=client_context(), https_compatible=True
        )
        lines = "Authorization: Bearer sk-of-the-client", f"cf-aig-authorization: {token}"
        await stream.send_all(upgrade(TARGET, *lines))
        client, head = Peer(stream, masks=True), b""
        while not head.endswith(b"\r\n\r\n"):
            head += await client.receive_bytes(1)
        return int(head.split()[1]), client

    async def status(self, token: str) -> int:
        """The status alone."""
        status, client = await self.ask(token)
        if status == 101:
            await close_session(client)
        await trio.aclose_forcefully(client.stream)
        return status


@asynccontextmanager
async def world(folder: Path, *tokens: str, limits: str = "") -> AsyncIterator[World]:
    """A relay that knows these tokens, in front of a provider that echoes."""
    write_pem(folder, "localhost", "127.0.0.1")
    (provider,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, echo, [provider])
        its = World(folder, provider.socket.getsockname()[1])
        async with relay(folder, its.text(*tokens, limits=limits)) as its.relay:
            (url,) = await its.relay.ready()
            its.port = int(url.rpartition(":")[2])
            yield its
        nursery.cancel_scope.cancel()


async def is_echoed(client: Peer) -> None:
    """Whether a session is carried, byte for byte."""
    for frame in (Frame(TEXT, b"hello"), Frame(BINARY, ANYTHING)):
        await client.send(frame)
        assert await client.receive() == frame


def certificate(client: Peer) -> object:
    """What the relay showed."""
    assert isinstance(client.stream, trio.SSLStream)
    return client.stream.getpeercert(binary_form=True)


@real_clock
async def test_a_revoked_token_opens_nothing_and_what_is_open_goes_on(tmp_path: Path) -> None:
    async with world(tmp_path, OLD) as its:
        status, client = await its.ask(OLD)
        assert status == 101
        assert await its.status(NEW) == 401
        (line,) = await its.reload(its.text(NEW))
        assert (line["event"], line["level"]) == ("configuration reloaded", "info")
        assert line["changed"] == ['gateways."acct/main".tokens']
        assert (await its.status(OLD), await its.status(NEW)) == (401, 101)
        await is_echoed(client)
        await close_session(client)
        its.relay.tell(signal.SIGTERM)
        assert "Traceback" not in "".join(await its.relay.rest())
        assert await its.relay.process.wait() == 0


@real_clock
async def test_another_certificate_is_for_new_connections(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    write_pem(tmp_path / "other", "localhost")
    async with world(tmp_path, OLD) as its:
        _, before = await its.ask(OLD)
        (line,) = await its.reload(its.text(OLD, tls="other"))
        assert line["changed"] == ["server.tls.certificate", "server.tls.key"]
        _, after = await its.ask(OLD)
        assert certificate(before) != certificate(after)
        for client in (before, after):
            await is_echoed(client)
            await close_session(client)


@real_clock
async def test_a_file_that_cannot_be_used_changes_nothing(tmp_path: Path) -> None:
    async with world(tmp_path, OLD) as its:
        _, client = await its.ask(OLD)
        for text, problem in (
            (f"{its.text(NEW)}[limit]\n", "limit: unknown key (did you mean limits?)"),
            (its.text(NEW, tls="gone"), f"server.tls: {tmp_path}/gone/cert.pem: No such file"),
            ("[[", "this is not TOML: "),
        ):
            (line,) = await its.reload(text)
            assert (line["event"], line["level"]) == ("configuration not reloaded", "error")
            assert line["file"] == f"{tmp_path}/relay.toml"
            assert line["problem"].startswith(problem)
            assert (await its.status(OLD), await its.status(NEW)) == (101, 401)
        await is_echoed(client)
        await close_session(client)
        (line,) = await its.reload(its.text(NEW))
        assert line["event"] == "configuration reloaded"
        assert (await its.status(OLD), await its.status(NEW)) == (401, 101)


@real_clock
async def test_another_listener_takes_a_restart(tmp_path: Path) -> None:
    async with world(tmp_path, OLD) as its:
        warning, line = await its.reload(its.text(NEW, listen='"unix:relay.sock"'))
        assert warning["event"] == "listeners are changed by a restart alone"
        assert warning["running"] == ["https://127.0.0.1:0"]
        assert warning["wanted"] == ["https://127.0.0.1:0", f"unix:{tmp_path}/relay.sock"]
        assert line["changed"] == ["server.listen", 'gateways."acct/main".tokens']
        assert await its.status(NEW) == 101
        assert not (tmp_path / "relay.sock").exists()


@real_clock
async def test_signals_in_a_row_are_served_one_after_the_other(tmp_path: Path) -> None:
    async with world(tmp_path, OLD) as its:
        for number in range(10):
            (tmp_path / "relay.toml").write_text(its.text(OLD if number % 2 else NEW))
            its.relay.tell(signal.SIGHUP)
        await its.reload(its.text(OLD, NEW))
        while (await its.status(OLD), await its.status(NEW)) != (101, 101):
            await its.next_line()  # there is one for each that is still to be served


@real_clock
async def test_during_a_drain_nothing_changes(tmp_path: Path) -> None:
    async with world(tmp_path, OLD, limits='close_timeout = "1h"') as its:
        _, client = await its.ask(OLD)
        its.relay.tell(signal.SIGTERM)
        assert await client.receive() == AWAY
        (line,) = await its.reload(its.text(NEW, limits='drain_timeout = "0s"'))
        assert line["problem"] == "the relay is draining"
        await client.send(AWAY)
        await client.end()
        await its.relay.rest()
        assert await its.relay.process.wait() == 0


@real_clock
async def test_a_signal_that_comes_before_it_listens_is_obeyed_when_it_does(
    tmp_path: Path,
) -> None:
    """The file is a pipe: what opens it to write knows that it is being read."""
    text = f'server.listen = ["unix:relay.sock"]\n{OPEN_GATEWAY}'
    pipe = tmp_path / "relay.toml"
    os.mkfifo(pipe)
    async with relay(tmp_path, None) as running:
        with await trio.to_thread.run_sync(pipe.open, "w", abandon_on_cancel=True) as writing:
            running.tell(signal.SIGHUP)
            writing.write(text)
        await running.ready()
        more = f"{text}[limits]\nidle_timeout = '1s'\n"
        await trio.to_thread.run_sync(pipe.write_text, more, abandon_on_cancel=True)
        assert json.loads(await running.line())["changed"] == ["limits.idle_timeout"]
        stream = await trio.open_unix_socket(tmp_path / "relay.sock")
        assert await get(stream, "/healthz") == (200, b"ok\n")
