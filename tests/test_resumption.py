"""TLS sessions with providers: what is resumed, with whom, and how often."""

from __future__ import annotations

import ssl

import trio

from relay.protocol import Origin
from relay.resumption import Resumption
from relay.socket_stream import SocketStream
from tests.certificates import authority, client_context, server_context
from tests.sockets import unix_pair
from tests.support import trio_test

PROVIDER = Origin("wss", "provider.test", 443)
SERVER = server_context("provider.test")


async def connect(
    resumption: Resumption,
    *,
    origin: Origin = PROVIDER,
    trust: ssl.SSLContext | None = None,
    server: ssl.SSLContext = SERVER,
) -> bool:
    """Connect to a provider that says something; return whether a session was resumed."""
    trust = trust or client_context()
    theirs, ours = unix_pair()
    theirs.start_tls(server, server_side=True)
    ours.start_tls(trust, server_hostname=PROVIDER.host, session=resumption.take(trust, origin))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ours.do_handshake)
        await theirs.do_handshake()
    await theirs.send_all(b"101")
    assert await ours.receive_some() == b"101"
    resumption.keep(trust, origin, ours)
    assert isinstance(ours.socket, ssl.SSLSocket)
    resumed = ours.socket.session_reused
    await ours.aclose()
    await theirs.aclose()
    return bool(resumed)


@trio_test
async def test_each_connection_resumes_the_one_before() -> None:
    resumption = Resumption()
    assert [await connect(resumption) for _ in range(4)] == [False, True, True, True]


@trio_test
async def test_a_ticket_is_used_once() -> None:
    resumption = Resumption()
    await connect(resumption)
    assert resumption.take(client_context(), PROVIDER) is not None
    assert resumption.take(client_context(), PROVIDER) is None


@trio_test
async def test_another_origin_or_another_trust_has_sessions_of_its_own() -> None:
    resumption = Resumption()
    await connect(resumption)
    other = ssl.create_default_context()
    authority().configure_trust(other)
    assert resumption.take(client_context(), Origin("wss", "provider.test", 8443)) is None
    assert resumption.take(client_context(), Origin("wss", "other.test", 443)) is None
    assert not await connect(resumption, trust=other)
    assert await connect(resumption, trust=other)


@trio_test
async def test_a_server_that_forgot_the_session_is_verified_anew() -> None:
    resumption = Resumption()
    await connect(resumption)
    assert not await connect(resumption, server=server_context("provider.test"))


@trio_test
async def test_what_cannot_be_resumed_is_not_kept() -> None:
    resumption = Resumption()
    ours, theirs = unix_pair()
    resumption.keep(client_context(), PROVIDER, ours)
    resumption.keep(client_context(), PROVIDER, trio.testing.memory_stream_pair()[0])
    for stream in (ours, theirs):
        await stream.aclose()
    ticketless = server_context("provider.test")
    ticketless.num_tickets = 0
    await connect(resumption, server=ticketless)
    assert resumption.take(client_context(), PROVIDER) is None


@trio_test
async def test_it_does_not_grow_without_bound() -> None:
    resumption = Resumption()
    kept: list[tuple[SocketStream, SocketStream]] = []
    for _ in range(10):
        theirs, ours = unix_pair()
        theirs.start_tls(SERVER, server_side=True)
        ours.start_tls(client_context(), server_hostname=PROVIDER.host)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ours.do_handshake)
            await theirs.do_handshake()
        await theirs.send_all(b"101")
        await ours.receive_some()
        kept.append((ours, theirs))
        resumption.keep(client_context(), PROVIDER, ours)
    taken = [resumption.take(client_context(), PROVIDER) for _ in range(9)]
    assert [session is not None for session in taken] == [True] * 8 + [False]
    for port in range(1, 101):
        resumption.keep(client_context(), Origin("wss", "provider.test", port), kept[0][0])
    assert resumption.take(client_context(), Origin("wss", "provider.test", 36)) is None
    assert resumption.take(client_context(), Origin("wss", "provider.test", 37)) is not None
    for pair in kept:
        for stream in pair:
            await stream.aclose()
