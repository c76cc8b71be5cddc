from __future__ import annotations

import pytest

from relay.testing.frames import Frame, decode
from tests.reliability.frames import BINARY, CLOSE, TEXT, FrameReader, frame


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536])
@pytest.mark.parametrize("masked", [True, False])
def test_frames_are_those_that_others_read(size: int, masked: bool) -> None:
    assert decode(frame(BINARY, bytes(size), masked=masked), masked=masked) == [
        Frame(BINARY, bytes(size))
    ]


@pytest.mark.parametrize("key", [None, b"\0\0\0\0", b"key!"])
def test_frames_are_read_byte_by_byte(key: bytes | None) -> None:
    sent = [(TEXT, b"hello"), (BINARY, b"x" * 300), (CLOSE, b"\x03\xe8bye")]
    reader = FrameReader()
    read: list[tuple[int, bytes]] = []
    for each in b"".join(Frame(*item).encode(key) for item in sent):
        read += reader.read(bytes([each]))
    assert read == sent
    assert not reader.within_frame


def test_a_frame_that_is_cut_is_seen() -> None:
    reader = FrameReader()
    assert list(reader.read(frame(TEXT, b"hello") + b"\x81")) == [(TEXT, b"hello")]
    assert reader.within_frame
