"""Sessions that are refused: by the relay itself, and for what the provider did."""

from __future__ import annotations

from contextlib import suppress

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from relay.protocol import Refused, Timeouts
from relay.server import Server
from relay.testing.handshakes import head, upgrade
from tests.played_session import CREDENTIAL, TARGET, ask, error_of, open_session, session, settings
from tests.protocol.handshakes import TOKEN
from tests.support import trio_test

# Providers that do not open


@trio_test
async def test_a_provider_that_never_answers_is_504() -> None:
    async with session(timeouts=Timeouts(upstream=10)) as play:
        await play.request()
        await play.provider.receive_head()
        answer = await play.client.receive_answer()
        assert trio.current_time() == 10
        assert play.upstream_leg.closed
    assert error_of(answer) == (504, 2101)
    assert "http_response_timeout" in answer.values("Proxy-Status")[0]


@trio_test
async def test_a_gateways_own_timeouts_are_those_of_its_sessions() -> None:
    async with session(gateway_timeouts=Timeouts(upstream=3)) as play:
        await play.request()
        assert error_of(await play.client.receive_answer()) == (504, 2101)
        assert trio.current_time() == 3


@trio_test
async def test_a_provider_has_one_deadline_for_its_whole_answer() -> None:
    async with session(timeouts=Timeouts(upstream=10)) as play, trio.open_nursery() as nursery:
        await play.request()
        await play.provider.receive_head()
        nursery.start_soon(play.provider.drip, b"HTTP/1.1 101 Switching Protocols\r\n")
        assert error_of(await play.client.receive_answer()) == (504, 2101)
        assert trio.current_time() == 10


@pytest.mark.parametrize(
    "data", [b"", b"HTTP/1.1 101", b"HTTP/1.1 200 OK\r\n\r\n", b"SSH-2.0-OpenSSH_9.9\r\n"]
)
@trio_test
async def test_a_provider_that_gives_no_valid_answer_is_502(data: bytes) -> None:
    async with session() as play:
        await play.request()
        await play.provider.receive_head()
        if data:
            await play.provider.stream.send_all(data)
        await play.provider.end()
        answer = await play.client.receive_answer()
    assert error_of(answer) == (502, 2100)
    assert "http_protocol_error" in answer.values("Proxy-Status")[0]
    assert play.ended_at == 0


@trio_test
async def test_a_provider_that_answers_without_reading_the_request() -> None:
    """Writing to it fails, and its answer is still read."""
    async with session() as play:
        play.upstream_leg.break_writes()
        await play.request()
        await play.provider.stream.send_all(
            b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 4\r\n\r\nslow"
        )
        answer = await play.client.receive_answer()
    assert (answer.status, answer.body) == (429, b"slow")


@trio_test
async def test_a_providers_refusal_reaches_the_client() -> None:
    async with session() as play:
        await play.request()
        await play.provider.receive_head()
        refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/x\r\nContent-Length: 2\r\n\r\nno"
        await play.provider.stream.send_all(refusal)
        answer = await play.client.receive_answer()
    assert (answer.status, answer.body) == (403, b"no")
    assert answer.values("Content-Type") == ["text/x"]
    assert answer.values("Proxy-Status") == ["relay; received-status=403"]
    assert play.upstream_leg.closed


@pytest.mark.parametrize("pause", [0, 1])
@pytest.mark.parametrize(
    ("line", "piece"),
    [
        pytest.param(b"", b"x", id="to-the-end"),
        pytest.param(b"Content-Length: 100000\r\n", b"x", id="of-known-length"),
        pytest.param(b"Transfer-Encoding: chunked\r\n", b"1\r\nx\r\n", id="chunked"),
    ],
)
@trio_test
async def test_the_body_of_a_providers_refusal_may_be_endless(
    line: bytes, piece: bytes, pause: float
) -> None:
    """As fast as it can be read, or drop by drop: that it refuses is known soon enough."""
    async with session(timeouts=Timeouts(upstream=10)) as play, trio.open_nursery() as nursery:

        async def talk() -> None:
            await play.provider.receive_head()
            await play.provider.stream.send_all(b"HTTP/1.1 500 Oh\r\n" + line + b"\r\n")
            with suppress(trio.BrokenResourceError):
                while True:
                    await play.provider.stream.send_all(piece if pause else piece * 1024)
                    await trio.sleep(pause)

        nursery.start_soon(talk)
        await play.request()
        assert error_of(await play.client.receive_answer()) == (500, 2100)
        assert trio.current_time() == (2 if pause else 0)


