"""The verbatim lane: what comes out is a prefix of what went in, and valid to other parsers."""

from __future__ import annotations

from relay.protocol import Limits, Pipe, State
from relay.protocol.frames import CLOSE
from relay.testing.frames import Frame, decode, encode
from relay.testing.strategies import SMALL_LIMITS
from tests.fuzz.streams import MASKED, SEEDS, frames_in_websockets
from tests.fuzz.target import FuzzInput, Target, fuzz_input
from tests.protocol.directions import feed, outcome, past_limits, read_by_wsproto

__all__ = ["TARGET"]

_HELD = 130  # the largest control frame, without its last byte
_COMPRESSED, _SMALL, _ENDED = 1, 2, 3
_OURS_ALONE = {  # what `websockets` lets pass, or says otherwise
    "control frame payload over 125 bytes",  # of few bytes, in a long form, to them
    "payload length not minimally encoded",
    "payload length over 63 bits",
    "message too big",
    "message has too many fragments",
}


def check(raw: bytes) -> None:
    """Send the data in one direction; the options say which, and how it was opened."""
    given = FuzzInput.read(raw)
    masked, compressed = given.has(MASKED), given.has(_COMPRESSED)
    limits = SMALL_LIMITS if given.has(_SMALL) else Limits()
    whole, cut = (Pipe(masked=masked, limits=limits, compressed=compressed) for _ in range(2))
    end = [b""] if given.has(_ENDED) else []

    out = feed(whole, [*given.at_once(), *end])
    assert given.data.startswith(out)
    assert whole.bytes == len(out)
    sent, held = [], 0
    for chunk in given.chunks():
        sent.append(cut.receive_data(chunk))
        held += len(chunk) - len(sent[-1])
        if cut.state is State.OPEN:
            assert 0 <= held <= _HELD
    assert b"".join(sent) + feed(cut, end) == out
    assert outcome(cut) == outcome(whole)

    frames = decode(out, masked=masked)
    assert past_limits(frames, limits) is None
    assert len(frames) == whole.frames
    _, failures = read_by_wsproto(out, masked=masked, compressed=compressed)
    if whole.close is not None and whole.close.code == 1014:
        assert failures in ([1002], [1007])
    else:
        assert failures in ([], [1007])  # text that is not UTF-8, or not compressed as it says
    if not compressed:
        _compare(given.data, whole, frames, masked=masked)


def _compare(data: bytes, pipe: Pipe, frames: list[Frame], *, masked: bool) -> None:
    """Another implementation finds the same frames, and fails where we do."""
    theirs, failure = frames_in_websockets(data, masked=masked, compressed=False)
    ours = [frame for frame in frames if not frame.missing]
    found = [(int(each.opcode), bytes(each.data), each.fin) for each in theirs]
    wanted = [(each.opcode, each.payload, each.fin) for each in ours]
    error = str(pipe.error or "")
    if error in _OURS_ALONE:
        assert found[: len(wanted)] == wanted
    elif failure == "incomplete fragmented message":  # a Close amid a message: RFC 6455 5.4 allows
        assert wanted[: len(found)] == found  # control frames there, and 5.5.1 makes no exception
        assert wanted[len(found)][0] == CLOSE
    else:
        assert found == wanted
        # We reject a frame by its header; they wait until it is whole.
        assert error or not failure


TARGET = Target(
    "pipe",
    check,
    seeds=(
        *SEEDS,
        *(
            fuzz_input(encode(frames, key), 5, options=options | (key is not None))
            for frames in (
                [Frame(1, b"a" * 126), Frame(2, b"b" * 300), Frame(9, b"ping"), Frame(8, b"")],
                [Frame(1, b"a", fin=False), Frame(0, b"", fin=False), Frame(10), Frame(0, b"b")],
                [Frame(1, b"\xf2\x48\xcd\xc9\xc9\x07\x00", rsv1=True), Frame(8, b"\x03\xe8bye")],
            )
            for key in (None, b"\x01\x02\x03\x04")
            for options in (0, 2, 4, 8, 14)
        ),
    ),
    max_size=600,
)
