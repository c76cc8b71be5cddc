"""``relay probe``: each step is printed, and so is the reason why the next one did not come."""

from __future__ import annotations

import io
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

import pytest
import trio
from rich.console import Console
from trio.testing import memory_stream_pair

from relay.cli.probe import run_probe
from relay.demo.world import World
from relay.doubles import DOUBLES
from relay.testing.frames import Frame, close
from tests.client.server import accepted
from tests.demo.support import resource, run_in_world
from tests.support import Peer, trio_test


async def _probe(
    url: str,
    *,
    fields: Sequence[tuple[str, str]] = (),
    subprotocols: Sequence[str] = (),
    ca: Path | None = None,
) -> tuple[bool, list[str]]:
    """Whether it succeeded, and what it printed, without the times."""
    out = io.StringIO()
    console = Console(file=out, width=40)
    succeeded = await run_probe(
        url, fields=fields, subprotocols=subprotocols, ca=ca, console=console
    )
    return succeeded, [re.sub(r"^ *[\d.]+ ms +", "", line) for line in out.getvalue().splitlines()]


def test_a_session_through_a_relay_is_shown_step_by_step() -> None:
    async def test(world: World) -> None:
        key = world.keys["openai"]
        entries = [f"cf-aig-authorization.{world.token}"]
        succeeded, lines = await _probe(
            f"{world.secure_url}/openai?model=m",
            fields=[("Authorization", f"Bearer {key}")],
            subprotocols=entries,
            ca=world.ca,
        )
        assert succeeded, lines
        assert lines[0] == f"probing {world.secure_url}/openai?model=..."
        assert re.fullmatch(r"resolve +localhost is .*127\.0\.0\.1.*", lines[1])
        assert re.fullmatch(rf"connect +to 127\.0\.0\.1, port {world.https_port}", lines[2])
        assert re.fullmatch(r"TLS +TLSv1\.3, ALPN http/1\.1, issued by relay demo, .*", lines[3])
        assert re.fullmatch(r"answer +101, subprotocol cf-aig-authorization\.\.\.\.", lines[4])
        assert re.fullmatch(r" +cf-aig-log-id [0-9a-f-]{36}", lines[5])
        assert re.fullmatch(r"message +text, \d+ bytes", lines[6])
        assert re.fullmatch(r' +\{"type":"session.created".{175}', lines[7])  # 200 characters
        assert re.fullmatch(r"close +1000", lines[8])
        assert len(lines) == 9
        assert world.token not in "\n".join(lines)
        assert key not in "\n".join(lines)

    run_in_world(test)


def test_every_provider_can_be_probed() -> None:
    async def probe_one(world: World, provider: str) -> None:
        succeeded, lines = await _probe(
            f"{world.secure_url}/{resource(provider)}",
            fields=[("cf-aig-authorization", world.token)],
            ca=world.ca,
        )
        assert succeeded, lines
        assert re.search(r"^answer +101", "\n".join(lines), re.MULTILINE)

    async def test(world: World) -> None:
        async with trio.open_nursery() as nursery:
            for provider in DOUBLES:
                nursery.start_soon(probe_one, world, provider)

    run_in_world(test)


def test_refusals_of_the_relay_and_of_the_provider_are_told_apart() -> None:
    async def test(world: World) -> None:
        succeeded, lines = await _probe(f"{world.plain_url}/google?key=secret")
        assert not succeeded
        assert "secret" not in "\n".join(lines)
        assert re.fullmatch(r"answer +401 Unauthorized, from the relay", lines[3])
        assert lines[4].endswith('Proxy-Status relay; error=http_request_denied; details="2009"')
        assert "cf-aig-log-id" in lines[5]
        assert lines[6].endswith("a gateway token is needed (code 2009)")

        succeeded, lines = await _probe(
            f"{world.plain_url}/google?key=secret",
            fields=[("cf-aig-authorization", world.token)],
        )
        assert not succeeded
        assert re.fullmatch(r"answer +400 Bad Request, from the provider", lines[3])
        assert lines[4].endswith("Proxy-Status relay; received-status=400")
        assert lines[6].endswith("API key not valid (code 400)")

    run_in_world(test)


def test_tls_that_cannot_be_verified_or_is_not_there_says_so() -> None:
    async def test(world: World) -> None:
        succeeded, lines = await _probe(f"{world.secure_url}/openai")
        assert not succeeded
        assert "TLS       the certificate is not valid: unable to get local" in lines[3]

        succeeded, lines = await _probe(world.plain_url.replace("ws:", "wss:"))
        assert not succeeded
        assert re.fullmatch(r"TLS +failed: [a-z ]+", lines[3])

    run_in_world(test)


def test_a_port_that_nobody_listens_on() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        succeeded, lines = trio.run(_probe, f"ws://127.0.0.1:{port}/")
    assert not succeeded
    assert lines[2:] == [f"connect   port {port}: Connection refused"]


def test_a_name_that_does_not_resolve(monkeypatch: pytest.MonkeyPatch) -> None:
    async def getaddrinfo(*_args: object, **_options: object) -> None:
        await trio.lowlevel.checkpoint()
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(trio.socket, "getaddrinfo", getaddrinfo)
    succeeded, lines = trio.run(_probe, "wss://relay.example/")
    assert not succeeded
    assert lines[1:] == ["resolve   relay.example does not resolve: Name or service not known"]


