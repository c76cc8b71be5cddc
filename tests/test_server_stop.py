"""How a relay stops: draining over real sockets, the hard end, and cancellation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import trio

from relay.protocol import Timeouts
from relay.server import Server
from relay.settings import Listener
from relay.testing.frames import close
from relay.testing.handshakes import head, upgrade
from relay.tls import ServerTls
from tests.certificates import write_pem
from tests.loopback import HTTP, close_session, in_plain_and_tls, running
from tests.played_session import CREDENTIAL, TARGET, settings
from tests.support import AWAY, real_clock


@pytest.fixture
def tls(tmp_path: Path) -> ServerTls:
    return ServerTls(*write_pem(tmp_path, "relay.test"))


@in_plain_and_tls
@real_clock
async def test_while_a_session_closes_new_ones_get_503_and_then_it_ends(
    listener: Listener, tls: ServerTls
) -> None:
    async with running(listener, tls=tls, timeouts=Timeouts(close=600, drain=600)) as it:
        client = await it.open()
        assert await it.status(head("/readyz")) == 200
        it.server.drain()
        assert await client.receive() == AWAY
        assert await it.status(upgrade(TARGET, CREDENTIAL)) == 503
        assert await it.status(head("/readyz")) == 503
        assert await it.status(head("/healthz")) == 200
        assert not it.ended.is_set()
        await client.send(AWAY)
        assert await client.receive_rest() == b""
        await client.end()
        await it.ended.wait()
        with pytest.raises(OSError, match="all attempts to connect"):
            await it.connect()


@real_clock
async def test_a_restart_says_so() -> None:
    async with running(HTTP) as it:
        client = await it.open()
        it.server.drain(restart=True)
        assert await client.answer_close() == close(1012, "service restart")
        await client.end()
        await it.ended.wait()


@real_clock
async def test_what_does_not_end_is_cut_off_at_the_drain_timeout() -> None:
    async with running(HTTP, timeouts=Timeouts(close=600, drain=0.05)) as it:
        clients = [await it.open() for _ in range(3)]
        it.server.drain()
        await it.ended.wait()
        assert it.server.quotas.open == 0
        for client in clients:
            assert await client.receive() == AWAY
            assert await client.receive_rest() == b""
            await client.end()


@real_clock
async def test_without_sessions_it_ends_at_once() -> None:
    async with running(HTTP) as it:
        await close_session(await it.open())
        it.server.drain()
        it.server.drain(restart=True)
        await it.ended.wait()


@real_clock
async def test_a_server_that_was_told_to_drain_before_it_ran() -> None:
    server = Server(replace(settings(), listeners=(HTTP,)))
    server.drain()
    await server.run()


def test_cancellation_ends_sessions_and_removes_the_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "relay.sock"

    @real_clock
    async def main() -> None:
        async with running(HTTP, Listener("unix", str(path))) as it:
            clients = [await it.open(index) for index in (0, 1)]
            assert path.exists()
        assert it.server.quotas.open == 0
        for client in clients:
            assert await client.receive_rest() == b""
            await client.end()

    main()
    assert not path.exists()


@in_plain_and_tls
@real_clock
async def test_it_does_not_wait_for_connections_that_say_nothing(
    listener: Listener, tls: ServerTls
) -> None:
    """Neither for those that were there, nor for those that come while a session ends."""
    timeouts = Timeouts(opening=600, close=600, drain=600)
    async with running(listener, tls=tls, timeouts=timeouts) as it:
        client = await it.open()
        silent = await it.connect()
        if isinstance(silent.stream, trio.SSLStream):
            await silent.stream.do_handshake()
        while not it.server.openings.silent:
            await trio.lowlevel.checkpoint()
        it.server.drain()
        assert await silent.receive_rest() == b""
        late = await it.connect()
        while not it.server.openings.silent:
            await trio.lowlevel.checkpoint()
        assert not it.ended.is_set()
        assert await client.answer_close() == AWAY
        assert await client.receive_rest() == b""
        await client.end()
        await it.ended.wait()
        for each in (silent, late):
            await trio.aclose_forcefully(each.stream)
