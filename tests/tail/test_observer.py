"""What a tail is told of a direction, however its messages are sent."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.protocol import Limits, MessagePipe, Pipe, Secret
from relay.protocol.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT
from relay.tail.observer import UNREADABLE, ContentObserver, SizeObserver
from relay.tail.redaction import HELD, HIDDEN, Redaction
from relay.testing.frames import MASKING_KEY, Frame, cut, encode
from relay.testing.strategies import chunkings
from tests.protocol.meters.test_inflater import Deflater

SECRET = b"sk-secret"
both_directions = pytest.mark.parametrize("masked", [True, False], ids=["inbound", "outbound"])
Line = tuple[str, int, str | None]


class Reader:
    """A tail that remembers what it is told."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.is_full = False
        self.failures = 0

    def add(self, side: str, kind: str, size: int, content: str | None = None) -> None:
        assert side == "client"
        self.lines.append((kind, size, content))

    def fail(self) -> None:
        self.failures += 1


class World:
    """A direction at which somebody looks.

    Args:
        masked: Whether it is the client's.
        content: Whether texts are shown.
        lane: Makes the pipe.
    """

    def __init__(
        self, *, masked: bool = False, content: bool = True, lane: Callable[..., Pipe] = Pipe
    ) -> None:
        compressed = {"compressed": True} if lane is Pipe else {}
        self.pipe = lane(masked=masked, limits=Limits(), **compressed)
        self.reader = Reader()
        self.observer = (
            ContentObserver(self.reader, "client", Redaction([Secret(SECRET)]), masked=masked)
            if content
            else SizeObserver(self.reader, "client")
        )
        self.pipe.attach(self.observer)
        self._key = MASKING_KEY if masked else None

    def send(self, *frames: Frame) -> World:
        for frame in frames:
            self.pipe.receive_data(frame.encode(self._key))
        return self

    def chunks(self, frames: list[Frame], sizes: list[int]) -> World:
        for chunk in cut(encode(frames, self._key), sizes):
            self.pipe.receive_data(chunk)
        return self


def in_fragments(payload: bytes, at: list[int], opcode: int = TEXT, *, rsv1: bool) -> list[Frame]:
    """A message in frames, with a Ping after each but the last."""
    ends = sorted({each % (len(payload) + 1) for each in at} | {len(payload)})
    frames: list[Frame] = []
    start = 0
    for end in ends:
        first = not frames
        frames.append(
            Frame(
                opcode if first else CONTINUATION,
                payload[start:end],
                fin=end == ends[-1],
                rsv1=rsv1 and first,
            )
        )
        if end != ends[-1]:
            frames.append(Frame(PING))
        start = end
    return frames


def without_pings(lines: list[Line]) -> list[Line]:
    return [line for line in lines if line[0] != "ping"]


@both_directions
@pytest.mark.parametrize("content", [True, False])
@pytest.mark.parametrize("lane", [Pipe, MessagePipe])
def test_each_kind(lane: Callable[..., Pipe], content: bool, masked: bool) -> None:
    world = World(masked=masked, content=content, lane=lane)
    world.send(
        Frame(TEXT, b"hello"),
        Frame(BINARY, bytes(70_000)),
        Frame(PING, SECRET),
        Frame(PONG, b""),
        Frame(TEXT, b""),
        Frame(CLOSE, b"\x03\xe8bye"),
    )
    assert world.reader.lines == [
        ("text", 5, "hello" if content else None),
        ("binary", 70_000, None),
        ("ping", 9, None),
        ("pong", 0, None),
        ("text", 0, "" if content else None),
        ("close", 5, "1000 bye" if content else None),
    ]


@pytest.mark.parametrize(
    ("payload", "shown"),
    [(b"", ""), (b"\x03\xe8", "1000"), (b"\x0f\xa0no " + SECRET, f"4000 {HIDDEN}")],
)
@both_directions
def test_a_close(payload: bytes, shown: str, masked: bool) -> None:
    world = World(masked=masked).send(Frame(CLOSE, payload))
    assert world.reader.lines == [("close", len(payload), shown)]


@both_directions
@given(
    text=st.text(max_size=300),
    at=st.lists(st.integers(0, 900), max_size=4),
    sizes=chunkings,
    compressed=st.booleans(),
)
def test_a_text_is_shown_in_whatever_pieces_it_comes(
    masked: bool, text: str, at: list[int], sizes: list[int], compressed: bool
) -> None:
    payload = text.encode()
    sent = Deflater(takeover=True).message(payload) if compressed else payload
    frames = in_fragments(sent, at, rsv1=compressed)
    for content in (True, False):
        world = World(masked=masked, content=content).chunks(frames, sizes)
        # Of what is compressed, NUL may stand for something else.
        known = UNREADABLE if compressed and "\0" in text else Redaction([]).show(payload)
        expected = known if content else None
        assert without_pings(world.reader.lines) == [("text", len(sent), expected)]
        assert world.reader.failures == 0


@both_directions
@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("written", ["sk-secret", "sk\\u002dsecret", "%73k-secret"])
def test_a_secret_in_several_fragments_is_not_shown(
    written: str, compressed: bool, masked: bool
) -> None:
    payload = f'{{"error": "bad key {written}"}}'.encode()
    sent = Deflater(takeover=True).message(payload) if compressed else payload
    for at in range(1, len(sent)):
        world = World(masked=masked)
        world.send(*in_fragments(sent, [at], rsv1=compressed))
        assert without_pings(world.reader.lines) == [("text", len(sent), HIDDEN)]


