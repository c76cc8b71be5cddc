"""``relay serve``: how it starts, what it says, and what signals do to it."""

from __future__ import annotations

import json
import re
import resource
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from relay.cli.serve import raise_open_file_limit
from relay.doubles import serve_double
from tests.config.files import (
    OPEN_GATEWAY,
    write_certificate,
)
from tests.doubles.peer import KEY, Peer
from tests.serving import Relay, connect, get, relay, write
from tests.support import real_clock

# How it starts


def serve_to_the_end(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Run ``relay serve`` as a process that ends by itself."""
    command = [sys.executable, "-m", "relay", "serve", "--config", write(folder, text)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_serve_does_not_start_with_a_configuration_that_cannot_be_used(tmp_path: Path) -> None:
    ended = serve_to_the_end(tmp_path, "[server]\nlisten = 1\n[limit]\n")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.splitlines() == [
        f"{tmp_path}/relay.toml: server.listen: must be an array",
        f"{tmp_path}/relay.toml: limit: unknown key (did you mean limits?)",
    ]


def test_serve_does_not_start_where_a_port_is_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        text = f'server.listen = ["127.0.0.1:0", "{url}"]\n{OPEN_GATEWAY}'
        ended = serve_to_the_end(tmp_path, text)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"relay: {url}: Address already in use\n"


def test_serve_does_not_start_without_a_place_for_its_socket(tmp_path: Path) -> None:
    ended = serve_to_the_end(tmp_path, f'server.listen = ["unix:none/socket"]\n{OPEN_GATEWAY}')
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"relay: unix:{tmp_path}/none/socket: No such file or directory\n"


def test_the_open_file_limit_is_raised_as_far_as_it_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 4096))
    monkeypatch.setattr(resource, "setrlimit", lambda which, limits: asked.append((which, limits)))
    raise_open_file_limit()
    assert asked == [(resource.RLIMIT_NOFILE, (4096, 4096))]


def test_a_limit_that_cannot_be_raised_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_which: int, _limits: tuple[int, int]) -> None:
        raise ValueError("current limit exceeds maximum limit")

    monkeypatch.setattr(resource, "setrlimit", refuse)
    raise_open_file_limit()


# How it runs and ends


@real_clock
async def test_a_relay_that_says_it_listens_answers_on_all_its_listeners(tmp_path: Path) -> None:
    write_certificate(tmp_path)
    text = f"""
server.listen = ["http://127.0.0.1:0", "https://127.0.0.1:0", "unix:relay.sock"]
server.tls = {{ certificate = "cert.pem", key = "key.pem" }}
{OPEN_GATEWAY}"""
    async with relay(tmp_path, text) as running:
        (plain,) = await running.ready()
        # The first line is there: all listeners are, too.
        over_unix = await trio.open_unix_socket(tmp_path / "relay.sock")
        assert await get(over_unix, "/healthz") == (200, b"ok\n")
        assert re.fullmatch(r"http://127\.0\.0\.1:[1-9]\d+", plain)
        assert await get(await connect(plain), "/healthz") == (200, b"ok\n")
        secure, socket_url = await running.ready(2)
        assert re.fullmatch(r"https://127\.0\.0\.1:[1-9]\d+", secure)
        assert socket_url == f"unix:{tmp_path}/relay.sock"
        trust = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
        port = int(secure.rpartition(":")[2])
        over_tls = await trio.open_ssl_over_tcp_stream(
            "127.0.0.1", port, ssl_context=trust, https_compatible=True
        )
        assert await get(over_tls, "/healthz") == (200, b"ok\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@real_clock
async def test_a_signal_ends_an_idle_relay(tmp_path: Path, number: signal.Signals) -> None:
    text = f'server.listen = ["unix:relay.sock"]\n{OPEN_GATEWAY}'
    async with relay(tmp_path, text) as running:
        await running.ready()
        running.tell(number)
        assert await running.rest() == []
        assert await running.process.wait() == 0
    assert not (tmp_path / "relay.sock").exists()


@asynccontextmanager
async def session(folder: Path, limits: str = "") -> AsyncIterator[tuple[Relay, str, Peer]]:
    """A relay, its URL, and the client of an open session through it."""
    async with trio.open_nursery() as nursery:
        port = await nursery.start(serve_double, "openai", KEY)
        text = (
            f'server.listen = ["127.0.0.1:0"]\n{OPEN_GATEWAY}'
            f'[providers.openai]\nurl = "ws://127.0.0.1:{port}"\n[limits]\n{limits}'
        )
        async with relay(folder, text) as running:
            (url,) = await running.ready()
            client = await open_session(url)
            assert (await client.json())["type"] == "session.created"
            yield running, url, client
            await client.stream.aclose()
        nursery.cancel_scope.cancel()


async def open_session(url: str) -> Peer:
    """A client that was answered with 101."""
    client = Peer(await connect(url))
    target = "/v1/acct/main/openai?model=gpt-realtime"
    await client.request(target, [("Authorization", f"Bearer {KEY}")], [])
    status, body = await client.answer()
    assert status == 101, body
    return client


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@real_clock
async def test_a_signal_drains_a_relay(tmp_path: Path, number: signal.Signals) -> None:
    async with session(tmp_path) as (running, _, client):
        running.tell(number)
        assert await client.close_frame() == (1001, "going away")
        await client.stream.aclose()
        entries = [json.loads(line) for line in await running.rest()]
        assert await running.process.wait() == 0
    assert [entry["event"] for entry in entries] == ["opened", "ended"]
    assert entries[-1]["cause"] == "draining"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (signal.SIGTERM, signal.SIGTERM),
        (signal.SIGINT, signal.SIGINT),
        (signal.SIGTERM, signal.SIGINT),
    ],
)
@real_clock
async def test_a_second_signal_ends_a_draining_relay(
    tmp_path: Path, first: signal.Signals, second: signal.Signals
) -> None:
    hours = "close_timeout = '1h'\ndrain_timeout = '1h'\nwrite_timeout = '1h'\n"
    async with session(tmp_path, hours) as (running, url, client):
        running.tell(first)
        close = await client.next()  # and no answer to it: the session stays
        assert getattr(close, "code", None) == 1001
        assert await get(await connect(url), "/healthz") == (200, b"ok\n")
        assert await get(await connect(url), "/readyz") == (503, b"draining\n")
        late = Peer(await connect(url))
        await late.request("/v1/acct/main/openai", [], [])
        status, body = await late.answer()
        await late.stream.aclose()
        assert (status, json.loads(body)["error"][0]["code"]) == (503, 2102)
        assert running.process.poll() is None
        running.tell(second)
        lines = await running.rest()
        assert await running.process.wait() == 0
    assert "Traceback" not in "".join(lines)


@real_clock
async def test_a_drain_has_its_deadline(tmp_path: Path) -> None:
    limits = "close_timeout = '1h'\ndrain_timeout = '500ms'\n"
    async with session(tmp_path, limits) as (running, _, client):
        running.tell(signal.SIGTERM)
        close = await client.next()  # and no answer to it
        assert getattr(close, "code", None) == 1001
        lines = await running.rest()
        assert await running.process.wait() == 0
    assert "Traceback" not in "".join(lines)


# Its log


async def refused_line(folder: Path, *options: str) -> list[str]:
    """What a relay logs about a request that it refuses."""
    text = f'server.listen = ["127.0.0.1:0"]\n{OPEN_GATEWAY}'
    async with relay(folder, text, *options) as running:
        (url,) = await running.ready()
        status, _ = await get(await connect(url), "/nowhere")
        assert status == 404
        running.tell(signal.SIGTERM)
        return await running.rest()


@pytest.mark.parametrize("options", [(), ("--log-format", "json"), ("--log-format", "auto")])
@real_clock
async def test_the_log_is_json_where_no_terminal_is(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    (line,) = await refused_line(tmp_path, *options)
    entry = json.loads(line)
    assert (entry["event"], entry["status"], entry["level"]) == ("refused", 404, "info")


@real_clock
async def test_the_log_is_text_when_told(tmp_path: Path) -> None:
    (line,) = await refused_line(tmp_path, "--log-format", "console")
    assert "[info" in line
    assert "refused" in line
    assert "status=404" in line


@real_clock
async def test_the_log_keeps_to_its_level(tmp_path: Path) -> None:
    assert await refused_line(tmp_path, "--log-level", "warning") == []
