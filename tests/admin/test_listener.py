"""Tests of relay.admin.listener: over sockets, by Hypercorn on Trio."""

from __future__ import annotations

import socket
import ssl
import struct
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
import trio
from hypercorn.trio.tcp_server import TCPServer

from relay.admin import listener as module
from relay.admin.gate import FIELDS
from relay.admin.listener import AdminListener
from relay.drivers.guest_mode import run_as_guest
from relay.drivers.reactor import Reactor
from relay.protocol import closing
from relay.settings import Listener
from relay.tls import ServerTls
from tests.admin.fakes import BEARER, Relay, with_admin
from tests.certificates import authority, write_pem
from tests.records.samples import a_record
from tests.support import real_clock

LOOPBACK = Listener("http", "127.0.0.1", 0)
_ALL_OF_THEM = "GET /api/sessions/live?limit=10000 HTTP/1.1"


@asynccontextmanager
async def listening(relay: Relay | None = None, **changes: Any) -> AsyncIterator[AdminListener]:
    """An admin listener."""
    relay = relay or Relay()
    relay.settings = with_admin(**({"listener": LOOPBACK} | changes))
    assert relay.settings.admin is not None
    it = AdminListener(relay, relay.settings.admin)
    await it.bind()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(it.run)
        yield it
        nursery.cancel_scope.cancel()


def _url(it: AdminListener) -> str:
    return str(it.addresses[0])


async def _connect(it: AdminListener) -> trio.SocketStream:
    address = it.addresses[0]
    return await trio.open_tcp_stream(address.host, address.port)


async def _rest(stream: trio.SocketStream) -> bytes:
    answer = b""
    with suppress(trio.BrokenResourceError):
        while data := await stream.receive_some():
            answer += data
    return answer


@real_clock
async def test_it_serves_over_a_connection() -> None:
    relay = Relay(records=[a_record(each) for each in range(500)])
    async with listening(relay) as it, httpx.AsyncClient(base_url=_url(it)) as client:
        assert (await client.get("/healthz")).text == "ok\n"
        answer = await client.get("/api/sessions/live?limit=500", headers=BEARER)
        assert len(answer.json()["sessions"]) == 500
        assert "server" not in answer.headers
        assert (await client.post("/api/drain", headers=BEARER)).status_code == 202
        await _until(lambda: relay.draining is not None)


def test_it_serves_beside_the_reactor() -> None:
    async def main(reactor: Reactor | None) -> int:
        assert reactor is not None
        with trio.fail_after(60):
            async with listening() as it, httpx.AsyncClient(base_url=_url(it)) as client:
                return (await client.get("/api/config", headers=BEARER)).status_code

    assert run_as_guest(main) == 200


@real_clock
async def test_over_tls_with_a_certificate_that_may_change(tmp_path: Path) -> None:
    write_pem(tmp_path, "127.0.0.1")
    tls = ServerTls(tmp_path / "cert.pem", tmp_path / "key.pem")
    context = ssl.create_default_context()
    authority().configure_trust(context)
    relay = Relay()
    https = Listener("https", "127.0.0.1", 0)
    async with listening(relay, listener=https, tls=tls) as it:
        async with httpx.AsyncClient(base_url=_url(it), verify=context) as client:
            answer = await client.post("/api/login", json={"token": "rly_operator"})
            assert answer.status_code == 200
            assert "; Secure" in answer.headers["Set-Cookie"]
            page = {"Origin": _url(it), "X-Relay": answer.json()["x_relay"]}
            assert (await client.post("/api/drain", headers=page)).status_code == 202
        async with await _connect(it) as plain:
            await plain.send_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b"HTTP" not in await _rest(plain)


@real_clock
async def test_on_a_unix_socket(tmp_path: Path) -> None:
    path = str(tmp_path / "admin.sock")
    async with listening(listener=Listener("unix", path)):
        transport = httpx.AsyncHTTPTransport(uds=path)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            assert (await client.get("/api/config", headers=BEARER)).status_code == 200
            assert (await client.get("/healthz", headers={"Host": "x.test"})).status_code == 421
    assert not list(tmp_path.iterdir())  # noqa: ASYNC240


