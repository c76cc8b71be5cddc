"""The message lane: one direction, message for message."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from relay.protocol import Close, Limits, MessagePipe, Policy, RemoteProtocolError, State
from relay.protocol.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT
from relay.protocol.message_credentials import credential_filter
from relay.testing.frames import MASKING_KEY, Frame, decode, delivered, encode
from relay.testing.hostile_frames import (
    ACCEPTED,
    COMPRESSED,
    INVALID_TEXT,
    REJECTED,
    Accepted,
    Rejected,
    mirror,
)
from tests.protocol.directions import both_directions, failure, key


def new_pipe(
    masked: bool, limits: Limits | None = None, policies: Sequence[Policy] = ()
) -> MessagePipe:
    return MessagePipe(masked=masked, limits=limits or Limits(), policies=policies)


# Messages.


@both_directions
@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_a_message_of_any_size_passes(opcode: int, size: int, masked: bool) -> None:
    frame = Frame(opcode, b"x" * size)
    pipe = new_pipe(masked)
    assert decode(pipe.receive_data(frame.encode(key(masked))), masked=masked) == [frame]


@both_directions
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_a_message_is_sent_in_one_frame_once_it_is_whole(opcode: int, masked: bool) -> None:
    fragments = [
        Frame(opcode, b"", fin=False),
        Frame(CONTINUATION, b"Hel", fin=False),
        Frame(CONTINUATION, b"lo", fin=False),
        Frame(CONTINUATION, b""),
    ]
    *chunks, last = [fragment.encode(key(masked)) for fragment in fragments]
    pipe = new_pipe(masked)
    assert [pipe.receive_data(chunk) for chunk in chunks] == [b""] * 3
    assert decode(pipe.receive_data(last), masked=masked) == [Frame(opcode, b"Hello")]


@both_directions
def test_a_message_that_arrives_byte_by_byte_is_sent_whole(masked: bool) -> None:
    frames = [Frame(TEXT, "é€😀".encode()), Frame(BINARY, bytes(200)), Frame(TEXT, b"")]
    data = encode(frames, key(masked))
    pipe = new_pipe(masked)
    out = [pipe.receive_data(data[i : i + 1]) for i in range(len(data))]
    assert [frame for sent in out for frame in decode(sent, masked=masked)] == frames
    assert sum(map(bool, out)) == len(frames)


@both_directions
def test_control_frames_do_not_wait_for_the_message_around_them(masked: bool) -> None:
    pipe = new_pipe(masked)
    for frame, sent in [
        (Frame(TEXT, b"a", fin=False), []),
        (Frame(PING, b"ping"), [Frame(PING, b"ping")]),
        (Frame(CONTINUATION, b"", fin=False), []),
        (Frame(PONG), [Frame(PONG)]),
        (Frame(CONTINUATION, b"b"), [Frame(TEXT, b"ab")]),
    ]:
        assert decode(pipe.receive_data(frame.encode(key(masked))), masked=masked) == sent


def test_the_masking_keys_of_the_client_are_not_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.urandom", lambda size: b"ours"[:size])
    pipe = new_pipe(masked=True)
    frames = [Frame(TEXT, b"Hello"), Frame(PING), Frame(CLOSE)]
    assert pipe.receive_data(encode(frames, MASKING_KEY)) == encode(frames, b"ours")


@both_directions
def test_little_is_read_of_what_may_be_thousands_of_frames(masked: bool) -> None:
    pipe = new_pipe(masked)
    assert pipe.most_at_once(100) == 100
    assert pipe.most_at_once(70_000) == 4096
    whole = Frame(BINARY, bytes(60_000)).encode(key(masked))
    pipe.receive_data(whole[:1000])
    assert pipe.most_at_once(70_000) == len(whole) - 1000 + 4096
    assert pipe.most_at_once(10_000) == 10_000
    assert pipe.most_at_once(70_000, finishing=True) == 0  # none of it was sent yet
    pipe.receive_data(whole[1000:])
    assert pipe.most_at_once(70_000) == 4096
    pipe.receive_data(b"")
    assert pipe.most_at_once(70_000) == 0


@both_directions
def test_a_frame_may_be_injected_while_a_message_is_held(masked: bool) -> None:
    pipe = new_pipe(masked)
    pipe.receive_data(Frame(TEXT, b"Hel", missing=2).encode(key(masked)))
    assert pipe.can_inject
    pipe.receive_data(b"")
    assert pipe.state is State.CLOSED
    assert pipe.can_inject


# Policies.


@both_directions
def test_a_policy_sees_each_message_by_its_kind(masked: bool) -> None:
    seen: list[str | bytes] = []

    def look(message: str | bytes) -> Sequence[str | bytes]:
        seen.append(message)
        return [message]

    frames = [
        Frame(TEXT, b"gr", fin=False),
        Frame(CONTINUATION, "üße".encode()),
        Frame(BINARY, b"\xff", fin=False),
        Frame(PING, b"not a message"),
        Frame(CONTINUATION, b"\x00"),
        Frame(BINARY, b"whole"),
        Frame(TEXT, b""),
    ]
    pipe = new_pipe(masked, policies=[look])
    sent = pipe.receive_data(encode(frames, key(masked)))
    assert seen == ["grüße", b"\xff\x00", b"whole", ""]
    assert list(map(type, seen)) == [str, bytes, bytes, str]
    assert delivered(decode(sent, masked=masked)) == delivered(frames)


@both_directions
def test_what_a_policy_returns_is_sent_in_place_of_the_message(masked: bool) -> None:
    instead: dict[str | bytes, list[str | bytes]] = {
        "drop": [],
        "change": ["changed"],
        "split": ["text", b"bytes"],
    }

    frames = [Frame(TEXT, text) for text in (b"split", b"drop", b"change")]
    pipe = new_pipe(masked, policies=[instead.__getitem__])
    assert decode(pipe.receive_data(encode(frames, key(masked))), masked=masked) == [
        Frame(TEXT, b"text"),
        Frame(BINARY, b"bytes"),
        Frame(TEXT, b"changed"),
    ]


def test_each_policy_gets_what_the_one_before_it_returned() -> None:
    def twice(message: str | bytes) -> Sequence[str | bytes]:
        return [f"{message!s}1", f"{message!s}2"]

    def drop_first(message: str | bytes) -> Sequence[str | bytes]:
        return [] if message == "a1" else [f"{message!s}!"]

    pipe = new_pipe(masked=False, policies=[twice, drop_first])
    assert decode(pipe.receive_data(Frame(TEXT, b"a").encode()), masked=False) == [
        Frame(TEXT, b"a2!")
    ]


_NO_MESSAGES: list[Any] = [
    "",
    "text",
    b"",
    b"bytes",
    [None],
    ["text", 1],
    [bytearray(b"b")],
    None,
    1,
]


@both_directions
@pytest.mark.parametrize("returned", _NO_MESSAGES, ids=repr)
def test_a_policy_that_returns_no_sequence_of_messages_is_a_fault(
    returned: Any, masked: bool
) -> None:
    pipe = new_pipe(masked, policies=[lambda _: returned])
    with pytest.raises(TypeError):
        pipe.receive_data(Frame(TEXT, b"a").encode(key(masked)))


def test_a_policy_may_be_a_generator() -> None:
    def twice(message: str | bytes) -> Iterator[str | bytes]:
        yield message
        yield message

    pipe = new_pipe(masked=False, policies=[twice])  # type: ignore[list-item]
    frame = Frame(TEXT, b"a")
    assert decode(pipe.receive_data(frame.encode()), masked=False) == [frame, frame]


# Text that is not UTF-8.


@both_directions
def test_what_comes_after_text_that_is_not_utf_8_is_not_counted(masked: bool) -> None:
    pipe = new_pipe(masked)
    pipe.receive_data(Frame(TEXT, b"\xff\xff").encode(key(masked)))
    counted = pipe.messages, pipe.frames, pipe.bytes
    assert pipe.receive_data(Frame(TEXT, b"later").encode(key(masked))) == b""
    assert (pipe.messages, pipe.frames, pipe.bytes) == counted


@both_directions
@pytest.mark.parametrize("name", INVALID_TEXT)
def test_text_that_is_not_utf_8_fails_the_direction(name: str, masked: bool) -> None:
    data = INVALID_TEXT[name] if masked else mirror(INVALID_TEXT[name])
    before = Frame(TEXT, b"before").encode(key(masked))
    pipe = new_pipe(masked)
    assert delivered(decode(pipe.receive_data(before + data), masked=masked)) == [(TEXT, b"before")]
    assert failure(pipe) == ("text is not UTF-8", 1007)
    assert pipe.receive_data(before) == b""


@both_directions
@pytest.mark.parametrize(
    "after",
    [Frame(CLOSE, b"\x03\xe8"), Frame(CLOSE), Frame(3), Frame(TEXT, b"late")],
    ids=["a Close", "an empty Close", "a violation", "a message"],
)
def test_of_two_faults_in_one_chunk_the_first_counts(after: Frame, masked: bool) -> None:
    pipe = new_pipe(masked)
    assert pipe.receive_data(encode([Frame(TEXT, b"\xff"), after], key(masked))) == b""
    assert failure(pipe) == ("text is not UTF-8", 1007)


# Closes.


@both_directions
@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x03\xe8",
        *(code.to_bytes(2, "big") + "größe €".encode() for code in (1001, 1011, 1014, 3000, 4999)),
        b"\x03\xe9" + b"r" * 123,
    ],
)
def test_a_close_says_what_it_said(payload: bytes, masked: bool) -> None:
    frames = [Frame(TEXT, b"bye"), Frame(CLOSE, payload)]
    pipe = new_pipe(masked)
    assert decode(pipe.receive_data(encode(frames, key(masked))), masked=masked) == frames
    assert pipe.state is State.CLOSING
    assert pipe.close == Close.parse(payload)
    assert pipe.receive_data(Frame(TEXT, b"late").encode(key(masked))) == b""


def test_a_close_inside_a_message_is_sent_and_the_message_is_not() -> None:
    pipe = new_pipe(masked=False)
    frames = [Frame(TEXT, b"half", fin=False), Frame(CLOSE, b"\x03\xe9")]
    assert decode(pipe.receive_data(encode(frames)), masked=False) == frames[1:]


# Hostile bytes and limits: the verbatim lane stands in front, and its tests say the rest.


@both_directions
@pytest.mark.parametrize("hostile", [*REJECTED, *COMPRESSED], ids=lambda hostile: hostile.name)
def test_hostile_frames_are_not_forwarded(hostile: Rejected, masked: bool) -> None:
    accepted, broken, error = hostile.accepted, hostile.broken, hostile.error
    if not masked:
        accepted, broken = mirror(accepted), mirror(broken)
        error = error.replace("is not masked", "is masked")
    pipe = new_pipe(masked)
    sent = pipe.receive_data(accepted + broken)
    assert failure(pipe) == (error, hostile.close_code)
    assert decode(sent, masked=masked) == [
        Frame(*item) for item in delivered(decode(accepted, masked=masked))
    ]
    assert pipe.can_inject


@both_directions
@pytest.mark.parametrize("harmless", ACCEPTED, ids=lambda harmless: harmless.name)
def test_what_only_looks_hostile_passes(harmless: Accepted, masked: bool) -> None:
    data, discarded = harmless.data, harmless.discarded
    if not masked:
        data, discarded = mirror(data), mirror(discarded)
    pipe = new_pipe(masked)
    sent = pipe.receive_data(data + discarded)
    assert decode(sent, masked=masked) == [
        Frame(*item) for item in delivered(decode(data, masked=masked))
    ]
    assert pipe.close == harmless.close
    assert pipe.state is (State.CLOSING if harmless.close else State.OPEN)


@both_directions
def test_a_message_over_the_limit_is_not_sent(masked: bool) -> None:
    pipe = new_pipe(masked, Limits(max_message_size=5))
    frames = [
        Frame(TEXT, b"Hello"),
        Frame(TEXT, b"Hel", fin=False),
        Frame(CONTINUATION, b"lo!"),
    ]
    sent = pipe.receive_data(encode(frames, key(masked)))
    assert decode(sent, masked=masked) == frames[:1]
    assert failure(pipe) == ("message too big", 1009)


def test_a_message_of_too_many_fragments_is_not_sent() -> None:
    pipe = new_pipe(masked=True, limits=Limits(max_fragments=3))
    fragment = Frame(CONTINUATION, b"x", fin=False).encode(MASKING_KEY)
    assert pipe.receive_data(Frame(BINARY, fin=False).encode(MASKING_KEY) + fragment * 3) == b""
    assert failure(pipe) == ("message has too many fragments", 1009)


def test_a_policy_may_end_the_session() -> None:
    def policy(message: str | bytes) -> tuple[str | bytes, ...]:
        if message == "evil":
            raise RemoteProtocolError("not allowed", close_code_hint=1008)
        return (message,)

    pipe = new_pipe(True, policies=[policy])
    frames = [Frame(TEXT, text) for text in (b"good", b"evil", b"late")]
    sent = pipe.receive_data(encode([*frames, Frame(CLOSE, b"")], MASKING_KEY))
    assert decode(sent, masked=True) == frames[:1]
    assert failure(pipe) == ("not allowed", 1008)
    assert pipe.receive_data(frames[0].encode(MASKING_KEY)) == b""


@both_directions
def test_a_close_may_be_withheld(masked: bool) -> None:
    before = Frame(TEXT, b"before")
    pipe = new_pipe(masked)
    pipe.withhold_close()
    sent = pipe.receive_data(encode([before, Frame(CLOSE, b"\x03\xe9")], key(masked)))
    assert decode(sent, masked=masked) == [before]
    assert pipe.state is State.CLOSED
    assert pipe.close is None


@pytest.mark.parametrize("text", ["x", "\u00e9", "\U0001f600"])
def test_a_message_under_way_takes_little_more_than_its_own_size(text: str) -> None:
    """Kept as it came and in one piece, whatever Python would take for its characters."""
    pipe = MessagePipe(masked=False, limits=Limits())
    payload = text.encode() * (2**20 // len(text.encode()))
    frame = Frame(TEXT, payload, fin=False, missing=2**20).encode()
    tracemalloc.start()
    try:
        for start in range(0, len(frame), 4096):
            assert pipe.receive_data(frame[start : start + 4096]) == b""
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 1.25 * len(payload)


@pytest.mark.parametrize(
    ("text", "policies", "times"),
    [
        ("x", (), 10),
        ("x\U0001f600", (), 10),
        ('"x\U0001f600"', (credential_filter({"xi_api_key"}, keep_own=False),), 25),
    ],
)
def test_passing_a_message_on_takes_a_few_times_its_size(
    text: str, policies: Sequence[Policy], times: int
) -> None:
    """For a moment. docs/security.md says so; Python takes four bytes for each character, if one
    of them needs them."""
    pipe = new_pipe(masked=False, policies=policies)
    payload = text.encode().replace(b"x", b"x" * 2**20)
    if policies:
        payload = b'{"xi_api_key": "k", "text": ' + payload + b"}"
    data = Frame(TEXT, payload).encode()
    tracemalloc.start()
    try:
        assert pipe.receive_data(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < times * len(payload)


@both_directions
def test_a_close_may_be_kept_while_something_is_owed(masked: bool) -> None:
    pipe = new_pipe(masked)
    pipe.withhold_close_while(lambda: True)
    before = Frame(TEXT, b"before")
    out = pipe.receive_data(encode([before, Frame(CLOSE, b"\x03\xe9bye")], key(masked)))
    assert decode(out, masked=masked) == [before]
    assert (pipe.state, pipe.withheld_close) == (State.WITHHELD, Close(1001, "bye"))
    assert pipe.close is None
    assert pipe.can_inject


@both_directions
def test_a_violation_before_a_close_that_is_kept_counts(masked: bool) -> None:
    pipe = new_pipe(masked)
    pipe.withhold_close_while(lambda: True)
    pipe.receive_data(encode([Frame(TEXT, b"\xff"), Frame(CLOSE, b"\x03\xe9")], key(masked)))
    assert failure(pipe) == ("text is not UTF-8", 1007)
    assert pipe.withheld_close is None


@both_directions
def test_a_frame_of_ours_may_follow_whatever_is_under_way(masked: bool) -> None:
    pipe = new_pipe(masked)
    assert pipe.receive_data(Frame(BINARY, bytes(10)).encode(key(masked))[:-4]) == b""
    assert (pipe.rest_of_frame, pipe.can_inject) == (0, True)
