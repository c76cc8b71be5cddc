"""The server over real sockets: its listeners, its connections, and what it leaves behind."""

from __future__ import annotations

import errno
import socket
from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path

import pytest
import structlog
import trio

from relay.link import detect_dead_peer, reset
from relay.protocol import Timeouts, TrustedProxies
from relay.protocol.frames import TEXT
from relay.settings import Listener
from relay.socket_stream import SocketStream
from relay.testing.frames import Frame, close
from relay.testing.handshakes import head, upgrade
from relay.tls import ServerTls
from tests.certificates import client_context, server_context, write_pem
from tests.loopback import HTTP, HTTPS, Relay, close_session, in_plain_and_tls, running
from tests.played_session import TARGET, accept
from tests.protocol.proxy_headers import addresses, binary, line
from tests.sockets import open_descriptors
from tests.support import AWAY, LOST, Peer, real_clock

HELLO = Frame(TEXT, b"hello")


@pytest.fixture
def tls(tmp_path: Path) -> ServerTls:
    return ServerTls(*write_pem(tmp_path, "relay.test"))


# Listeners


@real_clock
async def test_sessions_at_every_kind_of_listener(tls: ServerTls, tmp_path: Path) -> None:
    unix = Listener("unix", str(tmp_path / "relay.sock"))
    listeners = (HTTP, Listener("http", "::1"), HTTPS, unix)
    async with running(*listeners, tls=tls) as it:
        addresses = it.server.addresses
        assert [each.scheme for each in addresses] == ["http", "http", "https", "unix"]
        assert all(each.port for each in addresses[:3])
        assert addresses[3] == unix
        for index in range(4):
            await close_session(await it.open(index))
            assert await it.status(head("/healthz"), index) == 200


def test_who_speaks_something_else_does_no_harm(tls: ServerTls) -> None:
    @real_clock
    async def main() -> None:
        async with running(HTTP, HTTPS, tls=tls) as it:
            plain, secure = it.server.addresses
            hasty = await trio.open_tcp_stream(plain.host, plain.port)
            stream = trio.SSLStream(hasty, client_context(), server_hostname="relay.test")
            with pytest.raises(trio.BrokenResourceError):
                await stream.do_handshake()
            await trio.aclose_forcefully(stream)
            for data in (upgrade(TARGET), b"\0" * 100, b"\x16\x03\x01\x02\0\1\0"):
                client = Peer(await trio.open_tcp_stream(secure.host, secure.port), masks=True)
                await client.stream.send_all(data)
                if data[0] == 0x16:
                    await client.end()  # in the middle of its handshake
                    continue
                received = b""
                with suppress(trio.BrokenResourceError):
                    received = await client.receive_rest()
                assert b"HTTP" not in received
                await client.end()
            for index in (0, 1):
                await close_session(await it.open(index))

    with structlog.testing.capture_logs() as log:
        main()
    assert not [each for each in log if each["event"] == "fault"]


# Certificates that change


