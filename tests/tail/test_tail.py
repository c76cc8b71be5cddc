"""What a reader gets of a session that runs, in what bounds."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import trio

from relay.protocol import Limits, Pipe
from relay.protocol.frames import PING, TEXT
from relay.tail.redaction import Redaction
from relay.tail.tail import MOST_BYTES, MOST_LINES, Tail
from relay.testing.frames import Frame
from tests.support import trio_test

KEY = b"\1\2\3\4"


class World:
    """Two directions, and a clock that counts how often it is read."""

    def __init__(self) -> None:
        self.inbound = Pipe(masked=True, limits=Limits())
        self.outbound = Pipe(masked=False, limits=Limits())
        self.now = 0.0

    def tail(self, *, content: bool = False) -> Tail:
        return Tail(
            "id",
            (self.inbound, self.outbound),
            self.clock,
            Redaction([]) if content else None,
        )

    def clock(self) -> float:
        self.now += 0.5
        return self.now

    def client(self, *frames: Frame) -> None:
        for frame in frames:
            self.inbound.receive_data(frame.encode(KEY))

    def provider(self, *frames: Frame) -> None:
        for frame in frames:
            self.outbound.receive_data(frame.encode())


async def everything(tail: Tail) -> list[Mapping[str, object]]:
    lines = []
    while taken := await tail.take():
        lines += taken
    return lines


@trio_test
async def test_a_line_says_who_sent_what_and_when() -> None:
    world = World()
    tail = world.tail()
    world.client(Frame(TEXT, b"hello"))
    world.provider(Frame(PING, b"p"), Frame(TEXT, b"hi"))
    assert await tail.take() == [
        {"at": 0.5, "from": "client", "kind": "text", "bytes": 5},
        {"at": 1.0, "from": "provider", "kind": "ping", "bytes": 1},
        {"at": 1.5, "from": "provider", "kind": "text", "bytes": 2},
    ]


@trio_test
async def test_content_stands_there_only_if_it_was_asked_for() -> None:
    world = World()
    bare, tail = world.tail(), world.tail(content=True)
    world.client(Frame(TEXT, b"hello"))
    (line,) = await bare.take()
    assert "content" not in line
    (line,) = await tail.take()
    assert line["content"] == "hello"


@trio_test
async def test_a_reader_waits_for_a_line_or_the_end() -> None:
    world = World()
    tail = world.tail()
    taken: list[list[Mapping[str, object]]] = []

    async def read() -> None:
        while lines := await tail.take():
            taken.append(lines)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await trio.testing.wait_all_tasks_blocked()
        assert taken == []
        world.client(Frame(TEXT, b"hello"))
        await trio.testing.wait_all_tasks_blocked()
        assert len(taken) == 1
        tail.end("the end")
    assert taken[1:] == [[{"ended": "the end"}]]


@pytest.mark.parametrize("content", [False, True])
@trio_test
async def test_nothing_is_seen_or_read_after_the_end(content: bool) -> None:
    world = World()
    tail = world.tail(content=content)
    world.client(Frame(TEXT, b"hello"))
    tail.end("the end")
    world.client(Frame(TEXT, b"late"))
    assert [each.get("ended", each.get("bytes")) for each in await everything(tail)] == [
        5,
        "the end",
    ]
    assert (world.inbound._observer, world.outbound._observer) == (None, None)
    tail.close()


@trio_test
async def test_one_that_is_closed_looks_at_nothing() -> None:
    world = World()
    tail = world.tail()
    tail.close()
    assert (world.inbound._observer, world.outbound._observer) == (None, None)


@trio_test
async def test_lines_that_a_slow_reader_leaves_are_counted_and_dropped_where_they_were() -> None:
    world = World()
    tail = world.tail()
    world.client(*[Frame(TEXT, b"x")] * (MOST_LINES + 7))
    first = await tail.take()
    world.provider(*[Frame(TEXT, b"yy")] * 3)
    tail.end("the end")
    lines = [*first, *await everything(tail)]
    assert [each.get("bytes") for each in lines[:MOST_LINES]] == [1] * MOST_LINES
    assert lines[MOST_LINES] == {"dropped": 7}
    assert [each.get("bytes") for each in lines[MOST_LINES + 1 : -1]] == [2] * 3
    assert lines[-1] == {"ended": "the end"}


@trio_test
async def test_a_gap_at_the_end_is_told_without_another_line() -> None:
    world = World()
    tail = world.tail()
    world.client(*[Frame(TEXT, b"x")] * (MOST_LINES + 1))
    count = 0
    while count < MOST_LINES:
        lines = await tail.take()
        count += len(lines)
        assert len(lines) <= 101
    assert lines[-1] == {"dropped": 1}
    world.client(Frame(TEXT, b"x"))
    assert [each["bytes"] for each in await tail.take()] == [1]


@trio_test
async def test_what_waits_is_bounded_in_characters_too_and_is_not_even_looked_at() -> None:
    world = World()
    tail = world.tail(content=True)
    text = Frame(TEXT, b"word " * 400)
    fitting = -(-MOST_BYTES // len(text.payload))
    world.client(*[text] * fitting)
    assert tail.is_full
    world.client(*[text] * 5)
    tail.end("the end")
    lines = await everything(tail)
    assert len(lines) == fitting + 2
    assert lines[-2] == {"dropped": 5}
    assert not tail.is_full


@trio_test
async def test_a_fault_of_its_own_ends_it_and_not_the_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    tail, other = world.tail(), world.tail()
    monkeypatch.setattr(tail, "_clock", lambda: 1 / 0)
    hello = Frame(TEXT, b"hello")
    world.client(hello)
    assert world.inbound.receive_data(hello.encode(KEY)) == hello.encode(KEY)
    (line,) = await tail.take()
    assert "fault" in str(line["ended"])
    assert len(await other.take()) == 2
