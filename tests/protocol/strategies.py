"""Hypothesis strategies for what can arrive in one direction, valid and not.

``masked`` chooses the direction, as it does for a pipe: True for inbound, whose frames are masked.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from itertools import cycle
from typing import NamedTuple

from hypothesis import strategies as st

from relay.protocol import Limits
from relay.protocol.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT
from tests.protocol.wire import Frame, Item, delivered

__all__ = [
    "SMALL_LIMITS",
    "Stream",
    "any_bytes",
    "chunkings",
    "close_payloads",
    "compress",
    "control_frames",
    "cut",
    "fragmented_messages",
    "masking_keys",
    "mutated_streams",
    "valid_streams",
]

SMALL_LIMITS = Limits(max_message_size=300, max_fragments=3)
"""Limits that the strategies' messages often pass."""

masking_keys = st.binary(min_size=4, max_size=4)

# Either side of each of the three forms of a payload length (RFC 6455 5.2), apart from 65536,
# which would make byte-wise runs slow and has tests of its own.
_sizes = st.sampled_from([0, 1, 2, 124, 125, 126, 127, 128, 255, 256, 300])
_binary = st.binary(max_size=20) | st.builds(
    lambda byte, size: byte * size, st.binary(min_size=1, max_size=1), _sizes
)
_text = st.text(max_size=20).map(str.encode) | st.builds(
    lambda character, size: (character * size).encode(), st.sampled_from("aé€😀"), _sizes
)

_codes = st.sampled_from([1000, 1001, 1002, 1003, *range(1007, 1015), 3000, 3999, 4000, 4999])
_reasons = st.text(max_size=60).map(lambda text: text.encode()[:123].decode(errors="ignore"))
close_payloads = st.just(b"") | st.builds(
    lambda code, reason: code.to_bytes(2, "big") + reason.encode(), _codes, _reasons
)
"""Payloads that a Close frame may have."""

control_frames = st.tuples(st.sampled_from([PING, PONG]), st.binary(max_size=125)).map(
    lambda opcode_and_payload: Frame(*opcode_and_payload)
)
"""Pings and Pongs; a Close only ever ends a stream."""


def compress(message: bytes) -> bytes:
    """The payload of a compressed message, which refers to none before it (RFC 7692 7.2.1)."""
    deflate = zlib.compressobj(wbits=-15)
    return (deflate.compress(message) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]


@st.composite
def fragmented_messages(draw: st.DrawFn, *, compressed: bool) -> list[Frame]:
    """A message of one to five fragments, with control frames between some (RFC 6455 5.4)."""
    opcode = draw(st.sampled_from([TEXT, BINARY]))
    payload = draw(_text if opcode == TEXT else _binary)
    rsv1 = compressed and draw(st.booleans())
    if rsv1:
        payload = compress(payload)
    cuts = sorted(draw(st.lists(st.integers(0, len(payload)), max_size=4)))
    frames: list[Frame] = []
    for start, end in zip([0, *cuts], [*cuts, len(payload)], strict=True):
        last = len(frames) == len(cuts)
        frames.append(Frame(opcode, payload[start:end], fin=last, rsv1=rsv1))
        opcode, rsv1 = CONTINUATION, False
    for position in draw(st.lists(st.integers(1, len(frames)), max_size=2)):
        frames.insert(position, draw(control_frames))
    return frames


class Stream(NamedTuple):
    """A valid stream and what it says."""

    data: bytes
    items: list[Item]
    ends: list[int]
    """Where each of its frames ends."""


@st.composite
def valid_streams(
    draw: st.DrawFn, *, masked: bool, closed: bool | None = None, compressed: bool = False
) -> Stream:
    """Whole messages and control frames, and at the end a Close.

    Args:
        masked: The direction.
        closed: Whether there is a Close; None for perhaps.
        compressed: Whether some of the messages are compressed.
    """
    messages = fragmented_messages(compressed=compressed)
    parts = draw(st.lists(messages | control_frames.map(lambda f: [f]), max_size=5))
    frames = [frame for part in parts for frame in part]
    if closed if closed is not None else draw(st.booleans()):
        frames.append(Frame(CLOSE, draw(close_payloads)))
    data = b""
    ends = []
    for frame in frames:
        data += frame.encode(draw(masking_keys) if masked else None)
        ends.append(len(data))
    return Stream(data, delivered(frames), ends)


_Mutation = Callable[[bytes, int, bytes], bytes]
_MUTATIONS: list[_Mutation] = [
    lambda data, at, new: data[:at] + new + data[at:],
    lambda data, at, new: data[:at] + new + data[at + len(new) :],
    lambda data, at, new: data[:at] + data[at + len(new) :],
    lambda data, at, _: data[:at],
    lambda data, at, _: data[:at] + data[at // 2 :],
]


@st.composite
def mutated_streams(draw: st.DrawFn, *, masked: bool, compressed: bool) -> bytes:
    """A valid stream with a few places changed, most of them at the beginning of a frame."""
    stream = draw(valid_streams(masked=masked, compressed=compressed))
    data = stream.data
    for _ in range(draw(st.integers(1, 3))):
        places = st.integers(0, len(data))
        if stream.ends:
            places |= st.builds(int.__add__, st.sampled_from([0, *stream.ends]), st.integers(0, 3))
        new = draw(st.binary(min_size=1, max_size=4))
        data = draw(st.sampled_from(_MUTATIONS))(data, draw(places), new)
    return data


def any_bytes(*, masked: bool) -> st.SearchStrategy[bytes]:
    """Anything a peer may send: valid, nearly valid, for the other direction, after a Close.

    Some of it is compressed, which is valid only where that was negotiated.
    """
    valid = valid_streams(masked=masked)
    compressed = valid_streams(masked=masked, compressed=True)
    return st.one_of(
        mutated_streams(masked=masked, compressed=False),
        mutated_streams(masked=masked, compressed=True),
        valid.map(lambda stream: stream.data),
        compressed.map(lambda stream: stream.data),
        st.tuples(valid, valid).map(lambda both: both[0].data + both[1].data),
        valid_streams(masked=not masked).map(lambda stream: stream.data),
        st.binary(max_size=200),
    )


chunkings = st.lists(st.integers(1, 12) | st.integers(1, 400), min_size=1, max_size=12)
"""Sizes of the chunks that a stream arrives in, used over again; see :func:`cut`."""


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    """Cut a stream into chunks of these sizes, cyclically."""
    chunks = []
    position = 0
    for size in cycle(sizes):
        if position >= len(data):
            break
        chunks.append(data[position : position + size])
        position += size
    return chunks