@pytest.mark.parametrize(
    ("head_after", "body_after", "answer_at", "body"),
    [(0, 1, 1, b"no"), (8, 1, 9, b"no"), (0, 3, 2, None), (9, 1.5, 10, None)],
)
@trio_test
async def test_a_providers_refusal_may_have_a_body_that_is_late(
    head_after: float, body_after: float, answer_at: float, body: bytes | None
) -> None:
    """By two seconds, and never beyond the deadline of the whole answer."""
    async with session(timeouts=Timeouts(upstream=10)) as play, trio.open_nursery() as nursery:

        async def talk() -> None:
            await play.provider.receive_head()
            await trio.sleep(head_after)
            head = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n"
            await play.provider.stream.send_all(head)
            await trio.sleep(body_after)
            with suppress(trio.BrokenResourceError):
                await play.provider.stream.send_all(b"no")

        nursery.start_soon(talk)
        await play.request()
        answer = await play.client.receive_answer()
        assert trio.current_time() == answer_at
    assert answer.status == 403
    if body is None:
        assert error_of(answer) == (403, 2100)
        assert b"its body did not end in time" in answer.body
    else:
        assert answer.body == body


@trio_test
async def test_a_dial_that_is_refused() -> None:
    async with session() as play:
        play.dial_errors = [Refused(502, 2100, "not today", proxy_error="dns_error")]
        await play.request()
        answer = await play.client.receive_answer()
    assert error_of(answer) == (502, 2100)
    assert "dns_error" in answer.values("Proxy-Status")[0]


@trio_test
async def test_a_fault_of_the_dial_is_500() -> None:
    async with session() as play:
        play.dial_errors = [OSError("the words of a peer")]
        await play.request()
        answer = await play.client.receive_answer()
    assert error_of(answer) == (500, 2000)
    assert b"the words" not in answer.body
    assert play.faults == ["OSError"]


# The relay's own refusals


@pytest.mark.parametrize("draining", [False, True])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("target", ["/healthz", "/readyz"])
@trio_test
async def test_health(target: str, version: str, draining: bool) -> None:
    server = Server(settings())
    if draining:
        server.drain()
    answer = await ask(server, head(target, version=version))
    if target == "/readyz" and draining:
        assert (answer.status, answer.body) == (503, b"draining\n")
    else:
        assert (answer.status, answer.body) == (200, b"ok\n")
    assert answer.values("Content-Type") == ["text/plain"]


@pytest.mark.parametrize("target", ["/healthz", "/readyz"])
@trio_test
async def test_health_has_no_other_methods_than_get_and_head(target: str) -> None:
    async with session() as play:
        await play.client.stream.send_all(head(target, method="HEAD"))
        answer = await play.client.receive_rest()
        await play.client.end()
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"\r\nContent-Length: 3\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")
    refused = await ask(play.server, head(target, method="POST"))
    assert error_of(refused) == (405, 2000)
    assert refused.values("Allow") == ["GET, HEAD"]


@trio_test
async def test_health_is_answered_when_the_relay_is_full() -> None:
    async with open_session(places=1) as play:
        assert (await ask(play.server, head("/readyz"))).status == 200
        await play.close()


@pytest.mark.parametrize("full", [False, True], ids=["draining", "full"])
@trio_test
async def test_draining_and_full_stand_between_the_request_and_the_gateway(full: bool) -> None:
    async with open_session(places=1) as play:
        if not full:
            play.server.drain()
        cases = {
            b"nonsense\r\n\r\n": (400, 2000),
            head("/nowhere"): (404, 2000),
            head(TARGET, method="POST"): (405, 2000),
            head(TARGET): (426, 2000),
            upgrade("/v1/acct/none/openai"): (503, 2102),
            upgrade(TARGET, f"cf-aig-authorization: {TOKEN}x"): (503, 2102),
            upgrade(TARGET): (503, 2102),
        }
        for data, error in cases.items():
            answer = await ask(play.server, data)
            assert error_of(answer) == error
            assert bool(answer.values("Retry-After")) is (error[0] == 503)
        assert len(play.dialled) == 1
        await play.client.end()
        await play.provider.end()
    if full:
        assert error_of(await ask(play.server, upgrade("/v1/acct/none/openai"))) == (404, 2001)


@trio_test
async def test_draining_begins_while_the_provider_is_dialled() -> None:
    async with session(connects=False) as play:
        await play.request()
        await wait_all_tasks_blocked()
        play.server.drain()
        play.may_connect.set()
        await play.accept()
        assert error_of(await play.client.receive_answer()) == (503, 2102)
        assert await play.provider.receive_rest() == b""


@trio_test
async def test_the_sessions_of_a_gateway_are_limited() -> None:
    async with open_session(max_sessions=1) as play:
        answer = await ask(play.server, upgrade(TARGET, CREDENTIAL))
        assert error_of(answer) == (429, 2003)
        assert not answer.values("Retry-After")  # it cannot be known
        assert len(play.dialled) == 1
        await play.close()
    # The place is free again: what is missing is only a credential.
    assert error_of(await ask(play.server, upgrade(TARGET))) == (401, 2041)


@trio_test
async def test_the_openings_per_minute_of_a_gateway_are_limited() -> None:
    server = Server(settings(openings_per_minute=2))
    for _ in range(2):
        assert error_of(await ask(server, upgrade(TARGET))) == (401, 2041)
    await trio.sleep(9.5)
    answer = await ask(server, upgrade(TARGET))
    assert error_of(answer) == (429, 2003)
    assert answer.values("Retry-After") == ["21"]
    await trio.sleep(20.5)
    assert error_of(await ask(server, upgrade(TARGET))) == (401, 2041)
