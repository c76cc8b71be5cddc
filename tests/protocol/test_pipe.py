"""The verbatim lane: one direction, byte for byte."""

from __future__ import annotations

import pytest

from relay.protocol import Close, Limits, MessagePipe, Pings, Pipe, State
from relay.protocol.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT
from relay.testing.frames import MASKING_KEY, Frame, encode
from relay.testing.hostile_frames import (
    ACCEPTED,
    COMPRESSED,
    INVALID_TEXT,
    REJECTED,
    Accepted,
    Rejected,
    mirror,
)
from relay.testing.strategies import compress
from tests.protocol.directions import both_directions, failure, key
from tests.protocol.observing import Recorder


def new_pipe(masked: bool, limits: Limits | None = None) -> Pipe:
    return Pipe(masked=masked, limits=limits or Limits())


# What is forwarded, and when.


@both_directions
def test_a_chunk_of_whole_frames_is_returned_itself(masked: bool) -> None:
    frames = [Frame(TEXT, b"Hello"), Frame(PING, b"p"), Frame(BINARY, bytes(70_000))]
    chunk = encode(frames, key(masked))
    assert new_pipe(masked).receive_data(chunk) is chunk


@both_directions
def test_there_may_be_as_much_in_a_chunk_as_there_is_room_for(masked: bool) -> None:
    pipe = new_pipe(masked)
    pipe.receive_data(Frame(BINARY, bytes(10)).encode(key(masked))[:8])
    assert pipe.most_at_once(70_000) == 70_000


@both_directions
def test_a_chunk_that_ends_in_a_close_is_returned_itself(masked: bool) -> None:
    chunk = encode([Frame(TEXT, b"Hello"), Frame(CLOSE, b"\x03\xe8")], key(masked))
    assert new_pipe(masked).receive_data(chunk) is chunk


@both_directions
def test_the_payload_of_a_data_frame_is_cut_through(masked: bool) -> None:
    frame = Frame(TEXT, b"Hello").encode(key(masked))
    header, rest, end = frame[:-5], frame[-5:-1], frame[-1:]
    pipe = new_pipe(masked)
    for chunk in (header, rest, end):
        assert pipe.receive_data(chunk) is chunk


@both_directions
@pytest.mark.parametrize("length", [5, 300, 70_000])
def test_a_data_frame_header_is_forwarded_whole(length: int, masked: bool) -> None:
    header = Frame(BINARY, missing=length).encode(key(masked))
    pipe = new_pipe(masked)
    for end in range(len(header) - 1):
        assert pipe.receive_data(header[end : end + 1]) == b""
    assert pipe.receive_data(header[-1:]) == header


@both_directions
@pytest.mark.parametrize("opcode", [PING, PONG, CLOSE])
def test_a_control_frame_is_forwarded_whole(opcode: int, masked: bool) -> None:
    frame = Frame(opcode, b"\x03\xe8" + b"r" * 123).encode(key(masked))
    pipe = new_pipe(masked)
    assert pipe.receive_data(frame[:-1]) == b""
    assert pipe.receive_data(frame[-1:]) == frame


@both_directions
def test_what_precedes_a_control_frame_does_not_wait_for_it(masked: bool) -> None:
    text = Frame(TEXT, b"Hello").encode(key(masked))
    ping = Frame(PING, b"p").encode(key(masked))
    pipe = new_pipe(masked)
    assert pipe.receive_data(text + ping[:2]) == text
    assert pipe.receive_data(ping[2:] + text) == ping + text


@both_directions
def test_text_is_not_checked_for_utf_8(masked: bool) -> None:
    for data in INVALID_TEXT.values():
        chunk = data if masked else mirror(data)
        pipe = new_pipe(masked)
        assert pipe.receive_data(chunk) is chunk
        assert pipe.state is State.OPEN


@both_directions
@pytest.mark.parametrize("length", [0, 1, 125, 126, 255, 65535, 65536])
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize(("compressed", "rsv1"), [(False, False), (True, False), (True, True)])
def test_a_chunk_that_is_one_whole_message(
    compressed: bool, rsv1: bool, opcode: int, length: int, masked: bool
) -> None:
    pipe = Pipe(masked=masked, limits=Limits(), compressed=compressed)
    chunk = Frame(opcode, bytes(length), rsv1=rsv1).encode(key(masked))
    for count in (1, 2):
        assert pipe.receive_data(chunk) is chunk
        assert (pipe.messages, pipe.frames, pipe.bytes) == (count, count, count * len(chunk))
        assert pipe.can_inject


