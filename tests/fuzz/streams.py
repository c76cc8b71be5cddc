"""What the targets of open sessions share: where they begin, and another parser of frames."""

from __future__ import annotations

from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame
from websockets.protocol import Protocol, Side

from relay.testing.hostile_frames import ACCEPTED, COMPRESSED, INVALID_TEXT, REJECTED, mirror
from tests.fuzz.target import fuzz_input

__all__ = ["MASKED", "SEEDS", "frames_in_websockets"]

MASKED = 0
"""The bit of the options that chooses the direction."""


def frames_in_websockets(data: bytes, *, masked: bool, compressed: bool) -> tuple[list[Frame], str]:
    """The whole frames that a receiver that is `websockets` finds, and why it fails, if it does."""
    receiver = Protocol(Side.SERVER if masked else Side.CLIENT, max_size=None)
    if compressed:
        receiver.extensions = [PerMessageDeflate(False, False, 15, 15)]
    receiver.receive_data(data)
    frames = [event for event in receiver.events_received() if isinstance(event, Frame)]
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
