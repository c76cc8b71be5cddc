"""What the targets of open sessions share: feeding a pipe, and other parsers of frames."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from websockets.extensions.permessage_deflate import PerMessageDeflate as OtherDeflate
from websockets.frames import Frame as OtherFrame
from websockets.protocol import Protocol, Side
from wsproto import ConnectionType
from wsproto.connection import Connection, ConnectionState
from wsproto.events import CloseConnection
from wsproto.extensions import PerMessageDeflate

from relay.protocol import Close, Limits, Pipe, State
from relay.protocol.frames import CLOSE
from relay.testing.frames import Frame
from relay.testing.hostile_frames import ACCEPTED, COMPRESSED, INVALID_TEXT, REJECTED, mirror
from tests.fuzz.target import fuzz_input

__all__ = [
    "MASKED",
    "SEEDS",
    "SMALL_LIMITS",
    "Outcome",
    "failures_in_wsproto",
    "feed",
    "frames_in_websockets",
    "keep_limits",
    "outcome",
]

SMALL_LIMITS = Limits(max_message_size=300, max_fragments=3)
MASKED = 0
"""The bit of the options that chooses the direction."""


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


def feed(pipe: Pipe, chunks: Iterable[bytes]) -> bytes:
    """What a pipe returns for these chunks."""
    return b"".join([pipe.receive_data(chunk) for chunk in chunks])


def keep_limits(frames: Iterable[Frame], limits: Limits) -> bool:
    """Whether all messages keep the limits, as far as their headers declare them."""
    fragments = size = 0
    for frame in frames:
        if frame.opcode >= CLOSE:
            continue
        fragments += 1
        size += len(frame.payload) + frame.missing
        if fragments > limits.max_fragments or size > limits.max_message_size:
            return False
        if frame.fin:
            fragments = size = 0
    return True


def failures_in_wsproto(data: bytes, *, masked: bool, compressed: bool) -> list[int]:
    """The codes with which a receiver that is wsproto fails."""
    deflate = PerMessageDeflate()
    deflate.finalize("")
    receiver = Connection(
        ConnectionType.SERVER if masked else ConnectionType.CLIENT,
        extensions=[deflate] if compressed else [],
    )
    receiver.receive_data(data)
    # It reports what it cannot parse as a Close that leaves its state as it was.
    return [
        event.code
        for event in receiver.events()
        if isinstance(event, CloseConnection) and receiver.state is ConnectionState.OPEN
    ]


def frames_in_websockets(
    data: bytes, *, masked: bool, compressed: bool
) -> tuple[list[OtherFrame], str]:
    """The whole frames that a receiver that is `websockets` finds, and why it fails, if it does."""
    receiver = Protocol(Side.SERVER if masked else Side.CLIENT, max_size=None)
    if compressed:
        receiver.extensions = [OtherDeflate(False, False, 15, 15)]
    receiver.receive_data(data)
    frames = [event for event in receiver.events_received() if isinstance(event, OtherFrame)]
    return frames, str(receiver.parser_exc or "")


SEEDS = tuple(
    fuzz_input(mirrored, *sizes, options=options)
    for data in (
        *(each.data + each.discarded for each in ACCEPTED),
        *(each.accepted + each.broken for each in (*REJECTED, *COMPRESSED)),
        *INVALID_TEXT.values(),
    )
    for mirrored, options in ((data, 1), (mirror(data), 0))
    for sizes in ((), (1,))
)
"""The hostile frames of the tests of the core, in both directions."""
