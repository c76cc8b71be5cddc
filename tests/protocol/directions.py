"""One direction of an open session: how a test feeds it, and all that can be seen of it.

The laws, the fuzzer and the tests of each lane go by the same.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import NamedTuple

import pytest
from wsproto import ConnectionType
from wsproto.connection import Connection, ConnectionState
from wsproto.events import CloseConnection, Event
from wsproto.extensions import PerMessageDeflate

from relay.protocol import Close, Leg, Limits, MessagePipe, Pipe, State
from relay.protocol.frames import CLOSE
from relay.testing.frames import MASKING_KEY, Frame, decode

__all__ = [
    "COMPRESSING",
    "Lane",
    "Outcome",
    "both_directions",
    "check_leg",
    "every_lane",
    "failure",
    "feed",
    "key",
    "outcome",
    "past_limits",
    "read_by_wsproto",
]

Lane = Callable[..., Pipe]
COMPRESSING: Lane = functools.partial(Pipe, compressed=True)
"""The verbatim lane of a session that has negotiated permessage-deflate."""

both_directions = pytest.mark.parametrize("masked", [True, False], ids=["inbound", "outbound"])
every_lane = pytest.mark.parametrize(
    "lane", [Pipe, COMPRESSING, MessagePipe], ids=["verbatim", "compressing", "messages"]
)


def key(masked: bool) -> bytes | None:
    """The masking key of frames in that direction."""
    return MASKING_KEY if masked else None


def feed(pipe: Pipe, chunks: Iterable[bytes]) -> bytes:
    """What a pipe returns for these chunks."""
    return b"".join([pipe.receive_data(chunk) for chunk in chunks])


class Outcome(NamedTuple):
    """All that can be seen of a direction."""

    state: State
    close: Close | None
    error: tuple[str, int] | None
    can_inject: bool
    frames: int
    messages: int
    bytes: int


def outcome(pipe: Pipe) -> Outcome:
    """What a pipe has come to."""
    error = (str(pipe.error), pipe.error.close_code_hint) if pipe.error else None
    assert (pipe.error is None) is (pipe.state is not State.FAILED)
    assert (pipe.close is None) is (pipe.state is not State.CLOSING)
    return Outcome(
        pipe.state, pipe.close, error, pipe.can_inject, pipe.frames, pipe.messages, pipe.bytes
    )


def failure(pipe: Pipe) -> tuple[str, int]:
    """What the sender did wrong: the text and the close code hint."""
    error = outcome(pipe).error
    assert error is not None
    return error


def past_limits(frames: Iterable[Frame], limits: Limits) -> int | None:
    """Which of these frames is the first that passes a limit, as far as their headers declare."""
    fragments = size = 0
    for index, frame in enumerate(frames):
        if frame.opcode >= CLOSE:
            continue
        fragments += 1
        size += len(frame.payload) + frame.missing
        if fragments > limits.max_fragments or size > limits.max_message_size:
            return index
        if frame.fin:
            fragments = size = 0
    return None


def read_by_wsproto(
    data: bytes, *, masked: bool, compressed: bool
) -> tuple[list[Event], list[int]]:
    """What a receiver that is wsproto makes of it, and the codes with which it fails."""
    deflate = PerMessageDeflate()
    deflate.finalize("")
    receiver = Connection(
        ConnectionType.SERVER if masked else ConnectionType.CLIENT,
        extensions=[deflate] if compressed else [],
    )
    receiver.receive_data(data)
    events = [*receiver.events()]
    # It reports what it cannot parse as a Close that leaves its state as it was.
    failures = [
        event.code
        for event in events
        if isinstance(event, CloseConnection) and receiver.state is ConnectionState.OPEN
    ]
    return events, failures


def check_leg(leg: Leg, pipe: Pipe, sent: bytes, *, masked: bool, unanswered: bool = False) -> None:
    """A side gets at most one Close, where one may stand, and nothing after it.

    Args:
        leg: What it is told at the end.
        pipe: The direction that leads to it.
        sent: What it was sent before.
        masked: Whether it is the provider.
        unanswered: Whether it was told farewell, and did not answer.
    """
    assert leg.reset is (unanswered or not pipe.can_inject)
    if leg.reset:
        assert leg == Leg(close=None, frame=b"", reset=True)
        return
    frames = decode(sent + leg.frame, masked=masked)
    closes = [Close.parse(frame.payload) for frame in frames if frame.opcode == CLOSE]
    assert closes == ([leg.close] if leg.close else [])
    assert not leg.close or frames[-1].opcode == CLOSE
    assert not frames or not frames[-1].missing
    assert {close.code for close in closes}.isdisjoint({1004, 1005, 1006, 1015})