def test_certificates_are_exchanged_under_new_connections(tls: ServerTls, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()

    async def serial(it: Relay) -> object:
        client = await it.open()
        assert isinstance(client.stream, trio.SSLStream)
        certificate = client.stream.getpeercert()
        await close_session(client)
        return certificate["serialNumber"]

    @real_clock
    async def main() -> None:
        async with running(HTTPS, tls=tls, places=20) as it:
            old_session = await it.open()
            seen = [await serial(it)]
            for _ in range(3):
                new = write_pem(other, "relay.test")
                for path in new:  # one file after the other: half-way they do not fit together
                    (tmp_path / path.name).write_bytes(path.read_bytes())
                    async with trio.open_nursery() as nursery:
                        for _ in range(3):
                            nursery.start_soon(close_one, it)
                    seen.append(await serial(it))
            assert [seen[i] == seen[i + 1] for i in range(6)] == [True, False] * 3
            assert len(set(seen)) == 4
            await close_session(old_session)

    async def close_one(it: Relay) -> None:
        await close_session(await it.open())

    main()


# Peers that vanish, or read nothing


async def flood(peer: Peer) -> None:
    """Send for ever, or until the connection ends."""
    with suppress(trio.BrokenResourceError):
        while True:
            await peer.send(Frame(TEXT, b"x" * 65536))


def test_a_client_that_resets_its_connection() -> None:
    heard: list[Frame] = []
    told = trio.Event()

    async def provider(stream: trio.abc.Stream) -> None:
        peer = Peer(stream, masks=False)
        await accept(peer)
        heard.append(await peer.answer_close())
        await peer.end()
        told.set()

    @real_clock
    async def main() -> None:
        async with running(HTTP, provider=provider) as it:
            client = await it.open()
            await reset(client.stream)
            await told.wait()

    main()
    assert heard == [AWAY]


@real_clock
async def test_a_provider_that_resets_its_connection() -> None:
    async def provider(stream: trio.abc.Stream) -> None:
        await accept(Peer(stream, masks=False))
        await reset(stream)

    async with running(HTTP, provider=provider) as it:
        client = await it.open()
        assert await client.answer_close() == LOST
        assert await client.receive_rest() == b""
        await client.end()


@real_clock
async def test_a_provider_that_dies_inside_a_frame() -> None:
    async def provider(stream: trio.abc.Stream) -> None:
        peer = Peer(stream, masks=False)
        await accept(peer, early_data=peer.encode(HELLO)[:-1])
        await peer.end()

    async with running(HTTP, provider=provider) as it:
        client = await it.open()
        with pytest.raises(trio.BrokenResourceError) as caught:
            await client.receive_rest()
        assert isinstance(caught.value.__cause__, OSError)
        assert caught.value.__cause__.errno == errno.ECONNRESET
        await client.end()


@real_clock
async def test_a_close_reaches_a_client_that_is_in_the_middle_of_sending() -> None:
    """The provider closes and resets; what the client sends meanwhile stays unread."""

    async def provider(stream: trio.abc.Stream) -> None:
        peer = Peer(stream, masks=False)
        await accept(peer)
        await peer.receive_bytes(1)
        await peer.send(close(3000, "enough"))
        await reset(stream)

    async with running(HTTP, provider=provider) as it:
        client = await it.open()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(flood, client)
            assert await client.receive() == close(3000, "enough")
            nursery.cancel_scope.cancel()
        await client.end()


@in_plain_and_tls
def test_a_client_that_reads_nothing_is_reset(listener: Listener, tls: ServerTls) -> None:
    heard: list[Frame] = []
    told = trio.Event()

    async def provider(stream: trio.abc.Stream) -> None:
        peer = Peer(stream, masks=False)
        await accept(peer)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(flood, peer)
            heard.append(await peer.receive())
            nursery.cancel_scope.cancel()
        await peer.end()
        told.set()

    @real_clock
    async def main() -> None:
        async with running(
            listener, provider=provider, tls=tls, timeouts=Timeouts(write=0.1, close=0.1)
        ) as it:
            client = await it.open()
            await told.wait()
            with pytest.raises(trio.BrokenResourceError):
                await client.receive_rest()
            await client.end()

    main()
    assert heard == [close(1001, "client stalled")]


# Descriptors and places


@in_plain_and_tls
@pytest.mark.parametrize("refused", [False, True], ids=["sessions", "refusals"])
@real_clock
async def test_two_hundred_connections_leave_no_descriptor(
    listener: Listener, refused: bool, tls: ServerTls
) -> None:
    async def client(it: Relay) -> None:
        for _ in range(50):
            if refused:
                assert await it.status(head("/nowhere")) == 404
            else:
                await close_session(await it.open())

    before = open_descriptors()
    provider_tls = server_context("127.0.0.1") if listener is HTTPS else None
    async with running(listener, tls=tls, provider_tls=provider_tls) as it:
        async with trio.open_nursery() as nursery:
            for _ in range(4):
                nursery.start_soon(client, it)
        it.server.drain()
        await it.ended.wait()
        assert open_descriptors() == before + 1  # the provider's listener
    assert open_descriptors() == before


def test_a_tls_client_that_ends_in_an_orderly_way(tls: ServerTls) -> None:
    """It answers close_notify; its connection is closed, and it is no fault."""

    @real_clock
    async def main() -> None:
        before = open_descriptors()
        async with running(HTTPS, tls=tls) as it:
            for request in (head("/nowhere"), head("/healthz")):
                client = await it.connect()
                assert isinstance(client.stream, trio.SSLStream)
                await client.stream.send_all(request)
                await client.receive_rest()
                transport, _ = await client.stream.unwrap()
                assert await transport.receive_some() == b""
                await transport.aclose()
            it.server.drain()
            await it.ended.wait()
            assert open_descriptors() == before + 1

    with structlog.testing.capture_logs() as log:
        main()
    assert not [each for each in log if each["event"] == "fault"]


@real_clock
async def test_hundreds_that_come_at_once_and_speak_are_all_served(tls: ServerTls) -> None:
    """Though there are places for few, and those are taken by connections that say nothing."""

    most_silent = 0

    async def client(it: Relay, index: int) -> None:
        nonlocal most_silent
        assert await it.status(head("/healthz"), index) == 200
        most_silent = max(most_silent, it.server.openings.silent)

    async with running(HTTP, HTTPS, tls=tls, server={"max_openings": 20}) as it:
        silent = [await it.connect() for _ in range(40)]
        async with trio.open_nursery() as nursery:
            for number in range(300):
                nursery.start_soon(client, it, number % 10 == 0)
        for each in silent:
            await each.end()
        # Each of two listeners may have room for the same one, and accept another one before
        # the last has its place.
        assert most_silent <= 20 + 2 * 2


# Dead peers


@in_plain_and_tls
@real_clock
async def test_both_legs_of_a_session_are_watched_by_the_system(
    listener: Listener, tls: ServerTls, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched: list[tuple[int, float]] = []

    def note(stream: trio.abc.Stream, write_timeout: float) -> None:
        detect_dead_peer(stream, write_timeout)
        assert isinstance(stream, SocketStream)
        assert stream.socket.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        watched.append((stream.socket.getsockname()[1], write_timeout))

    monkeypatch.setattr("relay.session.opening.detect_dead_peer", note)
    timeouts = Timeouts(write=77.0)
    async with running(listener, tls=tls, gateway_timeouts=timeouts) as it:
        assert await it.status(head("/nowhere")) == 404
        await close_session(await it.open())
        assert [each for _, each in watched] == [77.0, 77.0]
        assert watched[0][0] == it.server.addresses[0].port


# Addresses


@real_clock
async def test_an_address_has_as_many_sessions_as_it_may(tls: ServerTls, tmp_path: Path) -> None:
    unix = Listener("unix", str(tmp_path / "relay.sock"))
    limit = {"max_sessions_per_address": 2}
    async with running(HTTP, HTTPS, Listener("http", "::1"), unix, tls=tls, server=limit) as it:
        both = [await it.open(index) for index in (0, 1)]
        for index in (0, 1):
            assert await it.status(upgrade(TARGET), index) == 429
        for index in (2, 3, 3, 3):
            assert await it.status(upgrade(TARGET), index) == 401
        for client in both:
            await close_session(client)
        while it.server.quotas._connections:
            await trio.lowlevel.checkpoint()
        assert await it.status(upgrade(TARGET)) == 401


@in_plain_and_tls
@pytest.mark.parametrize(
    "header",
    [line("2001:db8::7"), binary(addresses("2001:db8::7", "::1") + b"\x04\0\0", family=0x21)],
    ids=["line", "binary"],
)
def test_a_proxy_in_front_names_its_client_before_tls(
    listener: Listener, tls: ServerTls, header: bytes
) -> None:
    """And the first bytes of TLS, or of HTTP, come with the header."""
    trusted = TrustedProxies((ip_network("127.0.0.0/8"),))

    @real_clock
    async def main() -> None:
        server = {"trusted_proxies": trusted, "proxy_protocol": True}
        async with running(listener, tls=tls, server=server) as it:
            await close_session(await it.open(proxy_header=header))

    with structlog.testing.capture_logs() as log:
        main()
    assert {each["client"] for each in log} == {"2001:db8::7"}
    assert [each["event"] for each in log] == ["opened", "ended"]


@in_plain_and_tls
def test_a_proxy_that_sends_no_header_is_left_without_an_answer(
    listener: Listener, tls: ServerTls
) -> None:
    trusted = TrustedProxies((ip_network("127.0.0.1/32"),))

    @real_clock
    async def main() -> None:
        server = {"trusted_proxies": trusted, "proxy_protocol": True}
        async with running(listener, Listener("http", "::1"), tls=tls, server=server) as it:
            client = await it.connect()
            with suppress(trio.BrokenResourceError):  # of a connection that TCP resets
                await client.stream.send_all(upgrade(TARGET))
                assert await client.receive_rest() == b""
            await trio.aclose_forcefully(client.stream)
            await close_session(await it.open(1))  # who is no proxy sends none

    with structlog.testing.capture_logs() as log:
        main()
    assert log[0]["event"] == "no PROXY header"
    assert log[0]["proxy"] == "127.0.0.1"