@real_clock
async def test_an_address_that_is_taken_is_an_error_with_its_name() -> None:
    async with listening() as it:
        assert it.addresses[0].port
        relay = Relay(settings=with_admin(listener=it.addresses[0]))
        assert relay.settings.admin is not None
        with pytest.raises(OSError, match="in use") as caught:
            await AdminListener(relay, relay.settings.admin).bind()
        assert caught.value.filename == _url(it)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /healthz HTTP/1.0\r\n\r\n", b"421"),
        (b"GET /healthz HTTP/1.1\r\n\r\n", b"400"),
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"400"),
        (b"GET /healthz HTTP/1.1\r\nHost: rebound.test\r\n\r\n", b"421"),
        (b"GET http://rebound.test/healthz HTTP/1.1\r\nHost: rebound.test\r\n\r\n", b"421"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + bytes([97]) * 200_000, b"431"),
        (
            b"POST /api/drain HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n",
            b"413",
        ),
    ],
    ids=range(8),
)
@real_clock
async def test_what_it_does_not_like_gets_an_answer_and_the_next_one_is_served(
    request_: bytes, status: bytes
) -> None:
    async with listening() as it:
        async with await _connect(it) as stream:
            await stream.send_all(request_)
            answer = b""
            with suppress(trio.BrokenResourceError):
                answer = await stream.receive_some()
            assert answer.startswith(b"HTTP/1.1 " + status)
            for name, value in FIELDS.items():
                assert answer.lower().count(f"\r\n{name}: {value}\r\n".lower().encode()) == 1
        async with httpx.AsyncClient(base_url=_url(it)) as client:
            assert (await client.get("/healthz")).status_code == 200


@real_clock
async def test_http_2_is_not_spoken() -> None:
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
    async with listening() as it:
        async with await _connect(it) as stream:
            await stream.send_all(preface)
            assert (await _rest(stream)).startswith(b"HTTP/1.1 505 ")
        async with httpx.AsyncClient(base_url=_url(it)) as client:
            assert (await client.get("/healthz")).status_code == 200


@pytest.mark.parametrize(
    "upgrade",
    [
        "websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        "h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA",
    ],
    ids=["websocket", "h2c"],
)
@real_clock
async def test_nothing_else_can_be_gone_over_to(upgrade: str) -> None:
    def get(path: str, connection: str) -> bytes:
        fields = f"Host: localhost\r\nConnection: {connection}\r\nUpgrade: {upgrade}"
        return f"GET {path} HTTP/1.1\r\n{fields}\r\n\r\n".encode()

    async with listening() as it, await _connect(it) as stream:
        await stream.send_all(get("/api/config", "Upgrade") + get("/healthz", "Upgrade, close"))
        first, _, second = (await _rest(stream)).partition(b'token"}')
    assert first.startswith(b"HTTP/1.1 401 ")
    assert b"\r\nx-content-type-options: nosniff\r\n" in first
    assert second.startswith(b"HTTP/1.1 200 ")
    assert second.endswith(b"\r\n\r\nok\n")


@real_clock
async def test_with_tls_http_2_is_not_agreed_on(tmp_path: Path) -> None:
    write_pem(tmp_path, "127.0.0.1")
    tls = ServerTls(tmp_path / "cert.pem", tmp_path / "key.pem")
    context = ssl.create_default_context()
    authority().configure_trust(context)
    context.set_alpn_protocols(["h2", "http/1.1"])
    async with listening(listener=Listener("https", "127.0.0.1", 0), tls=tls) as it:
        stream = trio.SSLStream(await _connect(it), context, server_hostname="127.0.0.1")
        await stream.do_handshake()
        assert stream.selected_alpn_protocol() == "http/1.1"
        await trio.aclose_forcefully(stream)


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
@real_clock
async def test_to_head_it_answers_as_to_get_but_for_the_content(path: str) -> None:
    relay = Relay()
    relay.count()
    async with listening(relay) as it, httpx.AsyncClient(base_url=_url(it)) as client:
        whole, head = await client.get(path), await client.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers.keys() == whole.headers.keys()
        relay.draining = closing.DRAINING
        assert (await client.head(path)).status_code == (503 if path == "/readyz" else 200)


@real_clock
async def test_a_large_body_that_nobody_wants_holds_nothing_up() -> None:
    head = b"POST /api/drain HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"400\r\n" + bytes(1024) + b"\r\n"
    async with listening() as it:
        async with await _connect(it) as stream:
            with suppress(trio.BrokenResourceError):
                await stream.send_all(head + chunk * 4000)
            await _rest(stream)
        await _until(lambda: not it._open)


