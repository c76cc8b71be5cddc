"""A provider of a configuration file: several upstreams, behind a proxy that knows their names."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import structlog
import trio
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from relay.protocol import Close, control_frame
from relay.server import Server
from tests.certificates import server_context
from tests.config.files import load_text, write_certificate
from tests.connect_proxy import CREDENTIALS, ConnectProxy, connect_proxy
from tests.e2e.support import accept, read_all, read_head
from tests.support import real_clock

KEY = "sk-stored-key-of-the-gateway"
TENANT = "tenant-of-the-client"
REFUSAL = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\ndown"

CONFIGURATION = """
[server]
listen = ["127.0.0.1:0"]
allow_inline_secrets = true

[gateways."acct/main"]
authentication = "none"
stored_keys = {{ local = {{ default = "{key}" }} }}

[providers.local]
like = "openai"
upstreams = ["wss://down.test", "wss://up.test:8443"]
ca = "ca.pem"
proxy = "http://127.0.0.1:{port}"
proxy_credentials = "{credentials}"
forward = ["x-tenant"]
"""

Stream = trio.SSLStream[trio.SocketStream]
Handler = Callable[[Stream], Awaitable[None]]


class Upstreams:
    """``down.test``, which refuses, and ``up.test``, which says hello."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        """What ``up.test`` was asked."""

    async def down(self, stream: Stream) -> None:
        await read_head(stream)
        await stream.send_all(REFUSAL)
        await read_all(stream)

    async def up(self, stream: Stream) -> None:
        head = await read_head(stream)
        self.heads.append(head)
        hello = b"\x81\x05hello" + control_frame(0x8, Close(1000).payload(), None)
        await accept(stream, head, hello)
        await read_all(stream)


async def listen(name: str, handler: Handler, nursery: trio.Nursery) -> int:
    """Have an upstream listen under a certificate of its own; return its port."""

    async def handle(stream: Stream) -> None:
        with suppress(trio.BrokenResourceError):
            await handler(stream)
        await trio.aclose_forcefully(stream)

    (listener,) = await trio.open_ssl_over_tcp_listeners(
        0, server_context(name), host="127.0.0.1", https_compatible=True
    )
    nursery.start_soon(trio.serve_listeners, handle, [listener])
    bound = listener.transport_listener
    assert isinstance(bound, trio.SocketListener)
    return int(bound.socket.getsockname()[1])


@asynccontextmanager
async def running(
    folder: Path, credentials: str = CREDENTIALS
) -> AsyncIterator[tuple[str, Upstreams, ConnectProxy]]:
    """A relay with ``CONFIGURATION``: the URL of its provider, and what stands behind it."""
    write_certificate(folder)
    upstreams = Upstreams()
    async with trio.open_nursery() as nursery:
        ports = {
            "down.test": await listen("down.test", upstreams.down, nursery),
            "up.test": await listen("up.test", upstreams.up, nursery),
        }
        async with connect_proxy(ports) as proxy:
            text = CONFIGURATION.format(key=KEY, port=proxy.port, credentials=credentials)
            server = await nursery.start(Server(load_text(folder, text)).run)
            yield f"ws://127.0.0.1:{server.addresses[0].port}/v1/acct/main/local", upstreams, proxy
            nursery.cancel_scope.cancel()


def test_a_session_goes_through_the_proxy_to_the_upstream_that_opens(tmp_path: Path) -> None:
    def client(url: str) -> object:
        with connect(url, additional_headers={"X-Tenant": TENANT}, proxy=None) as websocket:
            return websocket.recv()

    @real_clock
    async def run() -> None:
        async with running(tmp_path) as (url, upstreams, proxy):
            assert await trio.to_thread.run_sync(client, url) == "hello"
            (head,) = upstreams.heads
            assert b"\r\nHost: up.test:8443\r\n" in head
            assert f"\r\nauthorization: Bearer {KEY}\r\n".encode() in head
            assert f"\r\nx-tenant: {TENANT}\r\n".encode() in head
            assert b"proxy-" not in head.lower()
            targets = [each.partition(b"\r\n")[0] for each in proxy.heads]
            assert targets == [
                b"CONNECT down.test:443 HTTP/1.1",
                b"CONNECT up.test:8443 HTTP/1.1",
            ]
            seen_by_the_proxy = b"".join(proxy.heads) + proxy.carried
            assert KEY.encode() not in seen_by_the_proxy
            assert TENANT.encode() not in seen_by_the_proxy

    with structlog.testing.capture_logs() as log:
        run()
    failover, opened = log[:2]
    assert (failover["event"], failover["upstream"]) == ("failover", "down.test:443")
    assert (failover["status"], failover["code"]) == (503, 2100)
    assert (opened["event"], opened["upstream"]) == ("opened", "up.test:8443")
    assert opened["proxy_ms"] > 0
    for secret in (KEY, CREDENTIALS, TENANT):
        assert secret not in str(log)


def test_a_proxy_that_refuses_the_relay_is_told_and_nothing_of_it(tmp_path: Path) -> None:
    def client(url: str) -> str:
        with pytest.raises(InvalidStatus) as caught:
            connect(url, proxy=None)
        response = caught.value.response
        assert response.status_code == 502
        return str(response.headers) + response.body.decode()

    @real_clock
    async def run() -> None:
        async with running(tmp_path, "relay:wrong-word") as (url, upstreams, _):
            answer = await trio.to_thread.run_sync(client, url)
            assert "the proxy opened no tunnel: it answered with status 407" in answer
            assert "destination_unavailable" in answer
            assert "wrong-word" not in answer
            assert "cmVsYXk6" not in answer  # the credentials, as they are sent
            assert upstreams.heads == []

    with structlog.testing.capture_logs() as log:
        run()
    assert [line["event"] for line in log] == ["failover", "refused"]
    assert "wrong-word" not in str(log)