@both_directions
def test_no_more_of_a_long_text_is_held_than_will_be_looked_at(masked: bool) -> None:
    payload = b'{"a": "' + b"word " * HELD + b'"}'
    shown = Redaction([]).show(payload[:HELD], whole=False)
    for compressed in (False, True):
        sent = Deflater(takeover=True).message(payload) if compressed else payload
        for frames in (
            [Frame(TEXT, sent, rsv1=compressed)],
            in_fragments(sent, [70_001], rsv1=compressed),
        ):
            world = World(masked=masked).send(*frames)
            assert without_pings(world.reader.lines) == [("text", len(sent), shown)]
            assert isinstance(world.observer, ContentObserver)
            assert len(world.observer._collected) <= HELD
    exactly = b"x " * (HELD // 2)
    assert World(masked=masked).send(Frame(TEXT, exactly)).reader.lines == [
        ("text", HELD, Redaction([]).show(exactly))
    ]


def test_one_that_joins_reads_compressed_messages_as_soon_as_it_can() -> None:
    deflater, world = Deflater(takeover=True), World()
    deflater.message(b"hello, world, hello")
    sent = [deflater.message(each) for each in (b"hello, world", b"0123456789", b"hello, world")]
    world.send(*[Frame(TEXT, each, rsv1=True) for each in sent])
    between = bytes(range(1, 256)) * 300
    for each in (between, b"hello, world"):
        world.send(Frame(BINARY if each is between else TEXT, deflater.message(each), rsv1=True))
    contents = [content for _, _, content in world.reader.lines]
    assert contents == [UNREADABLE, "0123456789", UNREADABLE, None, "hello, world"]


def test_messages_that_refer_to_none_before_are_all_read() -> None:
    deflater, world = Deflater(takeover=False), World()
    deflater.message(b"hello, world")
    for _ in range(3):
        world.send(Frame(TEXT, deflater.message(b"hello, world"), rsv1=True))
    assert [content for _, _, content in world.reader.lines] == ["hello, world"] * 3


@both_directions
def test_what_is_no_deflate_costs_that_message_alone(masked: bool) -> None:
    world = World(masked=masked)
    bad, deflater = b"\xff" * 10, Deflater(takeover=True)
    world.send(Frame(TEXT, deflater.message(b"one, two"), rsv1=True))
    world.send(Frame(TEXT, bad, rsv1=True))
    world.send(*in_fragments(bad, [2, 5], rsv1=True))
    world.send(Frame(TEXT, deflater.message(b"three"), rsv1=True), Frame(TEXT, b"four"))
    assert without_pings(world.reader.lines)[1:] == [
        ("text", 10, UNREADABLE),
        ("text", 10, UNREADABLE),
        ("text", 7, "three"),
        ("text", 4, "four"),
    ]
    assert world.reader.failures == 0


def test_what_a_full_tail_would_drop_is_neither_unmasked_nor_decompressed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deflater, world = Deflater(takeover=True), World(masked=True)
    world.reader.is_full = True
    with monkeypatch.context() as patch:
        patch.setattr("relay.tail.observer.mask", None)
        patch.setattr("relay.tail.observer.Inflater", None)
        for payload in (b"hello, world", b"hello, again"):
            world.send(Frame(TEXT, deflater.message(payload), rsv1=True))
        world.send(Frame(TEXT, b"plain"), Frame(CLOSE, b"\x03\xe8"))
    assert [content for _, _, content in world.reader.lines] == [None] * 4
    world = World(masked=True)
    world.send(Frame(TEXT, deflater.message(b"something else"), rsv1=True))
    world.reader.is_full = True
    world.send(Frame(TEXT, deflater.message(b"not seen"), rsv1=True))
    world.reader.is_full = False
    world.send(Frame(TEXT, deflater.message(b"not seen, again"), rsv1=True))
    assert [content for _, _, content in world.reader.lines] == ["something else", None, UNREADABLE]


@pytest.mark.parametrize("content", [True, False])
def test_without_content_nothing_is_unmasked_and_binary_messages_never_are(
    content: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.tail.observer.mask", None)
    monkeypatch.setattr("relay.tail.observer.Inflater", None)
    world = World(masked=True, content=content).send(Frame(BINARY, bytes(300)))
    if not content:
        world.send(Frame(TEXT, b"x", rsv1=True), Frame(TEXT, b"x"), Frame(CLOSE, b"\x03\xe8"))
    assert len(world.reader.lines) == (1 if content else 4)
    assert world.reader.failures == 0


def test_a_fault_is_told() -> None:
    world = World()
    world.reader.add = None  # type: ignore[assignment, method-assign]
    world.send(Frame(TEXT, b"x"))
    assert world.reader.failures == 1


def test_zeros_in_place_of_what_came_before_are_what_zlib_makes_of_them() -> None:
    """The trick by which a tail joins: should zlib change its mind, this says so."""
    deflate = zlib.compressobj(wbits=-15)
    deflate.compress(b"before, before")
    deflate.flush(zlib.Z_SYNC_FLUSH)
    sent = deflate.compress(b"before") + deflate.flush(zlib.Z_SYNC_FLUSH)
    assert zlib.decompressobj(wbits=-15, zdict=bytes(32768)).decompress(sent) == bytes(6)
