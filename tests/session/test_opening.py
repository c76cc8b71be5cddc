"""The opening of a session: from a client's first byte to its 101, or to its refusal."""

from __future__ import annotations

from typing import NoReturn

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from relay.protocol import ClientHandshake, Timeouts
from relay.protocol.frames import BINARY, TEXT
from relay.server import Server
from relay.testing.frames import Frame, close
from relay.testing.handshakes import head, parse_answer, upgrade
from tests.played_session import TARGET, ask, error_of, open_session, session, settings
from tests.support import AWAY, Variant, in_every_variant, in_portable_variants, trio_test

PIECE = Frame(BINARY, b"0123456789abcdef" * 512)  # 8 KiB


# The 101


@in_every_variant
@trio_test
async def test_both_opening_handshakes(variant: Variant) -> None:
    async with session(variant) as play:
        await play.request("Sec-WebSocket-Protocol: realtime, other")
        asked = await play.accept("Sec-WebSocket-Protocol: other")
        assert asked.startswith(b"GET /v1/realtime?model=gpt-realtime HTTP/1.1\r\n")
        answer = (await play.client.receive_head()).split(b"\r\n")
        assert answer[0] == b"HTTP/1.1 101 Switching Protocols"
        assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in answer  # RFC 6455 1.3
        assert b"Sec-WebSocket-Protocol: other" in answer
        assert f"cf-aig-log-id: {play.log[0]['session']}".encode() in answer
        assert [str(each.authority) for each in play.dialled] == ["api.openai.com"]
        await play.close()
    assert "sk-of-the-client" not in str(play.log)


@in_every_variant
@trio_test
async def test_early_data_of_the_client_is_kept_in_order(variant: Variant) -> None:
    frames = [Frame(TEXT, f"early {i}".encode()) for i in range(4)]
    async with session(variant, connects=False) as play:
        await play.request(early_data=play.client.encode(frames[0]))
        await wait_all_tasks_blocked()
        await play.client.send(frames[1])
        await wait_all_tasks_blocked()
        await play.client.send(frames[2])
        play.may_connect.set()
        await play.accept()
        await play.client.send(frames[3])
        await play.client.receive_head()
        assert [await play.provider.receive() for _ in frames] == frames
        await play.close()


@in_portable_variants
@pytest.mark.parametrize("with_request", [0, 3, 7])
@trio_test
async def test_no_more_than_64_kib_of_early_data_are_read(
    variant: Variant, with_request: int
) -> None:
    async with session(variant, tight=True, connects=False) as play:
        pieces = [play.client.encode(PIECE)] * 20
        taken = with_request

        async def flood() -> None:
            nonlocal taken
            await play.request(early_data=b"".join(pieces[:with_request]))
            for piece in pieces[with_request:]:
                await play.client.stream.send_all(piece)
                taken += 1

        async with trio.open_nursery() as nursery:
            nursery.start_soon(flood)
            await wait_all_tasks_blocked()
            assert taken == 7  # and nearly all of the eighth piece
            play.may_connect.set()
            await play.accept()
            await play.client.receive_head()
            assert [await play.provider.receive() for _ in pieces] == [PIECE] * len(pieces)
        play.scope.cancel()


@in_every_variant
@trio_test
async def test_what_comes_with_the_providers_101_is_carried(variant: Variant) -> None:
    frames = [Frame(TEXT, b"session.created"), Frame(BINARY, b"x" * 70_000)]
    async with session(variant) as play:
        await play.request()
        await play.accept(early_data=play.provider.encode(*frames))
        await play.client.receive_head()
        assert [await play.client.receive() for _ in frames] == frames
        await play.close()


@in_every_variant
@trio_test
async def test_closes_that_come_before_the_session_is_open(variant: Variant) -> None:
    async with session(variant) as play:
        await play.request(early_data=play.client.encode(close(3000, "never mind")))
        await play.accept(early_data=play.provider.encode(close(3001, "nor do I")))
        await play.client.receive_head()
        assert await play.client.receive() == close(3001, "nor do I")
        assert await play.provider.receive() == close(3000, "never mind")
        await play.provider.end()
        await play.client.end()
    assert play.ended_at == 0


