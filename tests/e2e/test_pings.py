"""Real clients and a real provider, whom the relay asks whether they are there."""

from __future__ import annotations

import json
import logging
import os
import shutil
import threading
from collections import Counter
from pathlib import Path

import pytest
import trio
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.frames import Frame
from websockets.sync.client import connect

from relay.protocol import Pings, Timeouts
from tests.e2e.requirements import needs
from tests.e2e.support import TOKEN, Echo, RelayUnderTest, relay
from tests.support import real_clock

_NODE = Path(__file__).parents[2] / "examples" / "node"  # where ws is installed
_OFTEN = Timeouts(ping_interval=0.02)
_TIMES = 3

with_and_without_compression = pytest.mark.parametrize(
    ("lane", "compression"), [("verbatim", False), ("verbatim", True), ("messages", False)]
)


class Answers:
    """Counts the answers to the relay's Pings, by the peer that gave them."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.enough = threading.Event()
        self.of: Counter[int] = Counter()
        received = Pings.received

        def counting(pings: Pings, payload: bytes) -> bool:
            is_ours = received(pings, payload)
            self.of[id(pings)] += is_ours
            if sum(count >= _TIMES for count in self.of.values()) == 2:
                self.enough.set()
            return is_ours

        patch.setattr(Pings, "received", counting)


class Received(logging.Handler):
    """The control frames that a client of ``websockets`` logs as received."""

    def __init__(self) -> None:
        super().__init__()
        self.pongs: list[bytes] = []
        self.pings = 0

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg == "< %s" and isinstance(record.args, tuple):
            (frame,) = record.args
            if isinstance(frame, Frame) and frame.opcode == 0x9:
                self.pings += 1
            elif isinstance(frame, Frame) and frame.opcode == 0xA:
                self.pongs.append(bytes(frame.data))


@with_and_without_compression
def test_a_client_and_a_provider_of_websockets_answer(
    lane: str, compression: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And each message arrives, and the Pongs to the client's own Ping and to no other."""
    provider = Echo(ServerPerMessageDeflateFactory())
    answers = Answers(monkeypatch)
    seen = Received()
    logger = logging.getLogger("tests.e2e.pings")
    logger.setLevel(logging.DEBUG)
    logger.addHandler(seen)

    def client(under_test: RelayUnderTest) -> None:
        with connect(
            under_test.url("openai?model=m"),
            ssl=under_test.trust,
            additional_headers={"cf-aig-authorization": TOKEN},
            compression="deflate" if compression else None,
            ping_interval=None,
            proxy=None,
            logger=logger,
        ) as websocket:
            assert bool(websocket.protocol.extensions) is compression
            websocket.send("before")
            assert websocket.recv(timeout=30) == "before"
            assert answers.enough.wait(30)
            assert websocket.ping(b"mine").wait(30)
            websocket.send(["frag", "ment", "ed " * 1000])
            assert websocket.recv(timeout=30) == "fragment" + "ed " * 1000

    @real_clock
    async def run() -> None:
        async with relay(
            provider, tmp_path, lane=lane, compression=compression, timeouts=_OFTEN
        ) as under_test:
            await trio.to_thread.run_sync(client, under_test)

    run()
    assert seen.pings >= _TIMES
    assert seen.pongs == [b"mine"]
    assert provider.pongs == 0


_WS = f"""
import WebSocket from "ws";
const [url, token] = process.argv.slice(1);
const socket = new WebSocket(url, {{ headers: {{ "cf-aig-authorization": token }} }});
let pings = 0, pongs = 0;
socket.on("ping", () => {{
  pings += 1;
  if (pings === {_TIMES}) socket.send("are you there?");
}});
socket.on("pong", () => {{ pongs += 1; }});
socket.on("message", () => socket.close(1000));
socket.on("close", (code) => console.log(JSON.stringify({{ code, pings, pongs }})));
"""


def test_ws_on_node_answers(tmp_path: Path) -> None:
    node = needs(shutil.which("node"), "node")
    needs(_NODE if (_NODE / "node_modules/ws").exists() else None, "ws")
    provider = Echo()

    @real_clock
    async def run() -> None:
        async with relay(provider, tmp_path, timeouts=_OFTEN) as under_test:
            done = await trio.run_process(
                [
                    *(node, "--input-type=module", "-e", _WS),
                    *(under_test.url("openai?model=m"), TOKEN),
                ],
                cwd=_NODE,
                env={**os.environ, "NODE_EXTRA_CA_CERTS": str(under_test.ca)},
                capture_stdout=True,
            )
        outcome = json.loads(done.stdout)
        assert (outcome["code"], outcome["pongs"]) == (1000, 0)
        assert outcome["pings"] >= _TIMES

    run()
    assert provider.pongs == 0
