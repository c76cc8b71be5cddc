"""A relay on real sockets, TLS on both legs, in front of a provider that the test plays itself."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import trio
import trustme
from websockets.extensions import ServerExtensionFactory
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from relay.protocol import (
    CATALOGUE,
    Gateway,
    GatewayToken,
    Limits,
    Origin,
    Secret,
    Timeouts,
    by_name,
)
from relay.settings import Listener, Settings
from relay.testing.handshakes import accept_value
from relay.tls import ServerTls, client_context
from tests.e2e.drivers import running
from tests.support import Peer

TOKEN = "rly_" + "t" * 43
STORED_KEY = "sk-stored-key-of-the-gateway"

Provider = Callable[[trio.SSLStream[trio.SocketStream], bytes], Awaitable[None]]
"""Plays the provider on one connection; gets the request's head."""


@dataclass
class RelayUnderTest:
    """Where it listens, and how to trust it."""

    http_port: int
    https_port: int
    ca: Path
    trust: ssl.SSLContext
    drain: Callable[[], Awaitable[None]]
    """Have it end its sessions, and wait until they have ended."""

    def url(self, path: str, *, scheme: str = "wss") -> str:
        """The URL of a path below the gateway ``acct/main``."""
        port = self.https_port if scheme == "wss" else self.http_port
        return f"{scheme}://localhost:{port}/v1/acct/main/{path}"


async def accept(stream: trio.abc.SendStream, head: bytes, then: bytes = b"") -> None:
    """Answer with a valid 101, and ``then`` in the same write."""
    await stream.send_all(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept_value(head) + b"\r\n\r\n" + then
    )


class Echo:
    """A provider played by ``websockets``, which sends back every message.

    Args:
        extensions: What it may accept.
    """

    def __init__(self, *extensions: ServerExtensionFactory) -> None:
        self._extensions = extensions
        self.head = b""
        """The last request's."""
        self.received = 0
        """Bytes that followed the requests."""
        self.pongs = 0
        """Pongs that it was sent, though it asks nobody."""

    async def __call__(self, stream: trio.SSLStream[trio.SocketStream], head: bytes) -> None:
        self.head = head
        protocol = ServerProtocol(extensions=self._extensions, max_size=None)
        protocol.receive_data(head)
        (request,) = protocol.events_received()
        assert isinstance(request, Request)
        protocol.send_response(protocol.accept(request))
        while True:
            for data in protocol.data_to_send():
                if data:
                    await stream.send_all(data)
            if protocol.state is State.CLOSED or protocol.close_expected():
                return
            data = bytes(await stream.receive_some(65536))
            self.received += len(data)
            protocol.receive_data(data)
            for event in protocol.events_received():
                assert isinstance(event, Frame)
                if event.opcode is Opcode.TEXT:
                    protocol.send_text(event.data, event.fin)
                elif event.opcode is Opcode.BINARY:
                    protocol.send_binary(event.data, event.fin)
                elif event.opcode is Opcode.CONT:
                    protocol.send_continuation(event.data, event.fin)
                elif event.opcode is Opcode.PONG:
                    self.pongs += 1


async def connect(under_test: RelayUnderTest) -> trio.SSLStream[trio.SocketStream]:
    """A client's connection, on which nothing was said."""
    transport = await trio.open_tcp_stream("localhost", under_test.https_port)
    return trio.SSLStream(
        transport, under_test.trust, server_hostname="localhost", https_compatible=True
    )


REQUEST = (
    b"GET /v1/acct/main/openai?model=m HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
    b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"cf-aig-authorization: " + TOKEN.encode() + b"\r\n\r\n"
)
"""Opens a session."""


@asynccontextmanager
async def raw_client(
    under_test: RelayUnderTest,
) -> AsyncIterator[trio.SSLStream[trio.SocketStream]]:
    """A client's connection after its 101, without any WebSocket library."""
    stream = await connect(under_test)
    try:
        await stream.send_all(REQUEST)
        assert (await read_head(stream)).startswith(b"HTTP/1.1 101 ")
        yield stream
    finally:
        await trio.aclose_forcefully(stream)


@dataclass
class Ends:
    """The two ends of an open session, and the relay between them."""

    client: Peer
    provider: Peer
    under_test: RelayUnderTest


