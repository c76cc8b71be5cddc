from __future__ import annotations

import pytest

from relay.testing import frames
from relay.testing.failures import excerpt, listed
from relay.testing.frames import Frame, binary, close, ping, pong, text


@pytest.mark.parametrize(
    ("frame", "written"),
    [
        (text("grüße"), "text('grüße')"),
        (text("a" * 300), "text('a' * 300)"),
        (binary(b"\0"), r"binary(b'\x00')"),
        (ping(), "ping(b'')"),
        (pong(b"p"), "pong(b'p')"),
        (close(), "close()"),
        (close(0), "close(0)"),
        (close(3000, "why"), "close(3000, 'why')"),
        (Frame(1, b"\xff"), r"Frame(TEXT, b'\xff')"),
        (Frame(8, b"\x03"), r"Frame(CLOSE, b'\x03')"),
        (Frame(8, b"\x03\xe8\xff"), r"Frame(CLOSE, b'\x03\xe8\xff')"),
        (Frame(0, b"", fin=False), "Frame(CONTINUATION, b'', fin=False)"),
        (Frame(2, b"", missing=3, rsv1=True), "Frame(BINARY, b'', rsv1=True, missing=3)"),
        (Frame(3, b""), "Frame(0x3, b'')"),
    ],
)
def test_a_frame_reads_as_one_writes_it(frame: Frame, written: str) -> None:
    """And with the names of the module it can be pasted."""
    assert repr(frame) == written
    names = {name: getattr(frames, name) for name in frames.__all__}
    assert eval(written, names) == frame  # noqa: S307 - what one would paste


def test_a_failure_shows_the_first_of_many() -> None:
    assert listed([ping()] * 2) == "[ping(b''), ping(b'')]"
    assert listed([ping()] * 1020).endswith("ping(b''), and 1000 more]")
    assert excerpt(bytearray(b"ab")) == "b'ab'"
    assert excerpt(bytes(1200)).endswith("' and 1000 bytes more")
