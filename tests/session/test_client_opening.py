"""From an accepted connection to a request, and whose it is; between proxies and strangers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from ipaddress import ip_network
from typing import Any

import pytest
import structlog
import trio
from trio.testing import memory_stream_pair, wait_all_tasks_blocked

from relay.protocol import Timeouts, TrustedProxies
from relay.server import Server
from relay.testing.handshakes import head, upgrade
from tests.played_session import CREDENTIAL, TARGET, ask, error_of, open_session, session, settings
from tests.protocol.proxy_headers import addresses, binary, line
from tests.support import Peer, Variant, in_every_variant, trio_test

CLIENT = "192.0.2.7"
HEADER = binary(addresses(CLIENT, "192.0.2.1"))
REQUEST = upgrade(TARGET, CREDENTIAL)
PASSES = (401, 2041)  # what is asked without a credential, where no limit says something else

# A connection in memory is to the relay as one on a Unix socket.
BEHIND_A_PROXY: Mapping[str, Any] = {
    "trusted_proxies": TrustedProxies((ip_network("10.0.0.0/8"),), unix=True)
}
WITH_HEADERS: Mapping[str, Any] = {**BEHIND_A_PROXY, "proxy_protocol": True}


def for_client(address: str) -> str:
    """The field line of a proxy that speaks for this client."""
    return f"X-Forwarded-For: {address}"


@asynccontextmanager
async def connected(server: Server, data: bytes = b"") -> AsyncIterator[Peer]:
    """A client that has sent ``data``, and of which the relay has done what follows."""
    ours, theirs = memory_stream_pair()
    client = Peer(theirs, masks=True)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.handle, ours)
        if data:
            await client.stream.send_all(data)
        await wait_all_tasks_blocked()
        yield client
        await client.end()


async def is_closed(client: Peer) -> bool:
    """Whether the relay has closed the connection by now, without a word."""
    received: list[bytes] = []

    async def read() -> None:
        received.append(await client.receive_rest())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    return received == [b""]


# PROXY headers


@in_every_variant
@pytest.mark.parametrize("header", [HEADER, line(CLIENT)], ids=["binary", "line"])
@pytest.mark.parametrize("dripped", [False, True])
@trio_test
async def test_a_header_tells_the_clients_address(
    variant: Variant, header: bytes, dripped: bool
) -> None:
    async with session(variant, server=WITH_HEADERS) as play:
        if dripped:
            for byte in header:
                await play.client.stream.send_all(bytes([byte]))
                await wait_all_tasks_blocked()
            header = b""
        await play.client.stream.send_all(header + REQUEST)
        asked = await play.accept()
        assert asked.startswith(b"GET /v1/realtime?")
        assert CLIENT.encode() not in asked
        await play.client.receive_head()
        await play.close()
    assert {each["client"] for each in play.log} == {CLIENT}


@pytest.mark.parametrize("header", [binary(command=0x20, family=0), b"PROXY UNKNOWN\r\n"])
@trio_test
async def test_a_header_without_an_address_leaves_it_as_it_was(header: bytes) -> None:
    server = Server(settings(server=WITH_HEADERS, places=1))
    assert (await ask(server, header + head("/healthz"))).status == 200
    with structlog.testing.capture_logs() as log:
        await ask(server, header + upgrade(TARGET))
        await ask(server, header + upgrade(TARGET, for_client(CLIENT)))
    assert [each["client"] for each in log] == ["", CLIENT]


@trio_test
async def test_a_header_of_a_stranger_is_no_request() -> None:
    strangers = {**WITH_HEADERS, "trusted_proxies": TrustedProxies((ip_network("::/0"),))}
    for header in (HEADER, line(CLIENT)):
        answer = await ask(Server(settings(server=strangers)), header + REQUEST)
        assert error_of(answer) == (400, 2000)


@trio_test
async def test_no_header_is_read_where_none_is_awaited() -> None:
    answer = await ask(Server(settings(server=BEHIND_A_PROXY)), HEADER + REQUEST)
    assert error_of(answer) == (400, 2000)


@pytest.mark.parametrize("data", [REQUEST, b"\x16\x03\x01", HEADER[:12] + b"\x11" + HEADER[13:]])
@trio_test
async def test_a_trusted_proxy_without_a_valid_header_is_left_without_an_answer(
    data: bytes,
) -> None:
    with structlog.testing.capture_logs() as log:
        async with connected(Server(settings(server=WITH_HEADERS)), data) as client:
            assert await is_closed(client)
    assert [each["event"] for each in log] == ["no PROXY header"]
    assert log[0]["proxy"] == ""


@trio_test
async def test_a_header_that_does_not_come_in_time() -> None:
    async with session(timeouts=Timeouts(opening=10), server=WITH_HEADERS) as play:
        await play.client.stream.send_all(HEADER[:-1])
        assert await play.client.receive_rest() == b""
        assert trio.current_time() == 10


@trio_test
async def test_a_second_header_is_no_request() -> None:
    answer = await ask(Server(settings(server=WITH_HEADERS)), HEADER + HEADER + REQUEST)
    assert error_of(answer) == (400, 2000)


# Field lines of proxies


@in_every_variant
@trio_test
async def test_a_trusted_proxy_is_believed_and_its_word_stays_here(variant: Variant) -> None:
    async with session(variant, server=BEHIND_A_PROXY) as play:
        await play.request(for_client(f"198.51.100.9, {CLIENT}, 10.0.0.5"))
        asked = await play.accept()
        assert b"forwarded" not in asked.lower()
        assert CLIENT.encode() not in asked
        await play.client.receive_head()
        await play.close()
    assert {each["client"] for each in play.log} == {CLIENT}


@in_every_variant
@trio_test
async def test_a_stranger_is_not_believed_and_passes_nothing_on(variant: Variant) -> None:
    async with session(variant) as play:
        await play.request(for_client(CLIENT), 'Forwarded: for="')
        assert b"forwarded" not in (await play.accept()).lower()
        await play.client.receive_head()
        await play.close()
    assert {each["client"] for each in play.log} == {""}


@trio_test
async def test_the_word_of_a_client_whom_a_header_names_is_not_taken() -> None:
    server = Server(settings(server=WITH_HEADERS))
    nested = binary(addresses("10.1.2.3", "10.0.0.1"))
    with structlog.testing.capture_logs() as log:
        await ask(server, HEADER + upgrade(TARGET, for_client("198.51.100.9")))
        await ask(server, nested + upgrade(TARGET, for_client("198.51.100.9")))
    assert [each["client"] for each in log] == [CLIENT, "198.51.100.9"]


@pytest.mark.parametrize(
    "lines", [[for_client("?")], ["Forwarded: for"], [for_client(CLIENT), "Forwarded: for=1.2.3.4"]]
)
@trio_test
async def test_what_a_proxy_says_and_cannot_be_read_is_400(lines: list[str]) -> None:
    answer = await ask(Server(settings(server=BEHIND_A_PROXY)), upgrade(TARGET, *lines))
    assert error_of(answer) == (400, 2000)


# Connections of one address


def limited(most: int, server: Mapping[str, Any] = BEHIND_A_PROXY, **setting: Any) -> Server:
    return Server(settings(server={**server, "max_sessions_per_address": most}, **setting))


@in_every_variant
@trio_test
async def test_the_sessions_of_an_address_are_limited(variant: Variant) -> None:
    behind = {**WITH_HEADERS, "max_sessions_per_address": 1}
    async with session(variant, server=behind) as play:
        await play.client.stream.send_all(HEADER + REQUEST)
        await play.accept()
        await play.client.receive_head()
        answer = await ask(play.server, HEADER + upgrade(TARGET))
        assert error_of(answer) == (429, 2003)
        assert not answer.values("Retry-After")  # it cannot be known
        assert error_of(await ask(play.server, line("192.0.2.8") + upgrade(TARGET))) == PASSES
        assert len(play.dialled) == 1
        await play.close()
    assert error_of(await ask(play.server, HEADER + upgrade(TARGET))) == PASSES


@pytest.mark.parametrize("others", [CLIENT, f"::ffff:{CLIENT}"])
@trio_test
async def test_an_address_that_field_lines_give_is_limited(others: str) -> None:
    behind = {**BEHIND_A_PROXY, "max_sessions_per_address": 1}
    async with session(server=behind) as play:
        await play.request(for_client(CLIENT))
        await play.accept()
        await play.client.receive_head()
        over = upgrade(TARGET, for_client(others))
        for _ in range(4):
            assert error_of(await ask(play.server, over)) == (429, 2003)
        for line_of_another in (for_client("192.0.2.8"), for_client("10.0.0.9"), "X-Other: 1"):
            answer = await ask(play.server, upgrade(TARGET, line_of_another))
            assert error_of(answer) == PASSES
        await play.close()
    assert error_of(await ask(play.server, over)) == PASSES


@trio_test
async def test_a_proxy_itself_is_not_limited() -> None:
    """Many clients are behind it, of which it may say nothing."""
    server = limited(1, WITH_HEADERS)
    header = line("10.0.0.5")
    async with connected(server, header), connected(server, header):
        assert error_of(await ask(server, header + upgrade(TARGET))) == PASSES
        over = header + upgrade(TARGET, for_client(CLIENT))
        async with connected(server, header + head("/", for_client(CLIENT))):
            assert error_of(await ask(server, over)) == (429, 2003)


@trio_test
async def test_an_ipv6_client_is_limited_by_its_64() -> None:
    server = limited(1, WITH_HEADERS)
    async with connected(server, line("2001:db8:0:1::1")):
        same, other = line("2001:db8:0:1:ffff::2"), line("2001:db8:0:2::1")
        assert error_of(await ask(server, same + upgrade(TARGET))) == (429, 2003)
        assert error_of(await ask(server, other + upgrade(TARGET))) == PASSES


@trio_test
async def test_connections_that_say_nothing_count_and_far_too_many_are_closed() -> None:
    server = limited(2, WITH_HEADERS)
    async with (
        connected(server, HEADER) as first,
        connected(server, HEADER + upgrade(TARGET)[:9]) as second,
        connected(server, HEADER) as third,
        connected(server, HEADER) as fourth,
    ):
        async with connected(server, HEADER) as fifth:
            assert await is_closed(fifth)
        for client in (third, fourth):
            assert not await is_closed(client)
            await client.stream.send_all(upgrade(TARGET))
            assert error_of(await client.receive_answer()) == (429, 2003)
        await wait_all_tasks_blocked()
        async with connected(server, HEADER) as sixth:
            assert not await is_closed(sixth)
        for client, rest in ((first, upgrade(TARGET)), (second, upgrade(TARGET)[9:])):
            await client.stream.send_all(rest)
            assert error_of(await client.receive_answer()) == PASSES
    assert not server.quotas._connections


@trio_test
async def test_far_too_many_requests_of_a_proxied_client_are_still_told() -> None:
    server = limited(1)
    slow = head("/", for_client(CLIENT))  # refused, and it does not end its side
    async with connected(server, slow), connected(server, slow):
        for _ in range(2):
            over = upgrade(TARGET, for_client(CLIENT))
            assert error_of(await ask(server, over)) == (429, 2003)


@trio_test
async def test_the_limit_of_an_address_stands_where_the_other_limits_do() -> None:
    server = limited(1, WITH_HEADERS, authentication_required=True, max_sessions=1)
    wrong = "cf-aig-authorization: rly_" + "x" * 43
    async with connected(server, HEADER):
        for request, error in {
            head("/"): (404, 2000),
            upgrade("/v1/acct/none/openai"): (404, 2001),
            upgrade(TARGET, wrong): (401, 2009),
        }.items():
            assert error_of(await ask(server, HEADER + request)) == error
        assert (await ask(server, HEADER + head("/healthz"))).status == 200


# Too many that are no sessions


def few(most: int, **setting: Any) -> Server:
    return Server(settings(server={"max_openings": most}, **setting))


@trio_test
async def test_the_oldest_that_says_nothing_gives_way_to_a_new_one() -> None:
    server = few(2)
    async with connected(server, upgrade(TARGET)[:-1]) as slow, connected(server) as silent:
        await trio.sleep(1)
        assert error_of(await ask(server, upgrade(TARGET))) == PASSES
        assert await is_closed(silent)
        assert not await is_closed(slow)
        await slow.stream.send_all(upgrade(TARGET)[-1:])
        assert error_of(await slow.receive_answer()) == PASSES
        assert trio.current_time() == 1


@trio_test
async def test_slow_heads_keep_nobody_out() -> None:
    server = few(1)
    async with connected(server, upgrade(TARGET)[:-1]) as slow:
        await trio.sleep(1)
        assert error_of(await ask(server, upgrade(TARGET))) == PASSES
        assert await is_closed(slow)


@trio_test
async def test_a_refused_client_that_does_not_go_gives_way_and_holds_no_session() -> None:
    server = few(1, places=1)
    async with connected(server, upgrade(TARGET)) as refused:
        assert server.quotas.open == 0
        await trio.sleep(1)
        assert error_of(await ask(server, upgrade(TARGET))) == PASSES
        assert (await refused.receive_rest()).startswith(b"HTTP/1.1 401 ")
        assert trio.current_time() == 1


@in_every_variant
@trio_test
async def test_sessions_and_their_openings_do_not_give_way(variant: Variant) -> None:
    async with session(variant, connects=False, server={"max_openings": 1}) as play:
        await play.request()
        await wait_all_tasks_blocked()
        for _ in range(3):
            await trio.sleep(1)
            assert error_of(await ask(play.server, upgrade(TARGET))) == PASSES
        play.may_connect.set()
        await play.accept()
        assert (await play.client.receive_head()).startswith(b"HTTP/1.1 101 ")
        for _ in range(3):
            await trio.sleep(1)
            assert error_of(await ask(play.server, upgrade(TARGET))) == PASSES
        await play.close()


# The order to stop


@trio_test
async def test_who_said_nothing_is_ended_when_the_relay_drains() -> None:
    server = Server(settings(timeouts=Timeouts(opening=10)))
    async with connected(server) as silent, connected(server, upgrade(TARGET)[:-1]) as slow:
        server.drain()
        await wait_all_tasks_blocked()
        assert await is_closed(silent)
        await slow.stream.send_all(upgrade(TARGET)[-1:])
        assert error_of(await slow.receive_answer()) == (503, 2102)
        async with connected(server) as late:
            assert not await is_closed(late)
            await late.stream.send_all(upgrade(TARGET))
            assert error_of(await late.receive_answer()) == (503, 2102)
        assert trio.current_time() == 0


@in_every_variant
@trio_test
async def test_open_sessions_are_not_taken_for_silent_connections(variant: Variant) -> None:
    async with open_session(variant) as play:
        assert play.server.openings.silent == 0
        await play.close()