@both_directions
@pytest.mark.parametrize(
    ("length", "size"),
    [
        (b"\x05", 10),  # the beginning of one
        (b"\x05", 20),  # one and the beginning of another
        (b"\x7e\x00\x80", 128),
        (b"\x7e\x00\x80", 140),
        (b"\x7f", 127 + 2),  # as long as it were if the length were no escape
        (b"\x7f", 127 + 6),
    ],
)
def test_a_chunk_that_is_not_just_one_whole_message(length: bytes, size: int, masked: bool) -> None:
    """It is read as it would be byte by byte."""
    length = bytes((length[0] | (0x80 if masked else 0),)) + length[1:]
    if length[0] & 0x7F == 127:
        length += (1000).to_bytes(8) if size % 2 else (100_000).to_bytes(8)
    chunk = (b"\x82" + length).ljust(size, b"\x00")
    whole, dripped = new_pipe(masked), new_pipe(masked)
    forwarded = whole.receive_data(chunk)
    assert forwarded == b"".join(dripped.receive_data(bytes((byte,))) for byte in chunk)
    assert (whole.state, str(whole.error)) == (dripped.state, str(dripped.error))
    assert (whole.messages, whole.frames, whole.bytes, whole.can_inject) == (
        dripped.messages,
        dripped.frames,
        dripped.bytes,
        dripped.can_inject,
    )


@both_directions
@pytest.mark.parametrize("length", [0, 5, 125])
def test_a_mask_bit_that_is_wrong_is_never_a_part_of_the_length(length: int, masked: bool) -> None:
    """Whatever the size of the chunk."""
    wrong = length | (0 if masked else 0x80)
    for size in range(4, 300):
        pipe = new_pipe(masked)
        assert pipe.receive_data(bytes((0x82, wrong)).ljust(size, b"\x00")) == b""
        assert pipe.state is State.FAILED


@both_directions
def test_a_whole_message_inside_a_fragmented_one_is_refused(masked: bool) -> None:
    pipe = new_pipe(masked)
    pipe.receive_data(Frame(TEXT, b"begun", fin=False).encode(key(masked)))
    assert pipe.receive_data(Frame(TEXT, b"another").encode(key(masked))) == b""
    assert failure(pipe) == ("new message inside a fragmented one", 1002)


def test_what_is_read_is_counted() -> None:
    pipe = new_pipe(masked=False)
    fragments = [
        Frame(TEXT, b"a", fin=False),
        Frame(PING),
        Frame(CONTINUATION, b"b"),
        Frame(BINARY),
    ]
    data = encode(fragments)
    pipe.receive_data(data + b"\x81")
    assert (pipe.frames, pipe.messages, pipe.bytes) == (4, 2, len(data))
    pipe.receive_data(b"\x05He")
    assert (pipe.frames, pipe.messages, pipe.bytes) == (5, 3, len(data) + 4)
    pipe.receive_data(b"ll")
    assert (pipe.frames, pipe.messages, pipe.bytes) == (5, 3, len(data) + 6)


def test_what_is_not_forwarded_is_not_counted() -> None:
    pipe = new_pipe(masked=False)
    pipe.receive_data(encode([Frame(CLOSE), Frame(TEXT, b"late")]))
    assert (pipe.frames, pipe.messages, pipe.bytes) == (1, 0, 2)


# How a direction ends.


@both_directions
def test_the_end_of_the_bytes_without_a_close_is_closed(masked: bool) -> None:
    pipe = new_pipe(masked)
    assert pipe.receive_data(b"") == b""
    assert pipe.state is State.CLOSED
    assert (pipe.close, pipe.error) == (None, None)


@both_directions
@pytest.mark.parametrize("lane", [Pipe, MessagePipe])
def test_where_the_bytes_have_ended(masked: bool, lane: type[Pipe]) -> None:
    text = Frame(TEXT, b"text").encode(key(masked))
    first = Frame(TEXT, b"te", fin=False).encode(key(masked))
    last = Frame(CONTINUATION, b"xt").encode(key(masked))
    for data, unfinished in (
        (b"", None),
        (text, None),
        (text[:1], "frame"),
        (text[:-1], "frame"),
        (text + text[:-1], "frame"),
        (first, "message"),
        (first + last[:-1], "frame"),
        (first + last, None),
    ):
        pipe = lane(masked=masked, limits=Limits())
        pipe.receive_data(data)
        pipe.receive_data(b"")
        assert pipe.unfinished == unfinished


