"""Laws of whatever reads WebSocket frames: a library, a driver, a parser of one's own.

It is fed with bytes and says what it hands over, so it needs no sockets and no runtime.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from hypothesis import strategies as st

from relay.testing.failures import listed
from relay.testing.frames import (
    MASKING_KEY,
    Frame,
    Item,
    close,
    close_code,
    cut,
    delivered,
    encode,
)
from relay.testing.hostile_frames import Rejected, mirror
from relay.testing.laws.cases import CLOSES, FAILED, HOSTILE, complete_before
from relay.testing.laws.law import Law, law
from relay.testing.strategies import (
    any_bytes,
    chunkings,
    close_frames,
    valid_streams,
    whole_messages,
)

__all__ = ["RECEIVER_LAWS", "MakeReceiver", "Receiver"]


class Receiver(Protocol):
    """One side of an open WebSocket, which receives; without extensions."""

    def receive_data(self, data: bytes) -> Iterable[Item]:
        """Take a chunk, which is never empty, and hand over what is complete by it: messages,
        Pings, Pongs and Closes, as opcode and payload. A failure is not raised, but kept."""

    @property
    def failed(self) -> int | None:
        """The code with which it fails the connection (RFC 6455 7.1.7); None while it does not."""


MakeReceiver = Callable[[bool], Receiver]
"""Makes a fresh one; a server's if the argument is true, to which frames come masked."""

_MASKED = st.booleans()
_OLD_CLOSES = close_frames.filter(lambda close: close_code(close) not in {1012, 1013, 1014})
"""With codes of RFC 6455 itself: whoever fails at a later one breaks ``close is read`` alone."""


@law(
    "A valid stream is handed over as it was meant, however it is cut.",
    "RFC 6455 5.2 to 5.6",
    masked=_MASKED,
    data=st.data(),
    sizes=chunkings,
)
def valid_input(make: MakeReceiver, masked: bool, data: st.DataObject, sizes: list[int]) -> None:
    stream = data.draw(valid_streams(masked=masked, closed=False))
    items, failed = _received(make, masked, cut(stream.data, sizes))
    assert failed is None, f"it fails with {failed}"
    assert items == stream.items, _instead(items, stream.items)


@law(
    "A Close is handed over with its code and its reason, or empty.",
    "RFC 6455 5.5.1, 7.1.5, 7.1.6, 7.4.2 (1012 to 1014 were registered later)",
    examples=[
        {"masked": masked, "close": close(*each), "sizes": [1000]}
        for each in CLOSES
        for masked in (True, False)
    ],
    masked=_MASKED,
    close=close_frames,
    sizes=chunkings,
)
def close_is_read(make: MakeReceiver, masked: bool, close: Frame, sizes: list[int]) -> None:
    data = close.encode(MASKING_KEY if masked else None)
    items, failed = _received(make, masked, cut(data, sizes))
    assert failed is None, f"it fails with {failed}"
    due = [(close.opcode, close.payload)]
    assert items == due, _instead(items, due)


@law(
    "Whatever comes, what is handed over and how it fails do not depend on how it is cut, and "
    "nothing is raised.",
    "TCP is a stream; RFC 6455 7.1.7",
    masked=_MASKED,
    data=st.data(),
    sizes=chunkings,
)
def any_chunking(make: MakeReceiver, masked: bool, data: st.DataObject, sizes: list[int]) -> None:
    stream = data.draw(any_bytes(masked=masked))
    whole = _received(make, masked, [stream] if stream else [])
    bytewise = _received(make, masked, cut(stream, [1]))
    assert bytewise == whole, f"byte by byte {_shown(*bytewise)}; at once {_shown(*whole)}"
    chunked = _received(make, masked, cut(stream, sizes))
    assert chunked == whole, f"in these chunks {_shown(*chunked)}; at once {_shown(*whole)}"


@law(
    "What precedes a violation is handed over, and nothing of it; then it has failed with 1002, "
    "1007 or 1009.",
    "RFC 6455 5.1 to 5.5, 7.1.7, 7.4.1, 8.1",
    examples=[
        {"masked": masked, "hostile": each, "before": [], "sizes": [1000]}
        for each in HOSTILE
        for masked in (True, False)
    ],
    masked=_MASKED,
    hostile=st.sampled_from(HOSTILE),
    before=st.lists(whole_messages, max_size=3),
    sizes=chunkings,
)
def violations_fail(
    make: MakeReceiver, masked: bool, hostile: Rejected, before: list[Frame], sizes: list[int]
) -> None:
    turn: Callable[[bytes], bytes] = bytes if masked else mirror
    broken = (
        encode(before, MASKING_KEY if masked else None)
        + turn(hostile.accepted)
        + turn(hostile.broken)
    )
    items, failed = _received(make, masked, cut(broken, sizes))
    assert failed is not None, f"it has not failed: {_shown(items, failed)}"
    assert failed in FAILED, f"it has failed with {failed}"
    due = delivered(before) + complete_before(hostile)
    assert items == due, _instead(items, due)


@law(
    "Nothing that follows a Close is handed over, and nothing of it is a failure.",
    "RFC 6455 1.4, 5.5.1",
    masked=_MASKED,
    close=_OLD_CLOSES,
    after=st.binary(max_size=20),
    data=st.data(),
)
def nothing_after_a_close(
    make: MakeReceiver, masked: bool, close: Frame, after: bytes, data: st.DataObject
) -> None:
    frames = data.draw(valid_streams(masked=masked, closed=False)).data
    begin = close.encode(MASKING_KEY if masked else None)
    rest = data.draw(st.sampled_from([after, frames]))
    items, failed = _received(make, masked, [begin + rest])
    assert failed is None, f"it fails with {failed}"
    due = [(close.opcode, close.payload)]
    assert items == due, _instead(items, due)


RECEIVER_LAWS: Sequence[Law[MakeReceiver]] = (
    valid_input,
    close_is_read,
    any_chunking,
    violations_fail,
    nothing_after_a_close,
)
"""All of them. ``law.check(make)`` searches for an example that breaks one."""


def _received(
    make: MakeReceiver, masked: bool, chunks: Sequence[bytes]
) -> tuple[list[Item], int | None]:
    """What a fresh receiver hands over of these chunks, and how it has failed."""
    receiver = make(masked)
    items = [_item(*each) for chunk in chunks for each in receiver.receive_data(chunk)]
    return items, receiver.failed


def _item(opcode: int, payload: object) -> Item:
    """One that compares and shows as it should, whatever its types are."""
    assert isinstance(payload, bytes | bytearray | memoryview), f"{payload!r} is no bytes"
    return int(opcode), bytes(payload)


def _instead(items: Sequence[Item], due: Sequence[Item]) -> str:
    return f"it hands over {_frames(items)}, not {_frames(due)}"


def _shown(items: Sequence[Item], failed: int | None) -> str:
    ended = "" if failed is None else f" and fails with {failed}"
    return f"it hands over {_frames(items)}{ended}"


def _frames(items: Sequence[Item]) -> str:
    return listed([Frame(*item) for item in items])
