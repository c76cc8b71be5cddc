"""Observers that come and go while a direction is open, in both lanes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.protocol import Limits, Pipe
from relay.protocol.frames import BINARY, CONTINUATION, PING, TEXT
from relay.protocol.observer import Observers
from relay.testing.frames import MASKING_KEY, Frame, cut, delivered, encode
from relay.testing.strategies import chunkings, valid_streams
from tests.protocol.directions import COMPRESSING, Lane, both_directions, every_lane, key
from tests.protocol.observing import Recorder

WHOLE = Frame(TEXT, b"whole").encode()
FIRST = Frame(TEXT, b"fir", fin=False).encode()
LAST = Frame(CONTINUATION, b"st").encode()
PINGED = Frame(PING, b"p").encode()


def new_pipe(observer: Recorder | None = None, lane: Lane = Pipe) -> Pipe:
    return lane(masked=False, limits=Limits(), observer=observer)


def items(recorder: Recorder, *, masked: bool) -> list[tuple[int, bytes]]:
    """The messages and control frames that an observer was shown."""
    frames: list[Frame] = []
    left, key = 0, MASKING_KEY
    for what, *rest in recorder.shown:
        if what == "message":
            first, payload = rest
            assert isinstance(first, int)
            assert isinstance(payload, bytes)
            frames.append(Frame(first & 15, _clear(payload, masked), bool(first >> 7)))
        elif what == "frame":
            first, left, key = rest  # type: ignore[assignment]
            assert isinstance(first, int)
            assert key == (MASKING_KEY if masked else b"")
            frames.append(Frame(first & 15, b"", bool(first >> 7), missing=left))
        elif what == "payload":
            frame, piece = frames.pop(), rest[0]
            assert isinstance(piece, bytes)
            left -= len(piece)
            frames.append(frame._replace(payload=frame.payload + piece, missing=left))
            if not left:
                whole = frames.pop()
                frames.append(whole._replace(payload=_clear(whole.payload, masked)))
        else:
            opcode, payload = rest
            assert isinstance(opcode, int)
            assert isinstance(payload, bytes)
            frames.append(Frame(opcode, _clear(payload, masked)))
    return delivered(frames)


def _clear(payload: bytes, masked: bool) -> bytes:
    key = MASKING_KEY if masked else bytes(4)
    return bytes(byte ^ key[at % 4] for at, byte in enumerate(payload))


@every_lane
def test_an_observer_joins_between_messages(lane: Lane) -> None:
    meter, tail = Recorder(), Recorder()
    for pipe in (new_pipe(meter, lane), new_pipe(None, lane)):
        pipe.receive_data(WHOLE)
        pipe.attach(tail)
        pipe.receive_data(WHOLE)
        pipe.receive_data(FIRST + PINGED)
        pipe.receive_data(LAST)
        pipe.detach(tail)
        pipe.receive_data(WHOLE)
    assert tail.shown == 2 * meter.shown[1:-1]
    assert meter.shown[0] == meter.shown[-1] == meter.shown[1]


@every_lane
@pytest.mark.parametrize("parts", [(FIRST, LAST), (WHOLE[:3], WHOLE[3:])], ids=["frames", "frame"])
def test_one_that_joins_within_a_message_is_shown_the_next_one(
    lane: Lane, parts: tuple[bytes, bytes]
) -> None:
    meter, tail = Recorder(), Recorder()
    for pipe in (new_pipe(meter, lane), new_pipe(None, lane)):
        tail.shown.clear()
        pipe.receive_data(parts[0])
        pipe.attach(tail)
        pipe.receive_data(parts[1] + PINGED)
        assert tail.shown == [("control", PING, b"p")]
        pipe.receive_data(FIRST + LAST + WHOLE)
        assert [each[0] for each in tail.shown[1:]] == ["frame", "payload"] * 3
    assert len(meter.shown) > len(tail.shown)


def test_one_may_leave_within_a_message_that_another_has_not_seen() -> None:
    meter, one, other = Recorder(), Recorder(), Recorder()
    pipe = new_pipe(meter)
    pipe.attach(one)
    pipe.receive_data(FIRST)
    pipe.attach(other)
    pipe.detach(one)
    pipe.receive_data(LAST)
    assert (len(one.shown), len(other.shown)) == (2, 0)
    pipe.receive_data(WHOLE)
    pipe.detach(other)
    pipe.receive_data(WHOLE)
    assert (len(one.shown), len(other.shown), len(meter.shown)) == (2, 1, 6)


def test_the_last_of_those_that_wait_for_a_message_is_not_forgotten() -> None:
    one, other = Recorder(), Recorder()
    pipe = new_pipe()
    pipe.attach(one)
    pipe.receive_data(FIRST)
    pipe.attach(other)
    pipe.detach(one)
    pipe.receive_data(LAST)
    pipe.receive_data(WHOLE)
    assert other.shown == [("message", 0x81, b"whole")]


def test_while_nobody_has_joined_a_pipe_calls_its_observer_itself() -> None:
    for observer in (Recorder(), None):
        pipe = new_pipe(observer)
        others = Recorder(), Recorder()
        pipe.detach(others[0])
        for other in others:
            pipe.attach(other)
        for other in others:
            assert isinstance(pipe._observer, Observers)
            pipe.detach(other)
        assert pipe._observer is observer


CALLS = [WHOLE, FIRST, PINGED, LAST, WHOLE]  # of an observer: one, two, one, two, one


@pytest.mark.parametrize("raises_at", range(7))
@pytest.mark.parametrize("broken", ["first", "joined"])
def test_one_that_raises_is_shown_no_more_and_the_others_go_on(broken: str, raises_at: int) -> None:
    bad, good = Recorder(raises_at), Recorder()
    first, other = (bad, good) if broken == "first" else (good, bad)
    pipe = new_pipe(first)
    pipe.attach(other)
    for chunk in CALLS:
        assert pipe.receive_data(chunk) == chunk
    assert (bad.failures, good.failures) == (1, 0)
    assert len(bad.shown) == raises_at
    assert len(good.shown) == 7
    pipe.detach(bad)
    pipe.detach(other)
    pipe.receive_data(WHOLE)
    assert len(good.shown) == (8 if broken == "joined" else 7)


def test_all_are_told_if_nothing_more_is_shown() -> None:
    one, other = Recorder(), Recorder()
    several = Observers(one)
    several.join(other)
    several.failed()
    assert (one.failures, other.failures) == (1, 1)


@every_lane
@both_directions
@given(data=st.data(), sizes=chunkings, after=st.integers(0, 5))
def test_from_any_chunk_on_messages_that_begin_are_seen_whole(
    lane: Lane, masked: bool, data: st.DataObject, sizes: list[int], after: int
) -> None:
    """Whole messages, however they are cut, and in both lanes what the sender sent."""
    count = data.draw(st.integers(0, 6))
    frames: list[Frame] = []
    for number in range(count):
        text = b"%d" % number * data.draw(st.sampled_from([0, 1, 130]))
        half = data.draw(st.integers(0, len(text)))
        rsv1 = lane is COMPRESSING
        if data.draw(st.booleans()):
            frames.append(Frame(TEXT, text, rsv1=rsv1))
            continue
        frames += [
            Frame(BINARY, text[:half], fin=False, rsv1=rsv1),
            Frame(PING, b"%d" % number),
            Frame(CONTINUATION, text[half:]),
        ]
    chunks = cut(encode(frames, key(masked)), sizes)
    meter, tail = Recorder(), Recorder()
    pipe = lane(masked=masked, limits=Limits(), observer=meter)
    for number, chunk in enumerate(chunks):
        if number == after:
            pipe.attach(tail)
        pipe.receive_data(chunk)
    everything, seen = items(meter, masked=masked), items(tail, masked=masked)
    assert everything == delivered(frames)
    # Of a message under way, nothing is seen but what came between its frames.
    ends = [everything[len(everything) - len(seen) :]]
    for at, (opcode, _) in enumerate(everything):
        if opcode in {TEXT, BINARY}:
            others = everything[:at] + everything[at + 1 :]
            ends.append(others[len(others) - len(seen) :])
    assert seen in ends


@both_directions
@given(data=st.data(), sizes=chunkings)
def test_observers_change_nothing(masked: bool, data: st.DataObject, sizes: list[int]) -> None:
    stream = data.draw(valid_streams(masked=masked))
    pipe = Pipe(masked=masked, limits=Limits(), observer=Recorder())
    pipe.attach(Recorder())
    out = b"".join([pipe.receive_data(chunk) for chunk in cut(stream.data, sizes)])
    assert out == stream.data
