"""TLS sessions with providers: what is resumed, with whom, and when a new one is kept."""

from __future__ import annotations

import ssl

import trio

from relay.protocol import Origin
from relay.resumption import Resumption
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
    session = resumption.session(trust, origin)
    ours.start_tls(trust, server_hostname=PROVIDER.host, session=session)
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
async def test_later_connections_resume_the_first() -> None:
    """And it is not read again."""
    resumption = Resumption()
    assert not await connect(resumption)
    kept = resumption.session(client_context(), PROVIDER)
    for _ in range(3):
        assert await connect(resumption)
        await trio.sleep(1000)
    assert resumption.session(client_context(), PROVIDER) is kept


@trio_test
async def test_a_provider_that_forgot_the_session_gives_another() -> None:
    """It is verified anew; the new one is kept, though not more often than once a minute."""
    resumption = Resumption()
    await connect(resumption)
    other = server_context("provider.test")
    await trio.sleep(59)
    assert [await connect(resumption, server=other) for _ in range(2)] == [False, False]
    await trio.sleep(2)
    assert [await connect(resumption, server=other) for _ in range(2)] == [False, True]


@trio_test
async def test_another_origin_or_another_trust_has_sessions_of_its_own() -> None:
    resumption = Resumption()
    await connect(resumption)
    other = ssl.create_default_context()
    authority().configure_trust(other)
    for origin in (Origin("wss", "provider.test", 8443), Origin("wss", "other.test", 443)):
        assert resumption.session(client_context(), origin) is None
    assert not await connect(resumption, trust=other)
    assert await connect(resumption, trust=other)


@trio_test
async def test_without_tls_there_is_nothing_to_keep() -> None:
    resumption = Resumption()
    ours, theirs = unix_pair()
    resumption.keep(client_context(), PROVIDER, ours)
    resumption.keep(client_context(), PROVIDER, trio.testing.memory_stream_pair()[0])
    assert resumption.session(client_context(), PROVIDER) is None
    await ours.aclose()
    await theirs.aclose()


@trio_test
async def test_it_does_not_grow_without_bound() -> None:
    resumption = Resumption()
    origins = [Origin("wss", "provider.test", port) for port in range(1, 67)]
    for origin in origins:
        await connect(resumption, origin=origin)
    kept = [resumption.session(client_context(), origin) is not None for origin in origins]
    assert kept == [False] * 2 + [True] * 64


@trio_test
async def test_sessions_of_trust_that_is_no_more_are_dropped() -> None:
    resumption = Resumption()
    other = ssl.create_default_context()
    authority().configure_trust(other)
    for trust in (client_context(), other):
        await connect(resumption, trust=trust)
    resumption.forget({other})
    assert resumption.session(client_context(), PROVIDER) is None
    assert await connect(resumption, trust=other)
