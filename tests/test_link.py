"""Ending connections in the right way, and knowing who is at the other end."""

from __future__ import annotations

import errno
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_address

import pytest
import trio
from trio.testing import memory_stream_pair, wait_all_tasks_blocked

from relay import link
from relay.protocol import parse_address
from tests.certificates import client_context, server_context
from tests.support import Leg, trio_test

SERVER_TLS = server_context("relay.test")


async def tcp_pair(host: str = "127.0.0.1") -> tuple[trio.SocketStream, trio.SocketStream]:
    (listener,) = await trio.open_tcp_listeners(0, host=host)
    async with listener:
        theirs = await trio.open_tcp_stream(*listener.socket.getsockname()[:2])
        return await listener.accept(), theirs


async def unix_pair() -> tuple[trio.SocketStream, trio.SocketStream]:
    ours, theirs = trio.socket.socketpair()
    return trio.SocketStream(ours), trio.SocketStream(theirs)


async def shake_hands(
    ours: trio.abc.Stream, theirs: trio.abc.Stream
) -> tuple[trio.SSLStream[trio.abc.Stream], trio.SSLStream[trio.abc.Stream]]:
    """Both ends of a connection, with TLS done."""
    server = trio.SSLStream(ours, SERVER_TLS, server_side=True, https_compatible=True)
    client = trio.SSLStream(
        theirs, client_context(), server_hostname="relay.test", https_compatible=True
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.do_handshake)
        nursery.start_soon(client.do_handshake)
    return server, client


# Reading


@trio_test
async def test_a_connection_that_broke_or_was_closed_has_ended() -> None:
    ours, theirs = await tcp_pair()
    await link.reset(theirs)
    assert await link.receive(ours) == b""
    await ours.aclose()
    assert await link.receive(ours) == b""


@trio_test
async def test_no_more_is_read_than_was_asked_for() -> None:
    ours, theirs = memory_stream_pair()
    await theirs.send_all(b"x" * (link.CHUNK + 4))
    assert len(await link.receive(ours)) == link.CHUNK
    assert await link.receive(ours, 3) == b"xxx"
    received = await link.receive(ours)
    assert received == b"x"
    assert isinstance(received, bytes)  # what the core takes


# Ending


@asynccontextmanager
async def finishing(stream: trio.abc.Stream) -> AsyncIterator[Callable[[], bool]]:
    """The stream is being ended; gives whether it has been."""
    ended = False

    async def finish() -> None:
        nonlocal ended
        await link.finish_sending(stream)
        ended = True

    async with trio.open_nursery() as nursery:
        nursery.start_soon(finish)
        yield lambda: ended


@trio_test
async def test_the_peer_reads_everything_before_the_connection_ends() -> None:
    ours, theirs = await tcp_pair()
    await theirs.send_all(b"unread" * 1000)
    await ours.send_all(b"last words")
    async with finishing(ours) as ended:
        assert await theirs.receive_some() == b"last words"
        assert await theirs.receive_some() == b""
        await theirs.send_all(b"and another thing" * 1000)
        await wait_all_tasks_blocked()
        assert not ended()
        await theirs.aclose()
    assert ours.socket.fileno() == -1


@trio_test
async def test_a_peer_that_is_gone_is_not_waited_for() -> None:
    ours, theirs = await tcp_pair()
    await link.reset(theirs)
    await link.finish_sending(ours)
    assert ours.socket.fileno() == -1


@trio_test
async def test_with_tls_the_peer_sees_an_orderly_end_and_the_socket_is_closed() -> None:
    ours, theirs = memory_stream_pair()
    transport = Leg(ours)
    server, client = await shake_hands(transport, theirs)
    await server.send_all(b"last words")
    async with finishing(server) as ended:
        assert await client.receive_some() == b"last words"
        assert await client.receive_some() == b""
        await wait_all_tasks_blocked()
        assert not ended()
        await client.unwrap()  # it is done, too: nothing is left to wait for
    assert transport.closed


@pytest.mark.parametrize("answers", [True, False])
@trio_test
async def test_with_tls_what_the_peer_still_sends_is_read_and_dropped(answers: bool) -> None:
    ours, theirs = memory_stream_pair()
    transport = Leg(ours)
    server, client = await shake_hands(transport, theirs)
    await client.send_all(b"a second request")
    async with finishing(server) as ended:
        assert await client.receive_some() == b""
        await client.send_all(b"and a third")
        await wait_all_tasks_blocked()
        assert not ended()
        assert not transport.closed
        if answers:
            await client.unwrap()
        await theirs.aclose()
    assert transport.closed


