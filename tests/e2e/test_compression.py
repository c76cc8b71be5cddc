"""Clients and a provider that offer permessage-deflate, through a real relay over TLS."""

from __future__ import annotations

import json
import os
import random
import shutil
import ssl
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import trio
from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    ServerPerMessageDeflateFactory,
)
from websockets.sync.client import ClientConnection, connect

from tests.e2e.drivers import in_every_driver
from tests.e2e.requirements import needs
from tests.e2e.support import TOKEN, Echo, RelayUnderTest, relay
from tests.support import real_clock

_NODE = Path(__file__).parents[2] / "examples" / "node"  # where ws is installed
_LARGE = json.dumps({"type": "response.output_audio.delta", "delta": "AAAA" * 300_000})
# Deflate makes nothing of it, unless it was sent before.
_RANDOM = random.Random(7692).randbytes(20_000)  # noqa: S311


def _run(
    client: Callable[[RelayUnderTest], None],
    provider: Echo,
    folder: Path,
    driver: str = "fast",
    *,
    compression: bool,
    lane: str = "verbatim",
) -> None:
    """Run a client, which may block."""

    @real_clock
    async def run() -> None:
        async with relay(
            provider, folder, driver=driver, compression=compression, lane=lane
        ) as under_test:
            await trio.to_thread.run_sync(client, under_test)

    run()


def _connect(
    under_test: RelayUnderTest, *extensions: ClientPerMessageDeflateFactory
) -> ClientConnection:
    return connect(
        under_test.url("openai?model=m"),
        ssl=under_test.trust,
        additional_headers={"cf-aig-authorization": TOKEN},
        extensions=extensions or None,
        max_size=None,
        proxy=None,
    )


def _echoed(websocket: ClientConnection, *messages: str | bytes) -> None:
    for message in messages:
        websocket.send(message)
        assert websocket.recv(timeout=30) == message
    websocket.send(["frag", "men", "ted " * 1000])
    assert websocket.recv(timeout=30) == "fragmen" + "ted " * 1000
    assert websocket.ping(b"are you there").wait(10)


def _extensions(websocket: ClientConnection) -> list[str]:
    return [each.name for each in websocket.protocol.extensions]


@in_every_driver
def test_a_client_and_a_provider_compress_for_each_other(driver: str, tmp_path: Path) -> None:
    """What was sent before is referred to, so every message has arrived as it was."""
    provider = Echo(ServerPerMessageDeflateFactory())

    def client(under_test: RelayUnderTest) -> None:
        with _connect(under_test) as websocket:
            assert _extensions(websocket) == ["permessage-deflate"]
            _echoed(websocket, _LARGE, _RANDOM)
            before = provider.received
            assert before < len(_RANDOM) + len(_LARGE) / 100
            _echoed(websocket, _RANDOM, "grüße", b"", "", _LARGE)
            assert provider.received - before < len(_RANDOM) / 4

    _run(client, provider, tmp_path, driver, compression=True)
    assert b"\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits" in (
        provider.head
    )


@pytest.mark.parametrize(
    ("client_offers", "provider_accepts"),
    [
        pytest.param(
            ClientPerMessageDeflateFactory(
                server_no_context_takeover=True, client_no_context_takeover=True
            ),
            ServerPerMessageDeflateFactory(),
            id="without context takeover",
        ),
        pytest.param(
            ClientPerMessageDeflateFactory(server_max_window_bits=10, client_max_window_bits=12),
            ServerPerMessageDeflateFactory(server_max_window_bits=9, client_max_window_bits=10),
            id="small windows",
        ),
        pytest.param(
            ClientPerMessageDeflateFactory(client_max_window_bits=True),
            ServerPerMessageDeflateFactory(
                server_no_context_takeover=True,
                client_no_context_takeover=True,
                server_max_window_bits=9,
                client_max_window_bits=9,
            ),
            id="all that a provider may ask for",
        ),
    ],
)
@in_every_driver
def test_both_sides_keep_to_the_parameters_that_they_negotiated(
    client_offers: ClientPerMessageDeflateFactory,
    provider_accepts: ServerPerMessageDeflateFactory,
    driver: str,
    tmp_path: Path,
) -> None:
    """What one compresses could not be read by the other if it had been told of others."""
    provider = Echo(provider_accepts)

    def client(under_test: RelayUnderTest) -> None:
        with _connect(under_test, client_offers) as websocket:
            assert _extensions(websocket) == ["permessage-deflate"]
            _echoed(websocket, _LARGE, _RANDOM, _LARGE, _RANDOM)

    _run(client, provider, tmp_path, driver, compression=True)
    assert provider.received < 4 * len(_RANDOM) + len(_LARGE) / 10


