"""A relay of a configuration file behind a proxy that is trusted, and its clients' addresses."""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import structlog
import trio
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from relay.protocol import Close, control_frame
from relay.server import Server
from tests.certificates import client_context
from tests.config.files import load_text, write_certificate
from tests.e2e.support import accept, read_all, read_head
from tests.protocol.proxy_headers import addresses, binary, line
from tests.support import real_clock

CLIENT, OTHER = "2001:db8::7", "2001:db8:0:1::7"

CONFIGURATION = """
[server]
listen = ["https://127.0.0.1:0"]
tls = {{ certificate = "cert.pem", key = "key.pem" }}
trusted_proxies = ["{trusted}"]
proxy_protocol = {proxy_protocol}
max_sessions_per_address = 1

[gateways."acct/main"]
authentication = "none"

[providers.openai]
url = "ws://127.0.0.1:{port}"
"""


class Behind:
    """A running relay, and the heads that its provider was sent."""

    def __init__(self, server: Server, heads: list[bytes]) -> None:
        self.port = server.addresses[0].port
        self.heads = heads

    def open(self, header: bytes = b"", /, **fields: str) -> ClientConnection:
        """A client's session, by way of the proxy; blocks."""
        sock = socket.create_connection(("127.0.0.1", self.port))
        sock.sendall(header)
        return connect(
            f"wss://localhost:{self.port}/v1/acct/main/openai?model=m",
            sock=sock,
            ssl=client_context(),
            proxy=None,
            additional_headers={
                "Authorization": "Bearer sk-of-the-client",
                **{name.replace("_", "-"): value for name, value in fields.items()},
            },
        )


@asynccontextmanager
async def relay(
    folder: Path, *, trusted: str = "127.0.0.1", proxy_protocol: bool = False
) -> AsyncIterator[Behind]:
    """A relay in front of a provider that says hello and waits."""
    heads: list[bytes] = []

    async def provider(stream: trio.SocketStream) -> None:
        with suppress(trio.BrokenResourceError):
            heads.append(await read_head(stream))
            await accept(stream, heads[-1], b"\x81\x05hello")
            await stream.receive_some()
            await stream.send_all(control_frame(0x8, Close(1000).payload(), None))
            await read_all(stream)
        await stream.aclose()

    write_certificate(folder)
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    text = CONFIGURATION.format(
        trusted=trusted,
        proxy_protocol=str(proxy_protocol).lower(),
        port=listener.socket.getsockname()[1],
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, provider, [listener])
        server = await nursery.start(Server(load_text(folder, text)).run)
        yield Behind(server, heads)
        nursery.cancel_scope.cancel()


def two_of_one_address(open_one: Callable[[str], ClientConnection]) -> None:
    """A second session of an address is refused, one of another is not."""
    with open_one(CLIENT) as first:
        assert first.recv() == "hello"
        with pytest.raises(InvalidStatus) as caught:
            open_one(CLIENT)
        assert caught.value.response.status_code == 429
        assert b'"code": 2003' in (caught.value.response.body or b"")
        with open_one(OTHER) as other:
            assert other.recv() == "hello"


@pytest.mark.parametrize("version", [1, 2])
@real_clock
async def test_behind_a_proxy_that_speaks_its_protocol(version: int, tmp_path: Path) -> None:
    def header(address: str) -> bytes:
        if version == 1:
            return line(address)
        return binary(addresses(address, "::1"), family=0x21)

    with structlog.testing.capture_logs() as log:
        async with relay(tmp_path, proxy_protocol=True) as it:
            await trio.to_thread.run_sync(
                two_of_one_address, lambda address: it.open(header(address))
            )
    assert [each["client"] for each in log if each["event"] == "opened"] == [CLIENT, OTHER]
    assert [each["client"] for each in log if each["event"] == "refused"] == [CLIENT]


@pytest.mark.parametrize(
    ("name", "form"),
    [("X_Forwarded_For", "198.51.100.1, {}"), ("Forwarded", 'for=198.51.100.1, for="[{}]"')],
)
@real_clock
async def test_behind_a_proxy_that_writes_field_lines(name: str, form: str, tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as log:
        async with relay(tmp_path) as it:
            await trio.to_thread.run_sync(
                two_of_one_address, lambda address: it.open(**{name: form.format(address)})
            )
            for head in it.heads:
                assert b"forwarded" not in head.lower()
                assert b"2001:db8" not in head
                assert b"198.51" not in head
    assert [each["client"] for each in log if each["event"] == "opened"] == [CLIENT, OTHER]


@real_clock
async def test_strangers_cannot_say_that_they_are_others(tmp_path: Path) -> None:
    def try_all(it: Behind) -> None:
        with it.open() as first:
            assert first.recv() == "hello"
            with pytest.raises(InvalidStatus) as caught:
                it.open(X_Forwarded_For=CLIENT, Forwarded=f'for="[{CLIENT}]"')
            assert caught.value.response.status_code == 429
            with pytest.raises((ssl.SSLError, OSError)):  # to TLS a header is noise
                it.open(line(CLIENT))

    with structlog.testing.capture_logs() as log:
        async with relay(tmp_path, trusted="192.0.2.0/24", proxy_protocol=True) as it:
            await trio.to_thread.run_sync(try_all, it)
    assert {each["client"] for each in log} == {"127.0.0.1"}
