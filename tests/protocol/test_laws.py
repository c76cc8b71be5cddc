"""The laws of the open session, for any input and any way of cutting it (docs/laws.md)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.events import CloseConnection

from relay.protocol import Cause, Close, Limits, MessagePipe, Pipe, State, closing, ending, policy
from relay.protocol.frames import CLOSE
from relay.testing.frames import cut, decode, delivered
from relay.testing.hostile_frames import COMPRESSED, REJECTED, mirror
from relay.testing.strategies import SMALL_LIMITS, any_bytes, chunkings, masking_keys, valid_streams
from tests.protocol.directions import (
    COMPRESSING,
    Lane,
    Outcome,
    both_directions,
    check_leg,
    every_lane,
    feed,
    outcome,
    past_limits,
    read_by_wsproto,
)

verbatim = pytest.mark.parametrize("lane", [Pipe, COMPRESSING], ids=["verbatim", "compressing"])

HELD = 130  # the largest control frame, without its last byte


# (1) For valid input and any chunking, the output is the input.


@both_directions
@verbatim
@given(data=st.data(), sizes=chunkings)
def test_valid_input_comes_out_as_it_went_in(
    lane: Lane, masked: bool, data: st.DataObject, sizes: list[int]
) -> None:
    stream = data.draw(valid_streams(masked=masked, compressed=lane is COMPRESSING))
    pipe = lane(masked=masked, limits=Limits())
    held = 0
    out = b""
    for chunk in cut(stream.data, sizes):
        sent = pipe.receive_data(chunk)
        if not held and len(sent) == len(chunk):
            assert sent is chunk
        held += len(chunk) - len(sent)
        out += sent
    assert out == stream.data
    closes = [payload for opcode, payload in stream.items if opcode == CLOSE]
    assert outcome(pipe) == Outcome(
        state=State.CLOSING if closes else State.OPEN,
        close=Close.parse(closes[0]) if closes else None,
        error=None,
        can_inject=True,
        frames=len(stream.ends),
        messages=sum(opcode < CLOSE for opcode, _ in stream.items),
        bytes=len(stream.data),
    )


# (2) For any input, the output is a prefix of it, and nothing depends on the chunking.


@both_directions
@verbatim
@given(data=st.data(), sizes=chunkings, ended=st.booleans())
def test_any_input_gives_a_prefix_of_it_however_it_is_cut(
    lane: Lane, masked: bool, data: st.DataObject, sizes: list[int], ended: bool
) -> None:
    stream = data.draw(any_bytes(masked=masked))
    end = [b""] if ended else []
    whole, bytewise, cuts = (lane(masked=masked, limits=SMALL_LIMITS) for _ in range(3))
    out = feed(whole, [stream, *end] if stream else end)
    assert stream.startswith(out)
    assert feed(bytewise, [*cut(stream, [1]), *end]) == out
    assert feed(cuts, [*cut(stream, sizes), *end]) == out
    assert outcome(whole) == outcome(bytewise) == outcome(cuts)
    assert whole.bytes == len(out)


@both_directions
@given(data=st.data(), sizes=chunkings, ended=st.booleans())
def test_the_message_lane_does_not_depend_on_the_chunking_either(
    masked: bool, data: st.DataObject, sizes: list[int], ended: bool
) -> None:
    stream = data.draw(any_bytes(masked=masked))
    end = [b""] if ended else []
    whole, bytewise, cuts = (MessagePipe(masked=masked, limits=SMALL_LIMITS) for _ in range(3))
    out = decode(feed(whole, [stream, *end] if stream else end), masked=masked)
    assert decode(feed(bytewise, [*cut(stream, [1]), *end]), masked=masked) == out
    assert decode(feed(cuts, [*cut(stream, sizes), *end]), masked=masked) == out
    # The counters are those of the chunk in which invalid text was found, so they may differ.
    assert outcome(whole)[:4] == outcome(bytewise)[:4] == outcome(cuts)[:4]


@both_directions
@every_lane
@given(data=st.data(), sizes=chunkings)
def test_all_that_precedes_a_violation_is_forwarded_and_nothing_of_it(
    lane: Lane, masked: bool, data: st.DataObject, sizes: list[int]
) -> None:
    compressed = lane is COMPRESSING
    hostile = data.draw(st.sampled_from(REJECTED if compressed else [*REJECTED, *COMPRESSED]))
    before = data.draw(valid_streams(masked=masked, closed=False, compressed=compressed))
    accepted, broken = hostile.accepted, hostile.broken
    if not masked:
        accepted, broken = mirror(accepted), mirror(broken)
    after = data.draw(st.binary(max_size=20))
    pipe = lane(masked=masked, limits=Limits())
    out = feed(pipe, cut(before.data + accepted + broken + after, sizes))
    expected = before.data + accepted
    assert delivered(decode(out, masked=masked)) == delivered(decode(expected, masked=masked))
    assert lane is MessagePipe or out == expected
    assert pipe.state is State.FAILED
    assert pipe.error is not None
    assert pipe.error.close_code_hint == hostile.close_code


# (3) Whatever is forwarded parses in wsproto, apart from Close 1014, invalid UTF-8 text, and what
# cannot be decompressed.


@both_directions
@every_lane
@given(data=st.data(), sizes=chunkings)
def test_what_is_forwarded_parses_in_wsproto(
    lane: Lane, masked: bool, data: st.DataObject, sizes: list[int]
) -> None:
    pipe = lane(masked=masked, limits=Limits())
    out = feed(pipe, cut(data.draw(any_bytes(masked=masked)), sizes))
    events, failures = read_by_wsproto(out, masked=masked, compressed=lane is COMPRESSING)
    if pipe.close is not None and pipe.close.code == 1014:
        assert failures in ([1002], [1007])
    elif lane is MessagePipe:
        assert not failures
    else:
        assert failures in ([], [1007])
    if pipe.close is not None and not failures:
        assert events[-1] == CloseConnection(pipe.close.code or 1005, pipe.close.reason)


# (4) For valid input both lanes deliver the same messages, control frames and Close.


@both_directions
@given(data=st.data(), sizes=chunkings, other_sizes=chunkings)
def test_both_lanes_deliver_the_same(
    masked: bool, data: st.DataObject, sizes: list[int], other_sizes: list[int]
) -> None:
    stream = data.draw(valid_streams(masked=masked))
    as_it_came = Pipe(masked=masked, limits=Limits())
    messages = MessagePipe(masked=masked, limits=Limits())
    out = feed(as_it_came, cut(stream.data, sizes))
    encoded_anew = feed(messages, cut(stream.data, other_sizes))
    assert delivered(decode(out, masked=masked)) == stream.items
    assert delivered(decode(encoded_anew, masked=masked)) == stream.items
    assert outcome(as_it_came) == outcome(messages)


# (5) At most 131 bytes are held back.


@both_directions
@verbatim
@given(data=st.data(), sizes=chunkings)
def test_little_is_held_back(
    lane: Lane, masked: bool, data: st.DataObject, sizes: list[int]
) -> None:
    pipe = lane(masked=masked, limits=SMALL_LIMITS)
    held = 0
    for chunk in cut(data.draw(any_bytes(masked=masked)), sizes):
        held += len(chunk) - len(pipe.receive_data(chunk))
        if pipe.state is not State.OPEN:
            break
        assert 0 <= held <= HELD


# (6) Nothing past a declared limit is forwarded.


@both_directions
@every_lane
@given(data=st.data(), sizes=chunkings)
def test_nothing_past_a_limit_is_forwarded(
    lane: Lane, masked: bool, data: st.DataObject, sizes: list[int]
) -> None:
    pipe = lane(masked=masked, limits=SMALL_LIMITS)
    out = feed(pipe, cut(data.draw(any_bytes(masked=masked)), sizes))
    assert past_limits(decode(out, masked=masked), SMALL_LIMITS) is None


@both_directions
@verbatim
@given(data=st.data(), sizes=chunkings)
def test_all_that_keeps_the_limits_is_forwarded(
    lane: Lane, masked: bool, data: st.DataObject, sizes: list[int]
) -> None:
    stream = data.draw(valid_streams(masked=masked, compressed=lane is COMPRESSING))
    first = past_limits(decode(stream.data, masked=masked), SMALL_LIMITS)
    pipe = lane(masked=masked, limits=SMALL_LIMITS)
    out = feed(pipe, cut(stream.data, sizes))
    if first is None:
        assert out == stream.data
        assert pipe.error is None
    else:
        assert out == stream.data[: [0, *stream.ends][first]]
        assert pipe.error is not None
        assert pipe.error.close_code_hint == 1009


# (9) However a session ends, each side gets at most one Close, where one may stand, and no code
# that must not stand in it. The table itself, cell by cell, is in test_closing.

causes = st.text(max_size=200).map(policy) | st.sampled_from(
    [each for each in vars(closing).values() if isinstance(each, Cause)]
)


@every_lane
@given(data=st.data(), cause=causes, masking_key=masking_keys)
def test_each_side_gets_at_most_one_close_and_nothing_after_it(
    lane: Lane, data: st.DataObject, cause: Cause, masking_key: bytes
) -> None:
    pipes, sent = [], []
    for masked in (True, False):
        pipe = lane(masked=masked, limits=SMALL_LIMITS)
        end = data.draw(st.sampled_from([[], [b""]]))
        sent.append(feed(pipe, [*cut(data.draw(any_bytes(masked=masked)), [64]), *end]))
        if data.draw(st.integers(0, 3)) == 0:
            pipe.send_failed()
        pipes.append(pipe)
    inbound, outbound = pipes
    legs = ending(inbound, outbound, cause, masking_key)
    for leg, pipe, to_peer, masked in [
        (legs.upstream, inbound, sent[0], True),
        (legs.client, outbound, sent[1], False),
    ]:
        check_leg(leg, pipe, to_peer, masked=masked)