@in_every_driver
def test_a_provider_that_declines_is_sent_nothing_compressed(driver: str, tmp_path: Path) -> None:
    provider = Echo()

    def client(under_test: RelayUnderTest) -> None:
        with _connect(under_test) as websocket:
            assert _extensions(websocket) == []
            _echoed(websocket, _LARGE)

    _run(client, provider, tmp_path, driver, compression=True)
    assert b"permessage-deflate" in provider.head
    assert provider.received > len(_LARGE)


@pytest.mark.parametrize(
    ("compression", "lane"), [(False, "verbatim"), (False, "messages"), (True, "messages")]
)
@in_every_driver
def test_nothing_is_negotiated_on_either_leg(
    compression: bool, lane: str, driver: str, tmp_path: Path
) -> None:
    """By default, and in the message lane."""
    provider = Echo(ServerPerMessageDeflateFactory())

    def client(under_test: RelayUnderTest) -> None:
        with _connect(under_test) as websocket:
            assert _extensions(websocket) == []
            assert websocket.response is not None
            assert "Sec-WebSocket-Extensions" not in websocket.response.headers
            _echoed(websocket, _LARGE, _RANDOM)

    _run(client, provider, tmp_path, driver, compression=compression, lane=lane)
    assert b"extensions" not in provider.head.lower()
    assert provider.received > len(_LARGE) + len(_RANDOM)


@pytest.mark.parametrize("compression", [True, False])
@in_every_driver
def test_a_message_that_is_compressed_all_the_same_ends_the_session(
    compression: bool, driver: str, tmp_path: Path
) -> None:
    def client(under_test: RelayUnderTest) -> None:
        with _connect(under_test) as websocket:
            # Its own thread may have read the end before the write has returned.
            with suppress(ssl.SSLZeroReturnError):
                websocket.socket.sendall(bytes.fromhex("c187 00000000 f248cdc9c90700"))
            with pytest.raises(ConnectionClosed):
                websocket.recv(timeout=30)
            assert (websocket.close_code, websocket.close_reason) == (1002, "a reserved bit is set")

    _run(client, Echo(), tmp_path, driver, compression=compression)


_WS = """
import WebSocket from "ws";
const [url, token, takeover] = process.argv.slice(1);
const socket = new WebSocket(url, {
  headers: { "cf-aig-authorization": token },
  perMessageDeflate: {
    clientNoContextTakeover: takeover !== "true",
    serverNoContextTakeover: takeover !== "true",
  },
});
const messages = ["grüße", "over and over ".repeat(100000), "over and over ".repeat(100000), ""];
let next = 0;
socket.on("open", () => socket.send(messages[0]));
socket.on("message", (data) => {
  if (data.toString() !== messages[next]) throw new Error(`message ${next} is another one`);
  next += 1;
  if (next < messages.length) socket.send(messages[next]);
  else socket.close(1000);
});
socket.on("close", (code) => {
  console.log(JSON.stringify({ code, messages: next, extensions: socket.extensions }));
});
"""


@pytest.mark.parametrize("takeover", [True, False])
@pytest.mark.parametrize("compression", [True, False])
def test_ws_on_node(compression: bool, takeover: bool, tmp_path: Path) -> None:
    """It compresses from 1 KiB on, and fails a connection whose answer it did not offer."""
    node = needs(shutil.which("node"), "node")
    needs(_NODE if (_NODE / "node_modules/ws").exists() else None, "ws")
    provider = Echo(ServerPerMessageDeflateFactory())
    outcome = {}

    def client(under_test: RelayUnderTest) -> None:
        done = subprocess.run(
            [
                *(node, "--input-type=module", "-e", _WS),
                *(under_test.url("openai?model=m"), TOKEN, json.dumps(takeover)),
            ],
            cwd=_NODE,
            env={**os.environ, "NODE_EXTRA_CA_CERTS": str(under_test.ca)},
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        outcome.update(json.loads(done.stdout))

    _run(client, provider, tmp_path, compression=compression)
    assert (outcome["code"], outcome["messages"]) == (1000, 4)
    assert bool(outcome["extensions"]) is compression
    assert (b"permessage-deflate" in provider.head) is compression
    assert (provider.received < 100_000) is compression
