"""The message lane: what comes out says what went in, as far as it was valid."""

from __future__ import annotations

from relay.protocol import Limits, MessagePipe, Pipe, State
from relay.protocol.frames import TEXT
from relay.testing.frames import Frame, Item, decode, delivered, encode
from relay.testing.strategies import SMALL_LIMITS
from tests.fuzz.streams import MASKED, SEEDS
from tests.fuzz.target import FuzzInput, Target, fuzz_input
from tests.protocol.directions import feed, outcome, past_limits, read_by_wsproto

__all__ = ["TARGET"]

_SMALL, _ENDED = 2, 3


def check(raw: bytes) -> None:
    """Send the data in one direction of both lanes; the options say which."""
    given = FuzzInput.read(raw)
    masked = given.has(MASKED)
    limits = SMALL_LIMITS if given.has(_SMALL) else Limits()
    whole, cut = (MessagePipe(masked=masked, limits=limits) for _ in range(2))
    verbatim = Pipe(masked=masked, limits=limits)
    end = [b""] if given.has(_ENDED) else []

    out = feed(whole, [*given.at_once(), *end])
    frames = decode(out, masked=masked)
    items = delivered(frames)
    assert delivered(decode(feed(cut, [*given.chunks(), *end]), masked=masked)) == items
    # The counters are those of the chunk in which invalid text was found, so they may differ.
    assert outcome(cut)[:4] == outcome(whole)[:4]
    assert all(frame.fin and not frame.missing for frame in frames)
    assert past_limits(frames, limits) is None
    _, failures = read_by_wsproto(out, masked=masked, compressed=False)
    assert not failures or (whole.close is not None and whole.close.code == 1014)

    passed = delivered(decode(feed(verbatim, [*given.at_once(), *end]), masked=masked))
    if whole.state is State.FAILED and whole.error is not None:
        if whole.error.close_code_hint == 1007 and verbatim.error is None:
            assert items == passed[: len(items)]
            assert _has_invalid_text(given.data, masked=masked)
            return
        if whole.error.close_code_hint == 1007 and str(whole.error) != str(verbatim.error):
            assert items == passed[: len(items)]
            return
    assert outcome(whole)[:3] == outcome(verbatim)[:3]
    assert items == passed
    assert all(_is_text(item) for item in items)


def _is_text(item: Item) -> bool:
    """Whether a message is UTF-8, if it says that it is text."""
    opcode, payload = item
    if opcode == TEXT:
        payload.decode()
    return True


def _has_invalid_text(data: bytes, *, masked: bool) -> bool:
    """Whether there are bytes in a text message that are not UTF-8, be it whole or not."""
    pipe = Pipe(masked=masked, limits=Limits())
    frames = decode(pipe.receive_data(data), masked=masked)
    text = False
    message = b""
    for frame in frames:
        if frame.opcode > 2:
            continue
        if frame.opcode:
            text, message = frame.opcode == TEXT, b""
        message += frame.payload
        try:
            if text:
                message.decode()
        except UnicodeDecodeError as error:
            if (frame.fin and not frame.missing) or error.reason != "unexpected end of data":
                return True
    return False


TARGET = Target(
    "message_pipe",
    check,
    seeds=(
        *SEEDS,
        *(
            fuzz_input(encode(frames, key), 5, options=options | (key is not None))
            for frames in (
                [Frame(1, "aé€😀".encode()), Frame(2, b"b" * 300), Frame(9, b"p"), Frame(8, b"")],
                [Frame(1, b"\xe2", fin=False), Frame(10), Frame(0, b"\x82\xac")],
                [Frame(2, b"a", fin=False), Frame(0, fin=False), Frame(0), Frame(8, b"\x03\xf6")],
            )
            for key in (None, b"\x01\x02\x03\x04")
            for options in (0, 4, 8)
        ),
    ),
    max_size=600,
)
