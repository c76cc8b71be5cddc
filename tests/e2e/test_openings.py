"""What happens before the 101, over TLS on both legs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import trio

from relay.protocol import Timeouts
from relay.session import upstream_opening
from relay.testing.frames import Frame, decode
from tests.e2e.drivers import example, in_every_driver, with_the_guide
from tests.e2e.support import (
    REQUEST,
    Provider,
    RelayUnderTest,
    accept,
    connect,
    read_all,
    read_head,
    relay,
)
from tests.support import real_clock

_KEY = b"\x01\x02\x03\x04"
_BYE = Frame(0x8, b"\x03\xe8")
_PATIENCE = Timeouts(upstream=600)
_Stream = trio.SSLStream[trio.SocketStream]


class _Listening:
    """A provider that accepts when it may, and keeps what comes until a Close."""

    def __init__(self) -> None:
        self.asked = trio.Event()
        self.may_accept = trio.Event()
        self.ended = trio.Event()
        self.received = b""

    async def __call__(self, stream: _Stream, head: bytes) -> None:
        self.asked.set()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._notice_the_end, stream)
            await self.may_accept.wait()
            nursery.cancel_scope.cancel()
        await accept(stream, head)
        while not self.received.endswith(_BYE.encode(_KEY)):
            self.received += bytes(await stream.receive_some(65536))
        await stream.send_all(_BYE.encode())

    async def _notice_the_end(self, stream: _Stream) -> None:
        await read_all(stream)
        self.ended.set()


@pytest.mark.parametrize("size", [10, 1_000_000], ids=["little", "more-than-is-kept"])
@in_every_driver
@real_clock
async def test_what_a_client_sends_before_its_101_arrives_after_it(
    size: int, driver: str, tmp_path: Path
) -> None:
    provider = _Listening()
    early = Frame(0x2, bytes(size)).encode(_KEY) + Frame(0x1, b"later").encode(_KEY)
    async with (
        relay(provider, tmp_path, driver=driver) as under_test,
        await connect(under_test) as client,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(client.send_all, REQUEST + early + _BYE.encode(_KEY))
        await provider.asked.wait()
        provider.may_accept.set()
        assert (await read_head(client)).startswith(b"HTTP/1.1 101 ")
        assert decode(await read_all(client), masked=False) == [_BYE]
    assert provider.received == early + _BYE.encode(_KEY)


@in_every_driver
@real_clock
async def test_a_client_that_leaves_ends_the_dialling(driver: str, tmp_path: Path) -> None:
    provider = _Listening()
    async with relay(provider, tmp_path, driver=driver, timeouts=_PATIENCE) as under_test:
        client = await connect(under_test)
        await client.send_all(REQUEST)
        await provider.asked.wait()
        await trio.aclose_forcefully(client)
        await provider.ended.wait()


@in_every_driver
@real_clock
async def test_no_session_opens_once_the_relay_drains(driver: str, tmp_path: Path) -> None:
    provider = _Listening()
    async with (
        relay(provider, tmp_path, driver=driver) as under_test,
        await connect(under_test) as client,
        trio.open_nursery() as nursery,
    ):
        await client.send_all(REQUEST)
        await provider.asked.wait()
        nursery.start_soon(under_test.drain)
        while not await _refuses_all(under_test):
            pass
        provider.may_accept.set()
        assert (await read_head(client)).startswith(b"HTTP/1.1 503 ")
        assert json.loads(await read_all(client))["error"][0]["code"] == 2102
        await client.aclose()


async def _refuses_all(under_test: RelayUnderTest) -> bool:
    """Whether the relay gives its stop as its reason, or does not even accept connections."""
    try:
        async with await connect(under_test) as client:
            await client.send_all(REQUEST.replace(b"rly_", b"no_"))
            return (await read_head(client)).startswith(b"HTTP/1.1 503 ")
    except (OSError, trio.BrokenResourceError, AssertionError):
        return True


async def _never(_stream: _Stream, _head: bytes) -> None:
    pytest.fail("the provider was dialled")


@in_every_driver
@real_clock
async def test_a_request_that_does_not_end_is_408(driver: str, tmp_path: Path) -> None:
    timeouts = Timeouts(opening=0.5)
    async with relay(_never, tmp_path, driver=driver, timeouts=timeouts) as under_test:
        client = await connect(under_test)
        await client.send_all(REQUEST[:30])
        assert (await read_head(client)).startswith(b"HTTP/1.1 408 ")
        body = json.loads(await read_all(client))
        assert body["error"][0]["code"] == 2000
        await trio.aclose_forcefully(client)


@in_every_driver
@real_clock
async def test_a_refusal_reaches_a_client_that_goes_on_sending(driver: str, tmp_path: Path) -> None:
    """A connection that is closed with bytes unread is reset, and the answer lost with it."""
    async with relay(_never, tmp_path, driver=driver) as under_test:
        await _is_told_and_goes_on_sending(await connect(under_test))


@with_the_guide
@real_clock
async def test_a_refusal_reaches_a_client_that_goes_on_sending_without_tls(
    driver: str, tmp_path: Path
) -> None:
    async with relay(_never, tmp_path, driver=driver) as under_test:
        client = await trio.open_tcp_stream("localhost", under_test.http_port)
        await _is_told_and_goes_on_sending(client)


async def _is_told_and_goes_on_sending(client: trio.abc.Stream) -> None:
    request = REQUEST.replace(b"rly_", b"no_") + bytes(500_000)
    async with client, trio.open_nursery() as nursery:
        nursery.start_soon(client.send_all, request)
        assert (await read_head(client)).startswith(b"HTTP/1.1 401 ")
        assert json.loads(await read_all(client))["error"][0]["code"] == 2009


@pytest.mark.parametrize("shakes_hands", [True, False])
@in_every_driver
@real_clock
async def test_a_client_that_says_nothing_is_told_nothing(
    shakes_hands: bool, driver: str, tmp_path: Path
) -> None:
    timeouts = Timeouts(opening=0.5)
    async with relay(_never, tmp_path, driver=driver, timeouts=timeouts) as under_test:
        client = await connect(under_test)
        if shakes_hands:
            await client.do_handshake()
            assert await read_all(client) == b""
        else:
            assert await read_all(client.transport_stream) == b""
        await trio.aclose_forcefully(client)


@in_every_driver
@real_clock
async def test_the_next_upstream_is_asked_when_one_cannot_be_reached(
    driver: str, tmp_path: Path
) -> None:
    provider = _Listening()
    provider.may_accept.set()
    async with (
        relay(provider, tmp_path, driver=driver) as under_test,
        await connect(under_test) as client,
    ):
        await client.send_all(REQUEST.replace(b"/openai?", b"/spare?") + _BYE.encode(_KEY))
        assert (await read_head(client)).startswith(b"HTTP/1.1 101 ")
        assert decode(await read_all(client), masked=False) == [_BYE]
    assert provider.received == _BYE.encode(_KEY)


async def _refuse_and_drip(stream: _Stream, _head: bytes) -> None:
    """A refusal whose body never ends."""
    await stream.send_all(b"HTTP/1.1 503 No\r\nContent-Length: 100\r\n\r\nsome")
    await read_all(stream)


async def _bad_chunks(stream: _Stream, _head: bytes) -> None:
    await stream.send_all(b"HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n")
    await read_all(stream)


@pytest.mark.parametrize("provider", [_refuse_and_drip, _bad_chunks])
@in_every_driver
@real_clock
async def test_a_refusal_without_its_whole_body_keeps_its_status(
    provider: Provider, driver: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upstream_opening, "_FOR_THE_BODY", 0.2)
    for name in ("asyncio_relay", "threads_relay"):
        monkeypatch.setattr(example(name), "FOR_THE_BODY", 0.2)
    async with relay(provider, tmp_path, driver=driver, timeouts=_PATIENCE) as under_test:
        client = await connect(under_test)
        await client.send_all(REQUEST)
        assert (await read_head(client)).startswith(b"HTTP/1.1 503 ")
        assert b"the provider refused the session with status 503; its body" in (
            await read_all(client)
        )
        await trio.aclose_forcefully(client)
