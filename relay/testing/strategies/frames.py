"""Frames and messages as they may stand on the wire (RFC 6455 5.2 to 5.6)."""

from __future__ import annotations

import zlib

from hypothesis import strategies as st

from relay.protocol.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT
from relay.testing.frames import Frame

__all__ = [
    "close_frames",
    "close_payloads",
    "compress",
    "control_frames",
    "fragmented_messages",
    "masking_keys",
    "whole_messages",
]

masking_keys = st.binary(min_size=4, max_size=4)
"""They shrink to zeros, under which a masked payload can be read (RFC 6455 5.3)."""

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
"""Payloads that a Close frame may have (RFC 6455 5.5.1, 7.4): an empty one, or a code and a reason.

1012 to 1014 were registered after the RFC, by its own rules (7.4.2). Shrinks to the empty one.
"""

close_frames = close_payloads.map(lambda payload: Frame(CLOSE, payload))
"""Valid Close frames."""

control_frames = st.binary(max_size=125).flatmap(
    lambda payload: st.sampled_from([Frame(PING, payload), Frame(PONG, payload)])
)
"""Pings and Pongs of up to 125 bytes (RFC 6455 5.5); a Close only ever ends a stream."""

whole_messages = _text.map(lambda payload: Frame(TEXT, payload)) | _binary.map(
    lambda payload: Frame(BINARY, payload)
)
"""Text and binary messages of one frame. Shrinks to an empty text."""


def compress(message: bytes) -> bytes:
    """The payload of a compressed message, which refers to none before it (RFC 7692 7.2.1)."""
    deflate = zlib.compressobj(wbits=-15)
    return (deflate.compress(message) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]


@st.composite
def fragmented_messages(draw: st.DrawFn, *, compressed: bool = False) -> list[Frame]:
    """A message of one to five fragments, with control frames between some (RFC 6455 5.4).

    Fragments of a text may end within a character: only the whole has to be UTF-8 (5.6, 8.1). It
    shrinks to a whole message.

    Args:
        compressed: Whether some messages are compressed (RFC 7692).
    """
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
