"""Faults: how they are written, and what they do on the wire, with every double."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import AsyncIterator

import pytest
import trio
from trio.testing import memory_stream_pair, wait_all_tasks_blocked
from wsproto.events import CloseConnection

from relay.doubles import DOUBLES, FAULTS, Fault, parse_fault, serve_stream
from relay.doubles.faults import Close, Drop, Late, Oversize, Refuse, Slow
from tests.doubles.peer import KEY, Ended, Peer
from tests.doubles.test_doubles import TARGETS
from tests.support import trio_test

NAMES = ", ".join(FAULTS)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("drop", Drop(after=1)),
        ("drop:after=3", Drop(after=3)),
        ("refuse", Refuse(status=503)),
        ("refuse:429", Refuse(status=429)),
        ("late:1.5s", Late(by=1.5)),
        ("slow", Slow(after=0, bytes=1, every=0.1)),
        ("slow:every=1ms,bytes=2,after=4", Slow(after=4, bytes=2, every=0.001)),
        ("oversize", Oversize(after=1, size=32 * 1024**2 + 1)),
        ("oversize:2MiB", Oversize(size=2 * 1024**2)),
        ("close", Close(code_and_reason=(None, ""))),
        ("close:3000 a, b=c", Close(code_and_reason=(3000, "a, b=c"))),
        ("close:after=0,1005", Close(after=0, code_and_reason=(1005, ""))),
    ],
)
def test_a_line_is_a_fault(line: str, fault: Fault) -> None:
    assert parse_fault(line) == fault
    assert parse_fault(str(fault)) == fault


@pytest.mark.parametrize("name", FAULTS)
def test_a_name_alone_is_a_fault(name: str) -> None:
    fault = parse_fault(name)
    assert isinstance(fault, FAULTS[name])
    assert parse_fault(str(fault)) == fault


def test_a_fault_as_a_line() -> None:
    assert str(parse_fault("close:3000 a, b")) == "close:after=1,3000 a, b"
    assert str(parse_fault("slow:every=1ms")) == "slow:after=0,bytes=1,every=0.001s"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("", f"there is no fault ''; there are {NAMES}"),
        ("flood:1", f"there is no fault 'flood'; there are {NAMES}"),
        ("drop:3", "drop: '3' is no option; there is after="),
        ("hangup:3", "hangup: '3' is no option; it takes none"),
        ("drop:bytes=1", "drop: there is no option 'bytes'; there is after="),
        ("refuse:status=429", "refuse: there is no option 'status'; it takes none"),
        ("drop:after=x", "drop: 'x' must be a whole number"),
        ("drop:after=", "drop: '' must be a whole number"),
        ("slow:bytes=0", "slow: '0' must be at least 1"),
        ("slow:every=1", "slow: '1' must be a duration such as"),
        ("refuse:101", "refuse: '101' must be a status from 200 to 599"),
        ("oversize:0B", "oversize: '0B' must be a size such as"),
        ("close:gone", "close: 'gone' must be a whole number"),
        ("close:65536", "close: '65536' has a status code over 65535"),
        (f"close:3000 {'é' * 62}", f"close: '3000 {'é' * 62}' has a reason over 123 bytes"),
    ],
)
def test_a_line_that_is_none_says_what_there_is(line: str, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(problem)}"):
        parse_fault(line)


@contextlib.asynccontextmanager
async def faulty(
    line: str, provider: str = "openai", key: str = KEY
) -> AsyncIterator[tuple[Peer, trio.CancelScope]]:
    """A client that has asked a double with this fault for a WebSocket; and what ends the double,
    which must otherwise end by itself."""
    ours, theirs = memory_stream_pair()
    target, headers = TARGETS[provider]
    async with trio.open_nursery() as nursery:

        async def serve() -> None:
            await serve_stream(provider, key, theirs, fault=parse_fault(line))

        nursery.start_soon(serve)
        peer = Peer(ours)
        await peer.request(target, list(headers.items()), ())
        yield peer, nursery.cancel_scope
        await ours.aclose()


async def rest(peer: Peer) -> bytes:
    """All that comes."""
    data = b""
    while more := await peer.stream.receive_some():
        data += more
    return data


@pytest.mark.parametrize("provider", DOUBLES)
@trio_test
async def test_every_double_can_have_one_at_once(provider: str) -> None:
    async with faulty("close:after=0,4001 of every double", provider) as (peer, _):
        assert await peer.answer() == (101, b"")
        assert await peer.close_frame() == (4001, "of every double")


@pytest.mark.parametrize("line", ["close", "close:after=0,1000", "refuse", "hangup"])
@trio_test
async def test_a_double_that_refuses_by_itself_has_no_fault(line: str) -> None:
    async with faulty(line, key="another key") as (peer, _):
        status, body = await peer.answer()
        assert status == 401
        assert b"Incorrect API key" in body


@pytest.mark.parametrize("status", [200, 302, 418, 503, 599])
@trio_test
async def test_a_refusal_is_whole(status: int) -> None:
    async with faulty(f"refuse:{status}") as (peer, _):
        head, _, body = (await rest(peer)).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 %d " % status)
        assert f"\r\nContent-Length: {len(body)}\r\n".encode() in head
        assert json.loads(body)["error"]["status"] == status


@trio_test
async def test_a_hangup_is_no_answer() -> None:
    async with faulty("hangup") as (peer, _):
        assert await rest(peer) == b""


@trio_test
async def test_a_late_answer_is_as_late_as_it_says() -> None:
    async with faulty("late:90s") as (peer, _):
        asked_at = trio.current_time()
        assert await peer.answer() == (101, b"")
        assert trio.current_time() - asked_at == pytest.approx(90)
        assert (await peer.json())["type"] == "session.created"


@pytest.mark.parametrize(("after", "kinds"), [(0, []), (1, ["session.created"])])
@trio_test
async def test_a_dropped_connection_has_so_many_messages(after: int, kinds: list[str]) -> None:
    async with faulty(f"drop:after={after}") as (peer, _):
        await peer.answer()
        for kind in kinds:
            assert (await peer.json())["type"] == kind
        with pytest.raises(Ended):
            await peer.next()


@trio_test
async def test_messages_are_counted_and_control_frames_are_not() -> None:
    async with faulty("drop:after=2") as (peer, _):
        await peer.answer()
        await peer.json()
        await peer.stream.send_all(b"\x89\x80\0\0\0\0")  # a Ping
        assert type(await peer.next()).__name__ == "Pong"
        await peer.send({"type": "session.update", "session": {"type": "realtime"}})
        assert (await peer.json())["type"] == "session.updated"
        with pytest.raises(Ended):
            await peer.next()


@pytest.mark.parametrize("line", ["vanish", "reset"])
@trio_test
async def test_what_ends_inside_a_frame_has_sent_half_of_it(line: str) -> None:
    async with faulty(f"{line}:after=0") as (peer, _):
        _, _, frame = (await rest(peer)).partition(b"\r\n\r\n")
        length = int.from_bytes(frame[2:4], "big")
        assert frame[:2] == b"\x81\x7e"
        assert len(frame) - 4 == length // 2


@trio_test
async def test_a_stalled_double_says_nothing_and_takes_nothing() -> None:
    async with faulty("stall") as (peer, serving):
        await peer.answer()
        await peer.json()
        await peer.send("x")
        await wait_all_tasks_blocked()
        with trio.move_on_after(3600) as scope:
            await peer.next()
        assert scope.cancelled_caught
        serving.cancel()


@trio_test
async def test_a_slow_double_sends_so_many_bytes_at_a_time() -> None:
    async with faulty("slow:bytes=3,every=10s") as (peer, serving):
        await peer.answer()
        first_at = trio.current_time()
        assert [len(await peer.stream.receive_some()) for _ in range(4)] == [3, 3, 3, 3]
        assert trio.current_time() - first_at == pytest.approx(30)
        serving.cancel()


@trio_test
async def test_a_message_has_the_size_that_was_asked_for_and_is_the_last() -> None:
    async with faulty("oversize:after=0,100KiB") as (peer, _):
        await peer.answer()
        message = await peer.receive()
        assert isinstance(message, bytes)
        assert len(message) == 100 * 1024
        await peer.transmit(CloseConnection(1000))
        with pytest.raises(Ended):
            await peer.next()


@trio_test
async def test_text_that_is_not_utf8_comes_in_a_valid_frame_and_is_not_the_last() -> None:
    async with faulty("utf8") as (peer, serving):
        received = b""
        while b"\xff\xfe" not in received:
            received += await peer.stream.receive_some()
        assert not received.endswith(b"\xff\xfe")
        await peer.stream.send_all(b"\x89\x80\0\0\0\0")  # a Ping
        assert await peer.stream.receive_some() == b"\x8a\0"
        serving.cancel()


@trio_test
async def test_a_masked_frame() -> None:
    async with faulty("mask:after=0") as (peer, serving):
        received = b""
        while (at := received.find(b"\r\n\r\n\x81")) < 0 or len(received) < at + 10:
            received += await peer.stream.receive_some()
        assert received[at + 5] & 0x80
        serving.cancel()


@pytest.mark.parametrize(("line", "frame"), [("close", b"\x88\0"), ("close:5", b"\x88\2\0\5")])
@trio_test
async def test_a_close_says_anything_and_is_the_last(line: str, frame: bytes) -> None:
    async with faulty(line) as (peer, _):
        received = b""
        while not received.endswith(frame):
            received += await peer.stream.receive_some()
        await peer.stream.send_all(b"\x88\x80\0\0\0\0")
        assert await peer.stream.receive_some() == b""


@trio_test
async def test_what_is_no_named_fault_is_one_all_the_same() -> None:
    ours, theirs = memory_stream_pair()
    target, headers = TARGETS["openai"]
    async with trio.open_nursery() as nursery:

        async def serve() -> None:
            await serve_stream("openai", KEY, theirs, fault=Fault())

        nursery.start_soon(serve)
        peer = Peer(ours)
        await peer.request(target, list(headers.items()), ())
        await peer.answer()
        assert (await peer.json())["type"] == "session.created"
        await peer.transmit(CloseConnection(1000))
        assert isinstance(await peer.next(), CloseConnection)