@pytest.mark.parametrize(
    ("url", "ca", "message"),
    [
        ("ftp://h/?key=secret", None, "the URL has to begin with wss://"),
        ("wss://h/", "missing.pem", "missing.pem: No such file or directory"),
        ("wss://h/", "empty.pem", "empty.pem holds no certificate"),
    ],
)
def test_what_cannot_be_probed_is_said_before_anything_is_done(
    url: str, ca: str | None, message: str, tmp_path: Path
) -> None:
    (tmp_path / "empty.pem").touch()
    succeeded, lines = trio.run(partial(_probe, url, ca=tmp_path / ca if ca else None))
    assert not succeeded
    assert len(lines) == 1
    assert message in lines[0]
    assert "secret" not in lines[0]


Server = Callable[[Peer], Awaitable[None]]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Callable[[trio.Nursery, Server], None]:
    """Puts a server in memory behind every address."""

    def serve(nursery: trio.Nursery, server: Server) -> None:
        async def open_tcp_stream(_host: str, _port: int) -> trio.abc.Stream:
            ours, theirs = memory_stream_pair()
            nursery.start_soon(server, Peer(theirs, masks=False))
            await trio.lowlevel.checkpoint()
            return ours

        monkeypatch.setattr(trio, "open_tcp_stream", open_tcp_stream)

    return serve


async def _open(peer: Peer) -> None:
    await peer.stream.send_all(accepted(await peer.receive_head()))


async def _close_properly(peer: Peer) -> None:
    await peer.answer_close()
    await peer.end()


async def _say_nothing(peer: Peer) -> None:
    await _open(peer)
    await _close_properly(peer)


async def _say_binary(peer: Peer) -> None:
    await _open(peer)
    await peer.send(Frame(2, b"\x1b[2J\n\xff" + b"x" * 300))
    await _close_properly(peer)


async def _close_empty(peer: Peer) -> None:
    await _open(peer)
    await peer.send(close(None))
    await peer.receive()
    await peer.end()


async def _close_with_1011(peer: Peer) -> None:
    await _open(peer)
    await peer.send(close(1011, "upstream \x07lost"))
    await peer.receive()
    await peer.end()


async def _vanish(peer: Peer) -> None:
    await _open(peer)
    await peer.end()


async def _never_answer(peer: Peer) -> None:
    await peer.receive_rest()


async def _answer_nonsense(peer: Peer) -> None:
    await peer.receive_head()
    await peer.stream.send_all(b"220 smtp.example ESMTP\r\n\r\n")


async def _refuse_without_a_body(peer: Peer) -> None:
    await peer.receive_head()
    await peer.stream.send_all(b"HTTP/1.1 599 X\r\nContent-Length: 0\r\n\r\n")


_OPENED = "answer    101, no subprotocol"


@pytest.mark.parametrize(
    ("server", "succeeds", "ending"),
    [
        (_say_nothing, True, [_OPENED, "message   none for 2 s", "close     1000"]),
        (
            _say_binary,
            True,
            [
                _OPENED,
                "message   binary, 306 bytes",
                r" \x1b[2J\n" + "\N{REPLACEMENT CHARACTER}" + "x" * 194,
                "close     1000",
            ],
        ),
        (
            _close_empty,
            True,
            [_OPENED, "message   none: the server has closed", "close     without a code"],
        ),
        (
            _close_with_1011,
            False,
            [
                _OPENED,
                "message   none: the server has closed",
                r"close     1011, upstream \x07lost",
            ],
        ),
        (
            _vanish,
            False,
            [_OPENED, "message   none: the server has closed", "close     no Close came back"],
        ),
        (_never_answer, False, ["answer    nothing for 30 s"]),
        (_answer_nonsense, False, ["answer    no valid answer: Bad HTTP message"]),
        (
            _refuse_without_a_body,
            False,
            ["answer    599, from an unknown server (no Proxy-Status)", " without a message"],
        ),
    ],
)
@trio_test
async def test_every_way_in_which_a_server_can_behave(
    serve: Callable[[trio.Nursery, Server], None],
    server: Server,
    succeeds: bool,
    ending: list[str],
) -> None:
    async with trio.open_nursery() as nursery:
        serve(nursery, server)
        succeeded, lines = await _probe("ws://127.0.0.1/")
        nursery.cancel_scope.cancel()
    assert succeeded is succeeds
    shown = lines[3:]  # after the heading, the addresses and the connection
    assert len(shown) == len(ending)
    for line, expected in zip(shown, ending, strict=True):
        assert line.endswith(expected)


@trio_test
async def test_a_request_that_cannot_be_sent_is_said(
    serve: Callable[[trio.Nursery, Server], None],
) -> None:
    async with trio.open_nursery() as nursery:
        serve(nursery, _never_answer)
        succeeded, lines = await _probe("ws://127.0.0.1/", fields=[("X", "a\nsecret")])
    assert not succeeded
    assert "field line has a character" in lines[-1]
    assert "secret" not in lines[-1]


@trio_test
async def test_each_step_is_shown_with_its_time(
    serve: Callable[[trio.Nursery, Server], None],
) -> None:
    out = io.StringIO()
    async with trio.open_nursery() as nursery:
        serve(nursery, _say_nothing)
        assert await run_probe("ws://127.0.0.1/", console=Console(file=out))
    times = [line[:11].strip() for line in out.getvalue().splitlines()[1:]]
    assert times == ["0.0 ms", "0.0 ms", "0.0 ms", "2000.0 ms", "0.0 ms"]


@trio_test
async def test_a_server_that_is_gone_at_once_is_found_by_the_next_step(
    serve: Callable[[trio.Nursery, Server], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_: object) -> None:
        raise OSError(107, "Transport endpoint is not connected")

    monkeypatch.setattr("relay.cli.probe.peer_address", gone)
    async with trio.open_nursery() as nursery:
        serve(nursery, _answer_nonsense)
        succeeded, lines = await _probe("ws://127.0.0.1/")
    assert not succeeded
    assert lines[2:] == ["connect   to port 80", "answer    no valid answer: Bad HTTP message"]