@in_every_variant
@trio_test
async def test_a_path_in_the_clear_makes_it_the_messages_lane(
    variant: Variant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client's masking keys must not be seen there (RFC 6455 10.3)."""
    monkeypatch.setattr("relay.session.upstream_opening.is_private_path", lambda _: False)
    async with open_session(variant) as play:
        sent = play.client.encode(Frame(BINARY, b"\0" * 16))
        await play.client.stream.send_all(sent)
        assert (await play.provider.receive_bytes(len(sent)))[2:] != sent[2:]
        await play.close()


@trio_test
async def test_a_client_that_leaves_as_its_101_is_sent() -> None:
    async with session(tight=True) as play:
        await play.request()
        await play.accept()
        await wait_all_tasks_blocked()
        await play.client.end()
        assert await play.provider.answer_close() == AWAY
        await play.provider.end()
    assert play.ended_at == 0
    assert play.record["by"] == "client"


@trio_test
async def test_a_client_that_does_not_take_its_101() -> None:
    async with session(tight=True, timeouts=Timeouts(write=30)) as play:
        await play.request()
        await play.accept()
        assert await play.provider.answer_close() == AWAY
        assert trio.current_time() == 30
        await play.provider.end()
    assert play.client_leg.was_reset


# Clients that leave, or never come


@trio_test
async def test_the_clients_end_cancels_the_dial_at_once() -> None:
    async with session(connects=False) as play:
        await play.request()
        await wait_all_tasks_blocked()
        assert play.dialling
        await play.client.end()
    assert play.ended_at == 0
    assert not play.dialling


@trio_test
async def test_the_clients_end_cancels_the_wait_for_the_101_at_once() -> None:
    async with session() as play:
        await play.request()
        await play.provider.receive_head()
        await play.client.end()
        assert await play.provider.receive_rest() == b""
    assert play.ended_at == 0


@trio_test
async def test_a_silent_client_is_left_without_an_answer() -> None:
    async with session(timeouts=Timeouts(opening=10)) as play:
        assert await play.client.receive_rest() == b""
        assert trio.current_time() == 10


@pytest.mark.parametrize("data", [b"G", b"\r\n", b"GET / HTTP/1.1\r\nHost: relay.test\r\n"])
@trio_test
async def test_a_request_that_is_not_whole_in_time_is_408(data: bytes) -> None:
    async with session(timeouts=Timeouts(opening=10)) as play:
        await play.client.stream.send_all(data)
        answer = await play.client.receive_answer()
    assert error_of(answer) == (408, 2000)
    assert play.ended_at == 10


@trio_test
async def test_the_deadline_is_for_the_whole_request() -> None:
    async with session(timeouts=Timeouts(opening=10)) as play, trio.open_nursery() as nursery:
        nursery.start_soon(play.client.drip, upgrade(TARGET))
        answer = parse_answer(await play.client.receive_rest())
        assert error_of(answer) == (408, 2000)
        assert trio.current_time() == 10
        nursery.cancel_scope.cancel()


@trio_test
async def test_half_a_request_gets_no_answer() -> None:
    async with session() as play:
        await play.client.stream.send_all(upgrade(TARGET)[:-1])
        await play.client.end()
    assert play.ended_at == 0
    assert not play.log


@trio_test
async def test_a_client_that_does_not_read_its_refusal_is_cut_off() -> None:
    async with session(tight=True, timeouts=Timeouts(close=5)) as play:
        await play.client.stream.send_all(head("/"))
    assert play.ended_at == 5


@trio_test
async def test_a_client_that_does_not_end_after_its_refusal_is_cut_off() -> None:
    async with session(timeouts=Timeouts(close=5)) as play:
        await play.client.stream.send_all(head("/"))
        assert (await play.client.receive_rest()).startswith(b"HTTP/1.1 404 ")
        assert trio.current_time() == 0
    assert play.ended_at == 5


@pytest.mark.parametrize("first", [head("/healthz"), head("/"), upgrade("/v1/acct/none/openai")])
@trio_test
async def test_a_second_request_is_dropped(first: bytes) -> None:
    server = Server(settings())
    await ask(server, first + head("/healthz"))  # exactly one answer, or it is no answer


# Faults


@pytest.mark.parametrize(
    "where", ["relay.session.opening.examine", "relay.session.opening.upstream_request"]
)
@trio_test
async def test_a_fault_during_the_opening_is_500(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with session() as play:
        with monkeypatch.context() as patch:
            patch.setattr(where, fault)
            await play.request()
            answer = await play.client.receive_answer()
        assert error_of(answer) == (500, 2000)
        assert "proxy_internal_error" in answer.values("Proxy-Status")[0]
    assert play.faults == ["RuntimeError"]
    assert "the words of a peer" not in str(play.log) + str(answer)
    assert (await ask(play.server, head("/readyz"))).status == 200


@trio_test
async def test_a_fault_after_the_providers_101_is_500(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ClientHandshake, "accept", fault)
    async with session() as play:
        await play.request()
        await play.accept()
        assert error_of(await play.client.receive_answer()) == (500, 2000)
        assert await play.provider.receive_rest() == b""


@trio_test
async def test_a_fault_in_watching_the_client_is_500_and_ends_the_dial(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with session(connects=False) as play:
        await play.request()
        await wait_all_tasks_blocked()
        monkeypatch.setattr("relay.session.client_watch.receive", fault)
        await play.client.stream.send_all(b"early")
        await wait_all_tasks_blocked()
        assert not play.dialling
        assert error_of(await play.client.receive_answer()) == (500, 2000)


@trio_test
async def test_a_fault_in_the_refusal_itself_ends_only_this_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ClientHandshake, "refuse", fault)
    async with session() as play:
        await play.client.stream.send_all(head("/"))
        assert await play.client.receive_rest() == b""
    assert play.faults == ["RuntimeError"]


def fault(*_: object) -> NoReturn:
    raise RuntimeError("the words of a peer")