@asynccontextmanager
async def open_session(driver: str, folder: Path, **options: Any) -> AsyncIterator[Ends]:
    """A session whose two ends the test plays; for the rest see :func:`relay`."""
    accepted, over = trio.open_memory_channel[trio.SSLStream[trio.SocketStream]](1), trio.Event()

    async def provider(stream: trio.SSLStream[trio.SocketStream], head: bytes) -> None:
        await accept(stream, head)
        await accepted[0].send(stream)
        await over.wait()

    async with (
        relay(provider, folder, driver=driver, **options) as under_test,
        raw_client(under_test) as client,
    ):
        upstream = await accepted[1].receive()
        yield Ends(Peer(client, masks=True), Peer(upstream, masks=False), under_test)
        over.set()


async def end_first(provider: Peer) -> None:
    """End the connection as a server does, before its client (RFC 6455 7.1.1).

    Nothing more comes, and the relay ends its side in order, too. It would wait ``close_timeout``
    for a provider that does not.
    """
    assert isinstance(provider.stream, trio.SSLStream)
    transport, more = await provider.stream.unwrap()
    async with transport:
        assert provider.unread + more + await transport.receive_some() == b""


async def read_head(stream: trio.abc.ReceiveStream) -> bytes:
    """Read a head, byte by byte, so that nothing after it is taken."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        more = bytes(await stream.receive_some(1))
        if not more:
            return head
        head += more
    return head


async def read_all(stream: trio.abc.ReceiveStream) -> bytes:
    """Everything until the connection ends, in whatever way."""
    data = b""
    try:
        while more := bytes(await stream.receive_some(65536)):
            data += more
    except trio.BrokenResourceError:
        pass
    return data


@asynccontextmanager
async def relay(
    provider: Provider,
    folder: Path,
    *,
    driver: str = "fast",
    lane: str = "verbatim",
    compression: bool = False,
    limits: Limits | None = None,
    captures: Path | None = None,
    timeouts: Timeouts | None = None,
) -> AsyncIterator[RelayUnderTest]:
    """A relay in front of ``provider``, which stands for every provider of the catalogue.

    It also knows ``gone``, where nobody listens, ``spare``, whose second upstream is ``provider``,
    and ``stranger``, which is ``provider`` with a certificate that it does not trust.
    """
    ca = trustme.CA()
    ca_file = folder / "ca.pem"
    ca.cert_pem.write_to_path(ca_file)
    certificate = ca.issue_cert("localhost", "127.0.0.1")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    provider_tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(provider_tls)

    async def handle(transport: trio.SocketStream) -> None:
        stream = trio.SSLStream(transport, provider_tls, server_side=True, https_compatible=True)
        try:
            head = await read_head(stream)
            if head:  # none: the relay did not trust the certificate
                await provider(stream, head)
            await stream.aclose()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        finally:
            await trio.aclose_forcefully(stream)

    trust = client_context(ca_file)
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listeners[0].socket.getsockname()[1]
        nursery.start_soon(trio.serve_listeners, handle, listeners)
        providers = tuple(each.at(f"wss://localhost:{port}") for each in CATALOGUE)
        unreachable = await trio.open_tcp_listeners(0, host="127.0.0.1")
        dead = unreachable[0].socket.getsockname()[1]
        await unreachable[0].aclose()
        gone = replace(providers[0], name="gone", aliases=()).at(f"wss://localhost:{dead}")
        spare = replace(gone, name="spare", other_origins=(Origin("wss", "localhost", port),))
        stranger = replace(providers[0], name="stranger", aliases=())
        named = (*providers, gone, spare, stranger)
        gateway = Gateway(
            "acct/main",
            tokens=(GatewayToken("test", hashlib.sha256(TOKEN.encode()).digest()),),
            stored_key=lambda _provider, alias: (
                Secret(STORED_KEY.encode()) if alias == "default" else None
            ),
            limits=limits or Limits(),
            messages_lane=lane == "messages",
            compression=compression,
        )
        settings = Settings(
            listeners=(Listener("http", "127.0.0.1"), Listener("https", "127.0.0.1")),
            gateways={gateway.name: gateway},
            providers=by_name(named),
            trust={each.name: trust for each in named} | {"stranger": client_context()},
            tls=ServerTls(folder / "cert.pem", folder / "key.pem"),
            timeouts=timeouts or Timeouts(),
        )
        async with running(driver, settings, captures) as relayed:
            http, https = relayed.ports
            yield RelayUnderTest(http, https, ca_file, trust, relayed.drain)
        nursery.cancel_scope.cancel()
