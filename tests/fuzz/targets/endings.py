"""However a session ends, each side gets at most one Close, where one may stand."""

from __future__ import annotations

from relay.protocol import Cause, MessagePipe, Pipe, State, closing, ending, farewell
from relay.testing.hostile_frames import REJECTED, mirror
from relay.testing.strategies import SMALL_LIMITS
from tests.fuzz.target import FuzzInput, Target, fuzz_input
from tests.protocol.directions import check_leg, feed

__all__ = ["TARGET"]

_CAUSES = [each for each in vars(closing).values() if isinstance(each, Cause)]
_KEY = b"\x01\x02\x03\x04"
_MESSAGES, _IN_ENDED, _OUT_ENDED, _IN_FAILED, _OUT_FAILED, _FAREWELL, _OWED = range(7)


def check(raw: bytes) -> None:
    """The data's first byte says how much of it is the client's; the options how it ends."""
    given = FuzzInput.read(raw)
    split = given.data[0] if given.data else 0
    lane = MessagePipe if given.has(_MESSAGES) else Pipe
    inbound = lane(masked=True, limits=SMALL_LIMITS)
    outbound = lane(masked=False, limits=SMALL_LIMITS)
    inbound.withhold_close_while(lambda: given.has(_OWED))
    to_upstream = feed(inbound, _chunks(given, given.data[1 : split + 1], _IN_ENDED))
    if given.has(_IN_FAILED):
        inbound.send_failed()
    told = b""
    if given.has(_FAREWELL):
        told = farewell(inbound, outbound, _KEY)
    to_client = feed(outbound, _chunks(given, given.data[split + 1 :], _OUT_ENDED))
    if given.has(_OUT_FAILED):
        outbound.send_failed()
    cause = _CAUSES[sum(given.sizes) % len(_CAUSES)]
    legs = ending(inbound, outbound, cause, _KEY)
    unanswered = bool(told) and outbound.state is not State.CLOSED
    check_leg(legs.upstream, inbound, to_upstream + told, masked=True, unanswered=unanswered)
    check_leg(legs.client, outbound, to_client, masked=False)


def _chunks(given: FuzzInput, data: bytes, ended: int) -> list[bytes]:
    return [*given._replace(data=data).chunks(), *([b""] if given.has(ended) else [])]


def _seed(inbound: bytes, outbound: bytes, options: int) -> bytes:
    return fuzz_input(bytes([len(inbound)]) + inbound + outbound, options=options)


_SENT = (b"", b"\x81\x80\0\0\0\0", b"\x81\x85\0\0\0\0cut", b"\x88\x80\0\0\0\0", b"\x83\x80\0\0\0\0")
"""A direction that is open, has sent a message, stands inside one, has closed, and has failed."""

TARGET = Target(
    "endings",
    check,
    seeds=(
        *(
            _seed(inbound, mirror(outbound), options)
            for inbound in _SENT
            for outbound in _SENT
            for options in (0, 1, 2, 4, 6, 8, 16, 32, 64)
        ),
        *(_seed(each.broken, b"\x81\x01a", 32) for each in REJECTED if len(each.broken) < 256),
    ),
    max_size=500,
)
