"""What can arrive in one direction, valid and not.

``masked`` chooses the direction: True for what a client sends, whose frames are masked (RFC 6455
5.1).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from hypothesis import strategies as st

from relay.protocol import Limits
from relay.protocol.frames import CLOSE
from relay.testing.frames import Frame, Item, delivered
from relay.testing.strategies.frames import (
    close_payloads,
    control_frames,
    fragmented_messages,
    masking_keys,
)

__all__ = ["SMALL_LIMITS", "Stream", "any_bytes", "mutated_streams", "valid_streams"]

SMALL_LIMITS = Limits(max_message_size=300, max_fragments=3)
"""Limits that the strategies' messages often pass."""


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
    """Whole messages and control frames, and at the end a Close (RFC 6455 5).

    It shrinks to an empty stream, by way of fewer and shorter frames.

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