@both_directions
def test_an_unfinished_frame_is_not_completed_by_the_end(masked: bool) -> None:
    pipe = new_pipe(masked)
    ping = Frame(PING, b"ping").encode(key(masked))
    assert pipe.receive_data(ping[:-1]) == b""
    assert pipe.receive_data(b"") == b""
    assert pipe.receive_data(ping[-1:]) == b""
    assert pipe.state is State.CLOSED


@both_directions
@pytest.mark.parametrize("after", [b"", b"\xff\xff", Frame(TEXT, b"late").encode()])
def test_whatever_follows_a_close_is_discarded(after: bytes, masked: bool) -> None:
    close = Frame(CLOSE, b"\x0f\xa1bye").encode(key(masked))
    pipe = new_pipe(masked)
    assert pipe.receive_data(close + after) == close
    assert pipe.receive_data(after) == b""
    assert pipe.receive_data(b"") == b""
    assert pipe.state is State.CLOSING
    assert pipe.close == Close(4001, "bye")
    assert pipe.error is None


@both_directions
def test_whatever_follows_a_violation_is_discarded(masked: bool) -> None:
    pipe = new_pipe(masked)
    text = Frame(TEXT, b"Hello").encode(key(masked))
    assert pipe.receive_data(text + b"\xff" + text) == text
    assert pipe.receive_data(text) == b""
    assert pipe.receive_data(b"") == b""
    assert failure(pipe) == ("a reserved bit is set", 1002)


def test_a_close_inside_a_fragmented_message_ends_the_direction() -> None:
    data = encode([Frame(TEXT, b"a", fin=False), Frame(CLOSE, b"\x03\xe9")])
    pipe = new_pipe(masked=False)
    assert pipe.receive_data(data) is data
    assert pipe.close == Close(1001)


# Hostile bytes.


@both_directions
@pytest.mark.parametrize(
    ("hostile", "compressed"),
    [
        *(pytest.param(each, False, id=each.name) for each in [*REJECTED, *COMPRESSED]),
        *(pytest.param(each, True, id=f"{each.name}, compressed") for each in REJECTED),
    ],
)
def test_hostile_frames_are_not_forwarded(
    hostile: Rejected, compressed: bool, masked: bool
) -> None:
    accepted, broken, error = hostile.accepted, hostile.broken, hostile.error
    if not masked:
        accepted, broken = mirror(accepted), mirror(broken)
        error = error.replace("is not masked", "is masked")
    pipe = Pipe(masked=masked, limits=Limits(), compressed=compressed)
    assert pipe.receive_data(accepted + broken) == accepted
    assert failure(pipe) == (error, hostile.close_code)
    assert pipe.can_inject


@both_directions
@pytest.mark.parametrize("harmless", ACCEPTED, ids=lambda harmless: harmless.name)
def test_what_only_looks_hostile_passes(harmless: Accepted, masked: bool) -> None:
    data, discarded = harmless.data, harmless.discarded
    if not masked:
        data, discarded = mirror(data), mirror(discarded)
    pipe = new_pipe(masked)
    assert pipe.receive_data(data + discarded) == data
    assert pipe.close == harmless.close
    assert pipe.state is (State.CLOSING if harmless.close else State.OPEN)


# Compression.


@both_directions
@pytest.mark.parametrize("hostile", COMPRESSED, ids=lambda hostile: hostile.name)
def test_a_compressed_message_passes_where_that_was_negotiated(
    hostile: Rejected, masked: bool
) -> None:
    data = hostile.broken if masked else mirror(hostile.broken)
    for chunks in ([data], [data[:1], data[1:]], [data + data]):
        pipe = Pipe(masked=masked, limits=Limits(), compressed=True)
        assert b"".join(map(pipe.receive_data, chunks)) == b"".join(chunks)
        assert pipe.state is State.OPEN
        assert pipe.messages == len(b"".join(chunks)) // len(data)


@both_directions
def test_no_second_message_begins_inside_a_compressed_one(masked: bool) -> None:
    pipe = Pipe(masked=masked, limits=Limits(), compressed=True)
    begun = Frame(TEXT, b"\xf2\x48", fin=False, rsv1=True).encode(key(masked))
    assert pipe.receive_data(begun) is begun
    assert pipe.receive_data(Frame(TEXT, b"\xcd\xc9", rsv1=True).encode(key(masked))) == b""
    assert failure(pipe) == ("new message inside a fragmented one", 1002)


