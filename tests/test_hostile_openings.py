"""Every hostile opening handshake of the core's list, on sockets, to a whole server; both drivers.

One server takes all of them one after the other: none may leave it with a fault, or leave the
provider with anything but one plain opening handshake for each that is admitted.
"""

from __future__ import annotations

import json
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import structlog
import trio

from relay.drivers.reactor import Reactor
from relay.protocol.frames import CLOSE
from relay.testing.frames import close
from relay.testing.handshakes import Answer, head, parse_answer, upgrade
from relay.tls import ServerTls
from tests.certificates import authority, write_pem
from tests.loopback import HTTP, HTTPS, running
from tests.played_session import accept
from tests.protocol.handshakes import TOKEN
from tests.protocol.test_bad_inputs import CLIENT, TARGET
from tests.support import Ended, Peer, real_clock

STORED_KEY = "sk-stored"
AUTHORISED = f"cf-aig-authorization: Bearer {TOKEN}"
GATEWAY: dict[str, Any] = {
    "authentication_required": True,
    "stored_keys": {("openai", "default"): STORED_KEY},
    "origins": frozenset({"https://app.example.com"}),
}
NO_FRAMES = {"h-smug-03-ok-then-http"}
"""Admitted; but what follows are no frames."""
ECHOED = {"h-smug-04-early-frame"}
"""Admitted; and what follows is a message."""


@pytest.fixture(params=["fast", "portable"])
def driver(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With and without epoll."""
    if request.param == "portable":
        monkeypatch.setattr(Reactor, "is_available", lambda: False)
    return str(request.param)


@pytest.fixture
def tls(tmp_path: Path) -> ServerTls:
    return ServerTls(*write_pem(tmp_path, "relay.test"))


@dataclass
class Recorder:
    """A provider that echoes, and keeps the head of each request."""

    heads: list[bytes] = field(default_factory=list)

    async def __call__(self, stream: trio.abc.Stream) -> None:
        provider = Peer(stream, masks=False)
        with suppress(Ended, trio.BrokenResourceError):
            self.heads.append(await accept(provider))
            while True:
                frame = await provider.receive()
                await provider.send(frame)
                if frame.opcode == CLOSE:
                    break
        await provider.end()


async def receive_answer(client: Peer, request: bytes) -> Answer:
    """What ends the connection, and nothing follows."""
    answer = parse_answer(
        await client.receive_rest(), "HEAD" if request.startswith(b"HEAD") else "GET"
    )
    await client.end()
    return answer


async def outcome(client: Peer, name: str, data: bytes) -> int:
    """The status that a client gets; the whole session after it, where there is one."""
    with suppress(trio.BrokenResourceError):  # it is refused before it has sent all of that
        await client.stream.send_all(data)
    if name not in EXPECTED_SESSIONS:
        return (await receive_answer(client, data)).status
    assert (await client.receive_head()).startswith(b"HTTP/1.1 101 "), name
    if name in ECHOED:
        assert (await client.receive()).payload == b"hello"
    with suppress(trio.BrokenResourceError):
        await client.send(close(1000))
    told = await client.receive()
    assert told.payload[:2] == (1002 if name in NO_FRAMES else 1000).to_bytes(2, "big"), name
    assert await client.receive_rest() == b"", name
    await client.end()
    return 101


EXPECTED = {name: status for name, status, _ in CLIENT}
EXPECTED_SESSIONS = {name for name, status in EXPECTED.items() if status == 101}


def test_each_has_its_status_and_the_provider_sees_plain_handshakes_alone(driver: str) -> None:  # noqa: ARG001
    recorder = Recorder()
    seen: dict[str, int] = {}

    @real_clock
    async def main() -> None:
        async with running(HTTP, provider=recorder, **GATEWAY) as it:
            for name, _, data in CLIENT:
                seen[name] = await outcome(await it.connect(), name, data)
                assert len(recorder.heads) == len([1 for each in seen.values() if each == 101]), (
                    name
                )
            it.server.drain()
            await it.ended.wait()
            assert it.server.quotas.open == 0

    with structlog.testing.capture_logs() as log:
        main()
    assert seen == EXPECTED
    for request in recorder.heads:
        assert request.startswith(b"GET /v1/realtime?")
        assert request.count(b"\r\n\r\n") == 1
        names = sorted(line.partition(b":")[0].lower() for line in request.split(b"\r\n")[1:-2])
        offered = [b"sec-websocket-protocol"] if b"sec-websocket-protocol" in names else []
        assert names == sorted(PLAIN + offered)
        assert TOKEN.encode() not in request
    events = {each["event"] for each in log}
    assert events - {"refusals not logged"} == {"opened", "ended", "refused"}
    check_log(log)


PLAIN = [
    b"authorization",
    b"connection",
    b"host",
    b"sec-websocket-key",
    b"sec-websocket-version",
    b"upgrade",
]


def check_log(log: list[structlog.typing.EventDict]) -> None:
    """Nothing that a client made up stands in it: no secret, no line of its own."""
    text = json.dumps(log, default=str)
    for secret in (TOKEN, STORED_KEY, "SECRETKEY123", "sk-x", "evil", "169.254", "X-Injected"):
        assert secret not in text
    assert all(str(value).isprintable() for each in log for value in each.values())


def test_one_request_on_a_connection_is_answered_and_no_more(driver: str) -> None:  # noqa: ARG001
    """What is pipelined behind a refusal or behind /healthz is neither answered nor a session."""
    recorder = Recorder()
    firsts = {
        head("/healthz"): 200,
        head("/healthz", method="HEAD"): 200,
        head("/healthz", "Transfer-Encoding: chunked") + b"0\r\n\r\n": 400,
        head(f"/healthz?token={TOKEN}"): 404,
        head("http://evil.example/healthz"): 400,
        head(TARGET, AUTHORISED): 426,
        upgrade(TARGET): 401,
        upgrade(TARGET, AUTHORISED, "Content-Length: 5") + b"hello": 400,
        upgrade(TARGET, AUTHORISED, "Content-Length: 0", "Transfer-Encoding: chunked"): 400,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n": 400,
    }

    @real_clock
    async def main() -> None:
        async with running(HTTP, provider=recorder, **GATEWAY) as it:
            for first, status in firsts.items():
                client = await it.connect()
                await client.stream.send_all(first + upgrade(TARGET, AUTHORISED))
                answer = await receive_answer(client, first)
                assert (answer.status, answer.values("Connection")) == (status, ["close"])

    with structlog.testing.capture_logs() as log:
        main()
    assert recorder.heads == []
    check_log(log)


@real_clock
async def test_http_2_is_not_spoken_under_tls_either(driver: str, tls: ServerTls) -> None:  # noqa: ARG001
    async with running(HTTPS, tls=tls, **GATEWAY) as it:
        (address,) = it.server.addresses
        context = ssl.create_default_context()
        authority().configure_trust(context)
        context.set_alpn_protocols(["h2"])
        stream = trio.SSLStream(
            await trio.open_tcp_stream(address.host, address.port),
            context,
            server_hostname="relay.test",
            https_compatible=True,
        )
        client = Peer(stream, masks=True)
        await stream.do_handshake()
        assert stream.selected_alpn_protocol() is None
        await stream.send_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9))
        assert (await client.receive_answer()).status == 400