@pytest.mark.parametrize("talks", [False, True])
@trio_test
async def test_with_tls_a_deadline_closes_the_socket_too(talks: bool) -> None:
    ours, theirs = memory_stream_pair()
    transport = Leg(ours)
    server, client = await shake_hands(transport, theirs)
    with trio.move_on_after(5) as patience:
        async with finishing(server):
            if talks:
                await client.send_all(b"and another thing")
    assert patience.cancelled_caught
    assert transport.closed


# Resetting


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@trio_test
async def test_a_reset_cannot_be_taken_for_an_orderly_end(host: str) -> None:
    ours, theirs = await tcp_pair(host)
    await link.reset(ours)
    with pytest.raises(trio.BrokenResourceError) as caught:
        await theirs.receive_some()
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == errno.ECONNRESET
    assert ours.socket.fileno() == -1
    await theirs.aclose()


@trio_test
async def test_with_tls_it_is_the_transport_that_is_reset() -> None:
    ours, theirs = await tcp_pair()
    server, client = await shake_hands(ours, theirs)
    await link.reset(server)
    with pytest.raises(trio.BrokenResourceError):
        await client.receive_some()
    assert ours.socket.fileno() == -1
    await server.aclose()
    await theirs.aclose()


@trio_test
async def test_a_unix_socket_is_closed() -> None:
    ours, theirs = await unix_pair()
    await link.reset(ours)
    assert await theirs.receive_some() == b""
    await theirs.aclose()


# Who is there


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@trio_test
async def test_the_peers_address(host: str) -> None:
    ours, theirs = await tcp_pair(host)
    tls = trio.SSLStream(ours, SERVER_TLS, server_side=True)
    assert link.peer_address(ours) == link.peer_address(tls) == ip_address(host)
    assert link.is_private_path(ours)
    await ours.aclose()
    await theirs.aclose()
    with pytest.raises(OSError, match=r"\S"):  # or it would be taken for a Unix socket
        link.peer_address(ours)
    assert link.is_private_path(ours)  # nobody is left to overhear it


@trio_test
async def test_a_unix_socket_and_memory_have_no_address_and_are_private() -> None:
    ours, theirs = await unix_pair()
    memory, _ = memory_stream_pair()
    for stream in (ours, memory):
        assert link.peer_address(stream) is None
        assert link.is_private_path(stream)
    await ours.aclose()
    await theirs.aclose()


@pytest.mark.parametrize(
    ("address", "private"),
    [
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("10.0.0.1", False),
        ("192.0.2.1", False),
        ("2001:db8::1", False),
        ("fe80::1%eth0", False),
        ("0.0.0.0", False),  # noqa: S104 - nothing is bound to it
    ],
)
@trio_test
async def test_only_tls_and_this_machine_are_private(
    address: str, private: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = await tcp_pair()
    monkeypatch.setattr(link, "peer_address", lambda _: parse_address(address))
    assert link.is_private_path(ours) is private
    assert link.is_private_path(trio.SSLStream(ours, SERVER_TLS, server_side=True))
    await ours.aclose()
    await theirs.aclose()


# Peers that are gone without a word


def tcp_options(stream: trio.SocketStream) -> tuple[int, int, int, int]:
    """Whether there are probes, after how many seconds, how often, and the user timeout in ms."""
    option = stream.socket.getsockopt
    return (
        option(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
        option(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
        option(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL),
        option(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT),
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize(
    ("write_timeout", "user_timeout"), [(30, 60_000), (0.5, 30_500), (1e9, 2**31 - 1)]
)
@trio_test
async def test_the_system_watches_for_a_dead_peer(
    host: str, write_timeout: float, user_timeout: int
) -> None:
    ours, theirs = await tcp_pair(host)
    link.detect_dead_peer(trio.SSLStream(ours, SERVER_TLS, server_side=True), write_timeout)
    assert tcp_options(ours) == (1, 30, 10, user_timeout)
    assert tcp_options(theirs)[0] == 0
    await ours.aclose()
    await theirs.aclose()
    link.detect_dead_peer(ours, write_timeout)  # gone already


@trio_test
async def test_what_is_not_tcp_or_not_linux_is_left_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours, theirs = await unix_pair()
    memory, _ = memory_stream_pair()
    for stream in (ours, memory):
        link.detect_dead_peer(stream, 30)
    assert not ours.socket.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    tcp, peer = await tcp_pair()
    monkeypatch.delattr(socket, "TCP_USER_TIMEOUT")
    link.detect_dead_peer(tcp, 30)
    assert not tcp.socket.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    for each in (ours, theirs, tcp, peer):
        await each.aclose()
