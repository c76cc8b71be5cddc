"""What is secret stays where it is, in messages and in the log."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import structlog
import trio
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from relay.protocol import Close, control_frame
from tests.e2e.drivers import in_every_driver
from tests.e2e.support import STORED_KEY, TOKEN, RelayUnderTest, accept, relay
from tests.support import real_clock

_PATH = "elevenlabs/v1/text-to-speech/voice/multi-stream-input?model_id=m"


async def _read_message(stream: trio.abc.ReceiveStream) -> str:
    """One short masked text message."""
    data = bytes(await stream.receive_some(200))
    size = data[1] & 0x7F
    assert (data[0], size < 126) == (0x81, True)
    return bytes(b ^ data[2 + i % 4] for i, b in enumerate(data[6 : 6 + size])).decode()


@in_every_driver
def test_a_token_in_a_message_does_not_reach_the_provider(driver: str, tmp_path: Path) -> None:
    """An endpoint that takes credentials in messages gets the stored key at the opening only."""
    received: list[str] = []

    async def provider(stream: trio.SSLStream[trio.SocketStream], head: bytes) -> None:
        assert b"xi-api-key: " + STORED_KEY.encode() in head
        await accept(stream, head)
        received.append(await _read_message(stream))
        await stream.send_all(control_frame(0x8, Close(1000).payload(), None))
        await stream.receive_some(100)

    def client(under_test: RelayUnderTest) -> None:
        with connect(
            under_test.url(_PATH), ssl=under_test.trust, additional_headers={"xi-api-key": TOKEN}
        ) as websocket:
            websocket.send(json.dumps({"text": " ", "context_id": "c", "xi_api_key": TOKEN}))
            with pytest.raises(ConnectionClosed):
                websocket.recv()

    @real_clock
    async def run() -> None:
        async with relay(provider, tmp_path, driver=driver) as under_test:
            await trio.to_thread.run_sync(client, under_test)

    run()
    assert received == ['{"text": " ", "context_id": "c"}']


def test_the_reason_of_a_close_is_passed_on_and_not_logged(tmp_path: Path) -> None:
    """A provider that quotes the key tells the client; the log has the code alone."""
    reason = f"bad key {STORED_KEY}"

    async def provider(stream: trio.SSLStream[trio.SocketStream], head: bytes) -> None:
        await accept(stream, head, control_frame(0x8, Close(4001, reason).payload(), None))
        await stream.receive_some(100)

    def client(under_test: RelayUnderTest) -> str | None:
        with connect(
            under_test.url("openai?model=m"),
            ssl=under_test.trust,
            additional_headers={"Authorization": f"Bearer {TOKEN}"},
        ) as websocket:
            with pytest.raises(ConnectionClosed):
                websocket.recv()
            return websocket.close_reason

    @real_clock
    async def run() -> None:
        async with relay(provider, tmp_path) as under_test:
            assert await trio.to_thread.run_sync(client, under_test) == reason

    with structlog.testing.capture_logs() as log:
        run()
    (ended,) = [each for each in log if each["event"] == "ended"]
    assert (ended["client_close"], ended["by"]) == (4001, "provider")
    assert STORED_KEY not in str(log)
    assert TOKEN not in str(log)
