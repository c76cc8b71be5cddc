"""The relay's own Pings: when one may be sent, and which Pong is taken out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.protocol import Limits, MessagePipe, Pings, Pipe, State, control_frame
from relay.protocol.frames import CLOSE, CONTINUATION, PING, PONG, TEXT
from relay.testing.frames import MASKING_KEY, Frame, cut, decode, delivered, encode
from relay.testing.strategies import any_bytes, chunkings, fragmented_messages, masking_keys
from tests.protocol.directions import both_directions, key

OURS = b"of ours."

every_lane = pytest.mark.parametrize("lane", [Pipe, MessagePipe], ids=["verbatim", "messages"])


def sharing(masked: bool, lane: type[Pipe] = Pipe) -> tuple[Pipe, Pings, Pings]:
    """A direction of a session with Pings, those to its sender, and those to its receiver."""
    pipe, to_sender, to_receiver = lane(masked=masked, limits=Limits()), Pings(), Pings()
    pipe.share_pings(to_sender, to_receiver)
    return pipe, to_sender, to_receiver


# When a peer has something to answer


def test_a_peer_has_nothing_to_answer_before_it_was_asked() -> None:
    assert not Pings().awaits_pong
    assert Pings().owed is None


def test_the_newest_ping_that_was_forwarded_is_owed_its_pong() -> None:
    pings = Pings()
    pings.forwarded(b"first")
    pings.forwarded(b"")
    owed = [pings.owed]
    assert not pings.received(b"")
    assert [*owed, pings.owed] == [b"", None]


def test_for_a_ping_of_ours_nobody_else_is_owed_a_pong() -> None:
    pings = Pings()
    pings.sent(OURS)
    owed = [pings.owed]
    pings.forwarded(b"p")
    owed.append(pings.owed)
    pings.received(b"p")
    assert [*owed, pings.owed] == [None, b"p", None]


def test_a_ping_of_ours_awaits_its_pong_which_is_for_us() -> None:
    pings = Pings()
    pings.sent(OURS)
    assert pings.awaits_pong
    assert pings.received(OURS)
    assert not pings.awaits_pong


def test_a_forwarded_ping_awaits_its_pong_which_is_not_for_us() -> None:
    pings = Pings()
    pings.forwarded(b"p")
    assert pings.awaits_pong
    assert not pings.received(b"p")
    assert not pings.awaits_pong


def test_a_pong_that_answers_nothing_changes_nothing() -> None:
    pings = Pings()
    for payload in (b"", b"unasked", OURS):
        assert not pings.received(payload)
    pings.sent(OURS)
    assert not pings.received(b"unasked")
    assert not pings.received(OURS + b".")
    assert pings.awaits_pong
    assert pings.received(OURS)


def test_our_pong_is_taken_out_once() -> None:
    pings = Pings()
    pings.sent(OURS)
    assert [pings.received(OURS) for _ in range(2)] == [True, False]


def test_of_several_pings_only_the_newest_may_be_answered() -> None:
    pings = Pings()
    pings.forwarded(b"1")
    pings.forwarded(b"2")
    assert not pings.received(b"1")
    assert pings.awaits_pong
    assert not pings.received(b"2")
    assert not pings.awaits_pong


def test_ours_is_superseded_by_one_that_is_forwarded() -> None:
    pings = Pings()
    pings.sent(OURS)
    pings.forwarded(b"p")
    assert not pings.received(b"p")
    assert not pings.awaits_pong
    pings.sent(b"the next")
    assert pings.received(b"the next")


def test_one_that_is_superseded_may_be_answered_all_the_same() -> None:
    pings = Pings()
    pings.sent(OURS)
    pings.forwarded(b"p")
    assert pings.received(OURS)
    assert pings.awaits_pong
    assert not pings.received(b"p")
    assert not pings.awaits_pong


# In a direction


@both_directions
@every_lane
def test_forwarded_pings_are_noted_and_forwarded(lane: type[Pipe], masked: bool) -> None:
    pipe, _, to_receiver = sharing(masked, lane)
    (frame,) = decode(pipe.receive_data(Frame(PING, b"p").encode(key(masked))), masked=masked)
    assert frame == Frame(PING, b"p")
    assert to_receiver.awaits_pong
    assert not to_receiver.received(b"p")
    assert not to_receiver.awaits_pong  # b"p" it was, unmasked


@both_directions
def test_a_ping_that_is_not_whole_was_not_forwarded(masked: bool) -> None:
    pipe, _, to_receiver = sharing(masked)
    ping = Frame(PING, b"p").encode(key(masked))
    assert pipe.receive_data(ping[:-1]) == b""
    assert not to_receiver.awaits_pong
    assert pipe.receive_data(ping[-1:]) == ping
    assert to_receiver.awaits_pong


@both_directions
@every_lane
def test_our_pong_alone_leaves_nothing(lane: type[Pipe], masked: bool) -> None:
    pipe, to_sender, _ = sharing(masked, lane)
    to_sender.sent(OURS)
    assert pipe.receive_data(Frame(PONG, OURS).encode(key(masked))) == b""
    assert (pipe.state, pipe.frames, pipe.bytes) == (State.OPEN, 0, 0)
    assert pipe.can_inject
    message = Frame(TEXT, b"Hello").encode(key(masked))
    assert decode(pipe.receive_data(message), masked=masked) == [Frame(TEXT, b"Hello")]
    assert (pipe.messages, pipe.bytes) == (1, len(message))


@both_directions
def test_what_stands_around_our_pong_is_forwarded(masked: bool) -> None:
    pipe, to_sender, _ = sharing(masked)
    to_sender.sent(OURS)
    before = encode([Frame(TEXT, b"frag", fin=False), Frame(PONG, b"unasked")], key(masked))
    after = encode([Frame(PONG, OURS), Frame(CONTINUATION, b"ment")], key(masked))
    pong = Frame(PONG, OURS).encode(key(masked))
    assert pipe.receive_data(before + pong + after) == before + after
    assert pipe.frames == 4


@both_directions
def test_a_close_may_follow_our_pong(masked: bool) -> None:
    pipe, to_sender, _ = sharing(masked)
    to_sender.sent(OURS)
    close = Frame(CLOSE, b"\x03\xe8").encode(key(masked))
    assert pipe.receive_data(Frame(PONG, OURS).encode(key(masked)) + close + b"more") == close
    assert pipe.state is State.CLOSING


# Law 1, in a session in which the relay asks: for valid input and any chunking, the output is the
# input, minus exactly our Pong. And whenever it asks, no forwarded Ping awaits its Pong.


@both_directions
@every_lane
@given(data=st.data(), sizes=chunkings)
def test_valid_input_comes_out_without_our_pong(
    lane: type[Pipe], masked: bool, data: st.DataObject, sizes: list[int]
) -> None:
    pipe, to_sender, _ = sharing(masked, lane)
    parts = data.draw(st.lists(fragmented_messages(compressed=False), max_size=4))
    frames = [frame for part in parts for frame in part]
    place = data.draw(st.integers(0, len(frames)))
    others = {frame.payload for frame in frames}
    payload = data.draw(st.binary(max_size=125).filter(lambda each: each not in others))
    to_sender.sent(payload)
    keys = st.just(None) if not masked else masking_keys
    chunks = [frame.encode(data.draw(keys)) for frame in frames]
    pong = Frame(PONG, payload).encode(data.draw(keys))
    stream = b"".join([*chunks[:place], pong, *chunks[place:]])
    out = b"".join([pipe.receive_data(chunk) for chunk in cut(stream, sizes)])
    if lane is Pipe:
        assert out == b"".join(chunks)
        assert (pipe.frames, pipe.bytes) == (len(frames), len(out))
    assert delivered(decode(out, masked=masked)) == delivered(frames)
    assert pipe.state is State.OPEN
    assert not to_sender.awaits_pong


@both_directions
@given(data=st.data(), sizes=chunkings)
def test_any_input_is_treated_as_without_pings_unless_it_is_our_pong(
    masked: bool, data: st.DataObject, sizes: list[int]
) -> None:
    stream = data.draw(any_bytes(masked=masked))
    pipe, to_sender, _ = sharing(masked)
    to_sender.sent(b"\x00" * 124 + b"\xa5")  # which no stream has
    plain = Pipe(masked=masked, limits=Limits())
    for chunk in cut(stream, sizes):
        assert pipe.receive_data(chunk) == plain.receive_data(chunk)
    assert (pipe.state, pipe.close, str(pipe.error)) == (
        plain.state,
        plain.close,
        str(plain.error),
    )
    assert (pipe.frames, pipe.bytes, pipe.can_inject) == (
        plain.frames,
        plain.bytes,
        plain.can_inject,
    )


class _Peer:
    """Answers Pings in order, each, or only the newest of those that it has read."""

    def __init__(self) -> None:
        self.unanswered: list[bytes] = []

    def answer(self, *, newest_only: bool) -> list[bytes]:
        answers = self.unanswered[-1:] if newest_only else self.unanswered
        self.unanswered = []
        return answers


@given(steps=st.lists(st.sampled_from(["forward", "ask", "answer", "answer newest"])))
def test_no_peer_waits_in_vain_or_hears_of_our_pings(steps: list[str]) -> None:
    """Any order of Pings, ours and forwarded, and any way in which a peer may answer."""
    inbound, to_client, to_upstream = sharing(masked=True)
    outbound = Pipe(masked=False, limits=Limits())
    outbound.share_pings(to_upstream, to_client)
    client = _Peer()
    asked: list[bytes] = []  # by the provider, since it last had an answer
    ours: set[bytes] = set()
    for number, step in enumerate([*steps, "answer newest"]):
        payload = bytes([number % 256]) * 8
        if step == "forward":
            outbound.receive_data(Frame(PING, payload).encode())
            client.unanswered.append(payload)
            asked.append(payload)
        elif step == "ask" and not to_client.awaits_pong:
            assert not asked
            frame = decode(control_frame(PING, payload, None), masked=False)[0]
            to_client.sent(payload)
            client.unanswered.append(frame.payload)
            ours.add(payload)
        elif step.startswith("answer") and client.unanswered:
            answers = client.answer(newest_only=step == "answer newest")
            pongs = encode([Frame(PONG, each) for each in answers], MASKING_KEY)
            heard = [frame.payload for frame in decode(inbound.receive_data(pongs), masked=True)]
            assert ours.isdisjoint(heard)
            assert not asked or heard[-1] == asked[-1]
            asked = []
            assert not to_client.awaits_pong