@both_directions
def test_a_limit_is_on_what_is_sent_of_a_compressed_message(masked: bool) -> None:
    payload = compress(bytes(100_000))
    frame = Frame(BINARY, payload, rsv1=True).encode(key(masked))
    for spare in (0, -1):
        limits = Limits(max_message_size=len(payload) + spare)
        pipe = Pipe(masked=masked, limits=limits, compressed=True)
        assert pipe.receive_data(frame) == (b"" if spare else frame)
    assert failure(pipe) == ("message too big", 1009)


def test_a_stalled_header_is_held_and_nothing_else_happens() -> None:
    pipe = new_pipe(masked=True)
    assert pipe.receive_data(b"\x82") == b""
    assert pipe.state is State.OPEN
    assert pipe.can_inject


@both_directions
def test_a_flood_of_pings_passes_without_being_kept(masked: bool) -> None:
    flood = Frame(PING, b"p" * 125).encode(key(masked)) * 1000
    assert new_pipe(masked).receive_data(flood) is flood


# Limits.


@both_directions
@pytest.mark.parametrize("size", [0, 100, 125, 126, 65536])
def test_a_message_may_be_as_big_as_the_limit_and_no_bigger(size: int, masked: bool) -> None:
    limits = Limits(max_message_size=size)
    allowed = Frame(BINARY, bytes(size)).encode(key(masked))
    pipe = new_pipe(masked, limits)
    assert pipe.receive_data(allowed * 3) == allowed * 3
    assert pipe.receive_data(Frame(BINARY, missing=size + 1).encode(key(masked))) == b""
    assert failure(pipe) == ("message too big", 1009)


@both_directions
def test_the_fragments_of_a_message_count_together(masked: bool) -> None:
    limits = Limits(max_message_size=10)
    allowed = encode(
        [
            Frame(TEXT, b"123456", fin=False),
            Frame(PING, b"a control frame is no part of the message"),
            Frame(CONTINUATION, b"7890", fin=False),
            Frame(CONTINUATION, b""),
            Frame(TEXT, b"1234567890"),
            Frame(TEXT, b"1234567890", fin=False),
        ],
        key(masked),
    )
    pipe = new_pipe(masked, limits)
    assert pipe.receive_data(allowed) is allowed
    assert pipe.receive_data(Frame(CONTINUATION, b"1").encode(key(masked))) == b""
    assert failure(pipe) == ("message too big", 1009)


def test_a_message_is_refused_on_its_header_before_its_payload_comes() -> None:
    header = Frame(BINARY, missing=32 * 1024 * 1024 + 1).encode(MASKING_KEY)
    pipe = new_pipe(masked=True)
    assert pipe.receive_data(header[:-1]) == b""
    assert pipe.state is State.OPEN
    assert pipe.receive_data(header[-1:]) == b""
    assert failure(pipe) == ("message too big", 1009)


def test_by_default_a_message_may_have_32_mib() -> None:
    header = Frame(BINARY, missing=32 * 1024 * 1024).encode(MASKING_KEY)
    pipe = new_pipe(masked=True)
    assert pipe.receive_data(header) is header
    assert pipe.state is State.OPEN


@both_directions
@pytest.mark.parametrize("most", [1, 2, 5])
def test_a_message_may_have_as_many_fragments_as_the_limit(most: int, masked: bool) -> None:
    limits = Limits(max_fragments=most)
    opcodes = [TEXT, *[CONTINUATION] * (most - 1)]
    whole = [Frame(opcode, b"x", fin=i == most) for i, opcode in enumerate(opcodes, 1)]
    pipe = new_pipe(masked, limits)
    allowed = encode(whole * 2, key(masked))
    assert pipe.receive_data(allowed) is allowed
    begun = encode([*[frame._replace(fin=False) for frame in whole], Frame(PING)], key(masked))
    assert pipe.receive_data(begun) is begun
    assert pipe.receive_data(Frame(CONTINUATION).encode(key(masked))) == b""
    assert failure(pipe) == ("message has too many fragments", 1009)


def test_by_default_a_message_may_have_65536_fragments() -> None:
    first, fragment = Frame(BINARY, fin=False), Frame(CONTINUATION, b"x", fin=False)
    flood = first.encode() + fragment.encode() * 200_000
    pipe = new_pipe(masked=False)
    assert pipe.receive_data(flood) == first.encode() + fragment.encode() * 65535
    assert failure(pipe) == ("message has too many fragments", 1009)


# Where a frame of ours may follow.