@real_clock
async def test_clients_that_go_away_hard_leave_nothing_behind() -> None:
    async with listening(Relay(records=[a_record(each) for each in range(2000)])) as it:
        for _ in range(10):
            stream = await _connect(it)
            fields = f"Host: localhost\r\nAuthorization: {BEARER['Authorization']}\r\n\r\n"
            await stream.send_all(
                f"GET /api/sessions/live?limit=10000 HTTP/1.1\r\n{fields}".encode()
            )
            linger = struct.pack("ii", 1, 0)
            stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            await stream.receive_some(1)
            await stream.aclose()
        await _until(lambda: not it._open)


@real_clock
async def test_a_fault_of_one_connection_ends_that_one_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Broken(TCPServer):
        async def run(self) -> None:
            raise RuntimeError("rly_secret")

    async with listening() as it:
        with structlog.testing.capture_logs() as logs, monkeypatch.context() as patch:
            patch.setattr(module, "_Server", Broken)
            async with await _connect(it) as stream:
                assert await _rest(stream) == b""
        async with httpx.AsyncClient(base_url=_url(it)) as client:
            assert (await client.get("/healthz")).status_code == 200
    assert [each["error"] for each in logs] == ["RuntimeError"]
    assert "rly_" not in str(logs)


@real_clock
async def test_a_fault_of_the_listener_ends_it_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(module, "application", broken)
    with structlog.testing.capture_logs() as logs:
        async with listening() as it:
            port = it.addresses[0].port
            await _until(lambda: bool(logs))
            with pytest.raises(OSError, match="connect"):
                await trio.open_tcp_stream("127.0.0.1", port)


@real_clock
async def test_there_are_so_many_connections_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_HEAD_TIMEOUT", 600)  # they go when they end, not when they idle
    async with listening() as it:
        streams = [await _connect(it) for _ in range(32)]
        await _until(lambda: len(it._open) == 32)
        async with await _connect(it) as further:
            assert await _rest(further) == b""
        await streams.pop().aclose()
        await _until(lambda: len(it._open) == 31)
        async with httpx.AsyncClient(base_url=_url(it)) as client:
            assert (await client.get("/healthz")).status_code == 200
        for each in streams:
            await each.aclose()


@real_clock
async def test_a_client_that_says_nothing_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_HEAD_TIMEOUT", 0.01)
    async with listening() as it, await _connect(it) as stream:
        await stream.send_all(b"GET /healthz HTTP/1.1\r\n")
        assert await _rest(stream) == b""


@pytest.mark.parametrize("request_line", ["HTTP/1.0\r\n", "HTTP/1.1\r\nConnection: close\r\n"])
@real_clock
async def test_a_streamed_answer_ends_the_connection_of_who_wants_that(request_line: str) -> None:
    async with listening() as it, await _connect(it) as stream:
        fields = f"Host: localhost\r\nAuthorization: {BEARER['Authorization']}\r\n\r\n"
        await stream.send_all(f"GET /api/sessions/live {request_line}{fields}".encode())
        assert b'"sessions"' in await _rest(stream)


@real_clock
async def test_a_client_that_takes_nothing_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_WRITE_TIMEOUT", 0.05)
    async with listening(_large()) as it, await _stalled(it):
        await _until(lambda: not it._open)


@real_clock
async def test_a_client_that_takes_nothing_does_not_keep_it_from_ending(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_WRITE_TIMEOUT", 70.0)
    async with listening(_large()) as it:
        stream = await _stalled(it)
        await trio.testing.wait_all_tasks_blocked()
    assert not it._open
    await stream.aclose()


def _large() -> Relay:
    """A relay whose sessions do not fit into what a system takes for a client."""
    return Relay(records=[a_record(endpoint="x" * 20_000) for _ in range(1000)])


async def _stalled(it: AdminListener) -> trio.SocketStream:
    """A connection that asks for them and takes nothing."""
    stream = await _connect(it)
    fields = f"Host: localhost\r\nAuthorization: {BEARER['Authorization']}\r\n\r\n"
    await stream.send_all(f"{_ALL_OF_THEM}\r\n{fields}".encode())
    await stream.receive_some(1)
    assert it._open
    return stream


async def _until(condition: Any) -> None:
    """Wait for what happens on the other side of a connection."""
    while not condition():  # noqa: ASYNC110 - there is nothing to be told by
        await trio.sleep(0.001)


def test_who_has_no_admin_listener_does_not_load_it() -> None:
    program = (
        "import sys, relay.cli, relay.server; print({'fastapi', 'hypercorn'} & {*sys.modules})"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert loaded.stdout == b"set()\n"
