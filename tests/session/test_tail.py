"""Sessions that are read along, by both drivers and in both lanes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
import trio

from relay.protocol import Timeouts, closing
from relay.protocol.frames import BINARY, CONTINUATION, PING, PONG, TEXT
from relay.server import Server
from relay.tail import ContentRefusedError, Tail, TooManyTailsError
from relay.tail.redaction import HIDDEN
from relay.tail.tails import MOST
from relay.testing.frames import Frame, close
from tests.played_session import PlayedSession, open_session, session
from tests.protocol.meters.test_inflater import Deflater
from tests.session.test_compression import ANSWER, OFFER
from tests.support import (
    MESSAGES,
    VERBATIM,
    Variant,
    in_every_variant,
    in_verbatim_variants,
    trio_test,
)

SECRET = "sk-of-the-client"


def tail_of(play: PlayedSession, *, content: bool = False) -> Tail:
    (seen,) = play.server.glances()
    tail = play.server.tail(seen.record.id, content=content)
    assert tail is not None
    return tail


async def rest(tail: Tail) -> list[Mapping[str, object]]:
    """All lines up to the last, without their times."""
    lines: list[Mapping[str, object]] = []
    while taken := await tail.take():
        lines += [{name: each for name, each in line.items() if name != "at"} for line in taken]
    tail.close()
    return lines


def line(side: str, kind: str, size: int, content: str | None = None) -> dict[str, object]:
    found: dict[str, object] = {"from": side, "kind": kind, "bytes": size}
    return found if content is None else {**found, "content": content}


@in_every_variant
@pytest.mark.parametrize("metered", [False, True])
@trio_test
async def test_what_passes_from_some_moment_on_to_the_end(variant: Variant, metered: bool) -> None:
    async with session(variant) as play:
        if metered:
            play.server.metrics = _Metrics()  # type: ignore[assignment]
        await play.open()
        await play.client.send(Frame(TEXT, b"before"))
        await play.provider.receive()
        tail = tail_of(play)
        await play.client.send(Frame(TEXT, b"hello"), Frame(PING, b"p"))
        for _ in range(2):
            await play.provider.receive()
        await play.provider.send(Frame(BINARY, bytes(70_000)), Frame(PONG, b"p"))
        await play.client.receive()
        await play.client.receive()
        await play.close()
        await play.ended.wait()
    assert await rest(tail) == [
        line("client", "text", 5),
        line("client", "ping", 1),
        line("provider", "binary", 70_000),
        line("provider", "pong", 1),
        line("client", "close", 2),
        line("provider", "close", 2),
        {"ended": "the client closed with 1000 after 0 ms"},
    ]
    (record,) = play.records
    assert record.client.messages == 2
    assert record.provider_side.largest_message == (70_000 if metered else 0)


class _Metrics:
    """Makes sessions metered."""

    def ended(self, _: object) -> None:
        pass


@in_every_variant
@trio_test
async def test_one_that_begins_in_the_middle_of_a_message(variant: Variant) -> None:
    async with open_session(variant) as play:
        half = Frame(TEXT, b"one, ", fin=False)
        await play.client.send(half)
        await trio.testing.wait_all_tasks_blocked()
        tail = tail_of(play)
        await play.client.send(Frame(CONTINUATION, b"two"), Frame(TEXT, b"three"))
        await play.client.send(half, Frame(CONTINUATION, b"four"))
        while (await play.provider.receive()).payload not in {b"four", b"one, four"}:
            pass
        await play.close()
        await play.ended.wait()
    assert (await rest(tail))[:-1] == [
        line("client", "text", 5),
        line("client", "text", 9),
        line("client", "close", 2),
        line("provider", "close", 2),
    ]


@in_every_variant
@trio_test
async def test_content_is_shown_without_secrets_if_the_gateway_says_so(variant: Variant) -> None:
    async with open_session(variant, tail_content=True) as play:
        tail = tail_of(play, content=True)
        await play.client.send(
            Frame(TEXT, b"hello"),
            Frame(TEXT, b"my key is sk-of", fin=False),
            Frame(CONTINUATION, b"-the-client"),
            Frame(BINARY, SECRET.encode()),
        )
        await play.provider.send(Frame(TEXT, b'{"error": "\\u0073k-of-the-client is wrong"}'))
        await play.client.receive()
        while (await play.provider.receive()).opcode != BINARY:
            pass
        await play.client.send(close(4000, SECRET))
        await play.provider.answer_close()
        await play.provider.end()
        await play.client.receive()
        await play.client.end()
        await play.ended.wait()
    lines = await rest(tail)
    assert SECRET not in str(lines)
    assert sorted(map(str, lines[:-1])) == sorted(
        map(
            str,
            [
                line("client", "text", 5, "hello"),
                line("client", "text", 26, HIDDEN),
                line("client", "binary", 16),
                line("provider", "text", 43, HIDDEN),
                line("client", "close", 18, f"4000 {HIDDEN}"),
                line("provider", "close", 18, f"4000 {HIDDEN}"),
            ],
        )
    )
    assert lines[-1] == {"ended": "the client closed with 4000 ... after 0 ms"}


@in_verbatim_variants
@trio_test
async def test_compressed_content(variant: Variant) -> None:
    async with session(variant, compression=True, tail_content=True) as play:
        await play.request(OFFER)
        await play.accept(ANSWER)
        await play.client.receive_head()
        tail, bare = tail_of(play, content=True), tail_of(play)
        deflater = Deflater(takeover=True)
        sent = [deflater.message(b) for b in (b"hello, hello", SECRET.encode(), b"hello, hello")]
        for each in sent:
            frames = [Frame(TEXT, each[:3], fin=False, rsv1=True), Frame(CONTINUATION, each[3:])]
            await play.client.send(*frames)
            for frame in frames:
                assert await play.provider.receive() == frame
        await play.close()
        await play.ended.wait()
    contents = [each.get("content") for each in await rest(tail)]
    assert contents == ["hello, hello", HIDDEN, "hello, hello", "1000", "1000", None]
    assert [each.get("bytes") for each in (await rest(bare))[:3]] == [len(each) for each in sent]


@trio_test
async def test_content_needs_the_key_as_it_is_now() -> None:
    async with open_session() as play:
        with pytest.raises(ContentRefusedError):
            tail_of(play, content=True)
        assert play.server.tail("0123", content=True) is None
        _allow(play.server, allowed=True)
        tail = tail_of(play, content=True)
        _allow(play.server, allowed=False)
        with pytest.raises(ContentRefusedError):
            tail_of(play, content=True)
        settings = replace(play.server.settings, gateways={})
        play.server.reload(settings)
        with pytest.raises(ContentRefusedError):
            tail_of(play, content=True)
        tail_of(play).close()
        tail.close()
        await play.close()


def _allow(server: Server, *, allowed: bool) -> None:
    (gateway,) = server.settings.gateways.values()
    changed = replace(gateway, tail_content=allowed)
    server.reload(replace(server.settings, gateways={gateway.name: changed}))


@trio_test
async def test_a_session_that_is_opening_has_none() -> None:
    async with session(tail_content=True) as play:
        await play.request()
        await play.provider.receive_head()
        (seen,) = play.server.glances()
        for content in (True, False):
            assert play.server.tail(seen.record.id, content=content) is None
        await play.provider.end()
        await play.client.receive_answer()


@trio_test
async def test_there_are_eight_at_most() -> None:
    async with open_session() as play:
        tails = [tail_of(play) for _ in range(MOST)]
        with pytest.raises(TooManyTailsError):
            tail_of(play)
        await play.close()
        await play.ended.wait()
    for tail in tails:
        *lines, end = await rest(tail)
        assert lines == [line("client", "close", 2), line("provider", "close", 2)]
        assert str(end["ended"]).startswith("the client closed with 1000 ")


@in_every_variant
@trio_test
async def test_its_end_is_that_of_the_session_whoever_ends_it(variant: Variant) -> None:
    async with open_session(variant) as play:
        tail = tail_of(play)
        play.server.live.end(tail.session_id, closing.policy("over budget"))
        await play.client.answer_close()
        await play.provider.answer_close()
        await play.client.end()
        await play.provider.end()
    assert await rest(tail) == [{"ended": "the relay ended it after 0 ms: over budget"}]


@pytest.mark.parametrize("variant", [VERBATIM, MESSAGES], ids=str)
@trio_test
async def test_one_ends_also_if_nobody_can_say_how(
    variant: Variant, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_session(variant) as play:
        tail = tail_of(play)
        monkeypatch.setattr("relay.server.explain", lambda _: 1 / 0)
        await play.close()
    (line,) = [each for each in await rest(tail) if "ended" in each]
    assert "log" in str(line["ended"])
    assert play.faults == ["ZeroDivisionError"]


@in_every_variant
@trio_test
async def test_a_tail_that_nobody_reads_keeps_no_session_waiting(variant: Variant) -> None:
    async with open_session(variant, timeouts=Timeouts(write=5)) as play:
        tail = tail_of(play)
        count = 3000
        for _ in range(count):
            await play.client.send(Frame(TEXT, b"x"))
            await play.provider.receive()
        await play.close()
        await play.ended.wait()
    lines = await rest(tail)
    dropped = [each["dropped"] for each in lines if "dropped" in each]
    assert len(lines) == 1002
    assert dropped == [count + 2 - 1000]


@in_every_variant
@trio_test
async def test_a_tail_that_raises_ends_no_session_and_no_metering(
    variant: Variant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.tail.observer._KINDS", {})
    async with session(variant) as play:
        play.server.metrics = _Metrics()  # type: ignore[assignment]
        await play.open()
        tail = tail_of(play)
        for _ in range(2):
            await play.client.send(Frame(TEXT, b"hello"))
            assert await play.provider.receive() == Frame(TEXT, b"hello")
        await play.close()
    assert "fault" in str(await rest(tail))
    (record,) = play.records
    assert record.client.largest_message == 5
    assert play.faults == []