@both_directions
def test_a_frame_may_be_injected_only_between_frames(masked: bool) -> None:
    frame = Frame(TEXT, b"Hello").encode(key(masked))
    pipe = new_pipe(masked)
    allowed = [pipe.can_inject]
    for chunk in (frame[:1], frame[1:-5], frame[-5:-1], frame[-1:]):
        pipe.receive_data(chunk)
        allowed.append(pipe.can_inject)
    # At first, and while nothing of the frame is forwarded; not in its payload; and at its end.
    assert allowed == [True, True, False, False, True]


def test_a_frame_may_be_injected_between_the_fragments_of_a_message() -> None:
    pipe = new_pipe(masked=False)
    pipe.receive_data(Frame(TEXT, b"Hel", fin=False).encode())
    assert pipe.can_inject


def test_nothing_may_be_injected_after_an_end_inside_a_frame() -> None:
    pipe = new_pipe(masked=False)
    pipe.receive_data(Frame(TEXT, b"y" * 100, missing=100).encode())
    pipe.receive_data(b"")
    assert pipe.state is State.CLOSED
    assert not pipe.can_inject


@pytest.mark.parametrize("lane", [Pipe, MessagePipe], ids=["verbatim", "messages"])
def test_nothing_may_be_injected_after_a_failed_write(lane: type[Pipe]) -> None:
    pipe = lane(masked=False, limits=Limits())
    pipe.receive_data(Frame(TEXT, b"Hello").encode())
    pipe.send_failed()
    assert not pipe.can_inject


@both_directions
def test_a_close_may_be_withheld(masked: bool) -> None:
    before, close = Frame(TEXT, b"before"), Frame(CLOSE, b"\x03\xe9")
    pipe = new_pipe(masked)
    pipe.withhold_close()
    data = encode([before, close, Frame(TEXT, b"after")], key(masked))
    assert pipe.receive_data(data) == before.encode(key(masked))
    assert pipe.state is State.CLOSED
    assert pipe.close is None
    assert pipe.error is None
    assert pipe.can_inject
    assert pipe.receive_data(data) == b""


@both_directions
@pytest.mark.parametrize("close", [Close(4001, "done"), Close(None)])
def test_a_close_may_be_kept_while_something_is_owed(close: Close, masked: bool) -> None:
    owed = False
    pipe = new_pipe(masked)
    pipe.withhold_close_while(lambda: owed)
    before, last = Frame(TEXT, b"before"), Frame(CLOSE, close.payload())
    assert pipe.receive_data(before.encode(key(masked)))
    owed = True
    data = encode([before, last, Frame(TEXT, b"after")], key(masked))
    assert pipe.receive_data(data) == before.encode(key(masked))
    assert (pipe.state, pipe.withheld_close, pipe.close) == (State.WITHHELD, close, None)
    assert pipe.error is None
    assert pipe.can_inject
    assert (pipe.messages, pipe.frames) == (2, 2)
    assert pipe.receive_data(data) == b""
    assert pipe.receive_data(b"") == b""
    assert pipe.state is State.WITHHELD


@both_directions
def test_a_close_is_forwarded_when_nothing_is_owed(masked: bool) -> None:
    pipe = new_pipe(masked)
    pipe.withhold_close_while(lambda: False)
    data = Frame(CLOSE, b"\x03\xe9").encode(key(masked))
    assert pipe.receive_data(data) is data
    assert (pipe.state, pipe.withheld_close, pipe.close) == (State.CLOSING, None, Close(1001))


@both_directions
def test_a_close_that_is_none_is_not_kept(masked: bool) -> None:
    pipe = new_pipe(masked)
    pipe.withhold_close_while(lambda: True)
    assert pipe.receive_data(Frame(CLOSE, b"\x03").encode(key(masked))) == b""
    assert failure(pipe) == ("Close frame with one byte", 1002)
    assert pipe.withheld_close is None


@both_directions
def test_how_much_a_frame_lacks_until_one_of_ours_may_follow(masked: bool) -> None:
    pipe = new_pipe(masked)
    assert pipe.rest_of_frame == 0
    data = Frame(BINARY, bytes(10)).encode(key(masked))
    pipe.receive_data(data[:-4])
    assert (pipe.rest_of_frame, pipe.can_inject) == (4, False)
    assert pipe.receive_data(data[-4:]) == data[-4:]
    assert (pipe.rest_of_frame, pipe.can_inject) == (0, True)
    pipe.receive_data(data[:-4])
    pipe.send_failed()
    assert (pipe.rest_of_frame, pipe.can_inject) == (0, False)


