"""What passes through a real relay, over TLS on both legs, arrives as it was sent."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from relay.protocol import Close, control_frame
from tests.e2e.drivers import with_the_guide
from tests.e2e.support import TOKEN, Echo, RelayUnderTest, accept, raw_client, read_all, relay
from tests.support import real_clock

pytestmark = with_the_guide

_KEY = b"\x01\x02\x03\x04"
_AUTHORISATION = {"cf-aig-authorization": f"Bearer {TOKEN}"}
_CLOSES = [
    Close(1000, "done"),
    Close(1001, "away"),
    Close(None),
    Close(1011, "broken"),
    Close(1014, "bad gateway"),
    Close(3000, "insufficient_quota"),
    Close(4999, "größe"),
]


def _mask(payload: bytes) -> bytes:
    return bytes(byte ^ _KEY[index % 4] for index, byte in enumerate(payload))


def _client_frame(first: int, payload: bytes) -> bytes:
    size = len(payload)
    length = bytes((0x80 | size,)) if size < 126 else b"\xfe" + size.to_bytes(2)
    return bytes((first,)) + length + _KEY + _mask(payload)


def _provider_frame(first: int, payload: bytes) -> bytes:
    size = len(payload)
    length = bytes((size,)) if size < 126 else b"\x7e" + size.to_bytes(2)
    return bytes((first,)) + length + payload


def _stream(frame: object) -> bytes:
    make = _client_frame if frame == "client" else _provider_frame
    return b"".join(
        (
            make(0x81, "grüße".encode()),
            make(0x82, bytes(range(256)) * 40),
            make(0x81, b""),
            make(0x82, b""),
            make(0x01, b"first "),
            make(0x89, b"ping between fragments"),
            make(0x00, b""),
            make(0x80, b"last"),
            make(0x8A, b"unasked pong"),
            make(0x89, b""),
        )
    )


@real_clock
async def test_frames_of_both_sides_arrive_byte_for_byte(driver: str, tmp_path: Path) -> None:
    """The verbatim lane: every kind of frame, fragments, empty ones, control frames."""
    inbound = _stream("client") + _client_frame(0x88, b"\x03\xe8bye")
    outbound = _stream("provider") + _provider_frame(0x88, b"\x03\xe8bye")
    received = []

    async def provider(stream: trio.SSLStream[trio.SocketStream], head: bytes) -> None:
        await accept(stream, head, outbound)
        data = b""
        while len(data) < len(inbound):
            data += bytes(await stream.receive_some(65536))
        received.append(data)

    async with (
        relay(provider, tmp_path, driver=driver) as under_test,
        raw_client(under_test) as client,
    ):
        await client.send_all(inbound)
        assert await read_all(client) == outbound
    assert received == [inbound]


@pytest.mark.parametrize("lane", ["verbatim", "messages"])
@real_clock
async def test_messages_arrive_in_both_lanes(lane: str, driver: str, tmp_path: Path) -> None:
    """What a client of another make sends comes back from an echo as it was."""
    messages: list[str | bytes] = ["grüße", b"\x00\xff" * 5000, "", b"", "x" * 200_000]

    def client(under_test: RelayUnderTest) -> None:
        with connect(
            under_test.url("openai?model=m"),
            ssl=under_test.trust,
            additional_headers=_AUTHORISATION,
            compression=None,
        ) as websocket:
            for message in messages:
                websocket.send(message)
                assert websocket.recv() == message
            websocket.send(["frag", "men", "ted"])
            assert websocket.recv() == "fragmented"
            assert websocket.ping(b"are you there").wait(10)

    async with relay(Echo(), tmp_path, driver=driver, lane=lane) as under_test:
        await trio.to_thread.run_sync(client, under_test)


@pytest.mark.parametrize("lane", ["verbatim", "messages"])
@pytest.mark.parametrize("close", _CLOSES, ids=lambda close: str(close.code))
def test_a_close_of_the_provider_reaches_the_client(
    close: Close, lane: str, driver: str, tmp_path: Path
) -> None:
    """Code and reason arrive; the client's answer goes back to the provider."""
    answered = []

    async def provider(stream: trio.SSLStream[trio.SocketStream], head: bytes) -> None:
        await accept(stream, head, control_frame(0x8, close.payload(), None))
        answered.append(bytes(await stream.receive_some(200)))

    def client(under_test: RelayUnderTest) -> None:
        with connect(
            under_test.url("openai?model=m"),
            ssl=under_test.trust,
            additional_headers=_AUTHORISATION,
        ) as websocket:
            with pytest.raises(ConnectionClosed) as info:
                websocket.recv()
            assert info.value.rcvd is not None or close.code is None
            assert websocket.close_code == (close.code or 1005)
            assert websocket.close_reason == close.reason

    @real_clock
    async def run() -> None:
        async with relay(provider, tmp_path, driver=driver, lane=lane) as under_test:
            await trio.to_thread.run_sync(client, under_test)

    run()
    assert answered[0][:1] == b"\x88"


@pytest.mark.parametrize("lane", ["verbatim", "messages"])
@pytest.mark.parametrize("close", _CLOSES, ids=lambda close: str(close.code))
def test_a_close_of_the_client_reaches_the_provider(
    close: Close, lane: str, driver: str, tmp_path: Path
) -> None:
    """Code and reason arrive; the provider's answer goes back to the client."""
    frame = control_frame(0x8, close.payload(), _KEY)
    answer = control_frame(0x8, close.payload(), None)
    received = []

    async def provider(stream: trio.SSLStream[trio.SocketStream], head: bytes) -> None:
        await accept(stream, head)
        data = bytes(await stream.receive_some(200))
        key = data[2:6]
        received.append(bytes(b ^ key[i % 4] for i, b in enumerate(data[6:])))
        await stream.send_all(answer)

    @real_clock
    async def run() -> None:
        async with (
            relay(provider, tmp_path, driver=driver, lane=lane) as under_test,
            raw_client(under_test) as client,
        ):
            await client.send_all(frame)
            assert await read_all(client) == answer

    run()
    assert received == [close.payload()]


@real_clock
async def test_a_client_that_is_killed_ends_the_session_at_the_provider(
    driver: str, tmp_path: Path
) -> None:
    """A reset in the middle of a message: the provider's leg is ended at once, and reset."""
    ended = trio.Event()
    received = []

    async def provider(stream: trio.SSLStream[trio.SocketStream], head: bytes) -> None:
        await accept(stream, head)
        received.append(await read_all(stream))
        ended.set()

    async with (
        relay(provider, tmp_path, driver=driver) as under_test,
        raw_client(under_test) as client,
    ):
        await client.send_all(b"\x82\xfe\x10\x00" + _KEY + b"half of it")
        await trio.aclose_forcefully(client)
        with trio.fail_after(5):
            await ended.wait()
    assert b"\x88" not in received[0]  # no Close inside a frame


@real_clock
async def test_a_provider_that_is_killed_ends_the_session_at_the_client(
    driver: str, tmp_path: Path
) -> None:
    """The client gets the reason at once, not silence."""

    async def provider(stream: trio.SSLStream[trio.SocketStream], head: bytes) -> None:
        await accept(stream, head, b"\x81\x02hi")
        await trio.aclose_forcefully(stream)

    async with (
        relay(provider, tmp_path, driver=driver) as under_test,
        raw_client(under_test) as client,
    ):
        with trio.fail_after(5):
            data = b""
            while len(data) < 32:
                data += bytes(await client.receive_some(1000))
    assert data == b"\x81\x02hi\x88\x1a\x03\xf3upstream connection lost"