@both_directions
def test_no_more_is_read_than_to_the_end_of_the_frame(masked: bool) -> None:
    pipe = new_pipe(masked)
    assert pipe.most_at_once(100, finishing=True) == 0
    pipe.receive_data(Frame(BINARY, bytes(10)).encode(key(masked))[:-4])
    assert pipe.most_at_once(100, finishing=True) == 4
    assert pipe.most_at_once(3, finishing=True) == 3
    assert pipe.most_at_once(100) == 100


@both_directions
def test_nothing_is_read_after_the_end(masked: bool) -> None:
    pipe = new_pipe(masked)
    pipe.receive_data(b"")
    assert pipe.most_at_once(100) == 0


def test_an_observer_is_shown_whole_messages_and_the_pieces_of_others() -> None:
    recorder = Recorder()
    pipe = Pipe(masked=False, limits=Limits(), observer=recorder)
    stream = [
        Frame(TEXT, b"whole").encode(),
        Frame(BINARY, b"in two chunks").encode()[:6],
        Frame(BINARY, b"in two chunks").encode()[6:] + Frame(PING, b"seen").encode(),
        Frame(TEXT, b"", fin=False).encode() + Frame(CONTINUATION, b"end").encode(),
    ]
    for chunk in stream:
        assert pipe.receive_data(chunk) == chunk
    assert recorder.shown == [
        ("message", 0x81, b"whole"),
        ("frame", 0x82, 13, b""),
        ("payload", b"in t"),
        ("payload", b"wo chunks"),
        ("control", PING, b"seen"),
        ("frame", 0x01, 0, b""),
        ("frame", 0x80, 3, b""),
        ("payload", b"end"),
    ]


def test_an_observer_of_masked_frames_is_given_their_keys() -> None:
    recorder = Recorder()
    pipe = Pipe(masked=True, limits=Limits(), observer=recorder)
    pipe.receive_data(Frame(TEXT, b"ab", fin=False).encode(b"\1\2\3\4"))
    pipe.receive_data(Frame(PONG, b"ab").encode(b"\1\2\3\4"))
    assert recorder.shown == [
        ("frame", 0x01, 2, b"\1\2\3\4"),
        ("payload", b"``"),
        ("control", PONG, b"``"),
    ]


def test_an_observer_is_not_shown_what_breaks_the_protocol() -> None:
    recorder = Recorder()
    pipe = Pipe(masked=False, limits=Limits(), observer=recorder)
    pipe.receive_data(Frame(CONTINUATION, b"of nothing").encode())
    assert recorder.shown == []


@pytest.mark.parametrize("keeps", [True, False])
def test_an_observer_is_shown_a_close_kept_or_not_and_no_pong_for_the_relay(keeps: bool) -> None:
    recorder = Recorder()
    pipe = Pipe(masked=False, limits=Limits(), observer=recorder)
    pipe.withhold_close_while(lambda: keeps)
    ours = Pings()
    pipe.share_pings(ours, Pings())
    ours.sent(b"ours")
    close = Frame(CLOSE, b"\x03\xe8")
    pipe.receive_data(encode([Frame(PONG, b"ours"), Frame(PONG, b"its"), close]))
    assert recorder.shown == [("control", PONG, b"its"), ("control", CLOSE, b"\x03\xe8")]
    assert (pipe.state is State.WITHHELD) is keeps


def test_an_observer_is_not_shown_the_close_that_answers_ours() -> None:
    recorder = Recorder()
    pipe = Pipe(masked=False, limits=Limits(), observer=recorder)
    pipe.withhold_close()
    pipe.receive_data(Frame(CLOSE, b"\x03\xe8").encode())
    assert recorder.shown == []


@pytest.mark.parametrize("raises_at", range(6))
def test_an_observer_that_raises_is_shown_no_more_and_the_pipe_goes_on(raises_at: int) -> None:
    recorder = Recorder(raises_at)
    pipe = Pipe(masked=False, limits=Limits(), observer=recorder)
    whole, long = Frame(TEXT, b"whole").encode(), Frame(BINARY, b"in three chunks").encode()
    ping = Frame(PING, b"p").encode()
    for chunk in (whole, long[:5], long[5:8], long[8:], ping, whole):
        assert pipe.receive_data(chunk) == chunk
    assert recorder.failures == 1
    assert len(recorder.shown) == raises_at
    assert pipe.messages == 3
