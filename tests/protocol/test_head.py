from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from relay.protocol import Limits
from relay.protocol.head import HeadReader, HeadTooLargeError, MalformedHeadError

HEAD = b"GET / HTTP/1.1\r\nHost: relay.test\r\nAccept:\t*/*\r\n\r\n"
SMALL = Limits(max_head_size=64, max_field_lines=3, max_field_line_size=24)


def outcome(data: bytes, limits: Limits, cuts: list[int]) -> tuple[object, ...]:
    """What comes of ``data`` when it arrives in pieces that end at ``cuts``."""
    reader = HeadReader(limits)
    begin = 0
    for end in [*sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]:
        try:
            head = reader.receive_data(data[begin:end])
        except (HeadTooLargeError, MalformedHeadError) as error:
            return type(error), str(error)
        if head is not None:
            return head, reader.rest + data[end:]
        begin = end
    return "incomplete", reader.empty


def at_once(data: bytes, limits: Limits = SMALL) -> tuple[object, ...]:
    return outcome(data, limits, [])


def byte_by_byte(data: bytes, limits: Limits = SMALL) -> tuple[object, ...]:
    return outcome(data, limits, list(range(len(data))))


Receive = Callable[..., tuple[object, ...]]
both_ways = pytest.mark.parametrize("receive", [at_once, byte_by_byte])


@both_ways
def test_a_head_ends_with_its_empty_line(receive: Receive) -> None:
    assert receive(HEAD) == (HEAD, b"")


@both_ways
def test_what_follows_the_head_is_kept(receive: Receive) -> None:
    assert receive(HEAD + b"\x81\x85\r\n\r\n") == (HEAD, b"\x81\x85\r\n\r\n")


@both_ways
@pytest.mark.parametrize("length", [1, len(HEAD) - 1])
def test_a_head_without_its_end_is_waited_for(receive: Receive, length: int) -> None:
    assert receive(HEAD[:length]) == ("incomplete", False)


@both_ways
def test_one_empty_line_before_the_start_line_is_ignored(receive: Receive) -> None:
    assert receive(b"\r\n" + HEAD) == (HEAD, b"")


@both_ways
@pytest.mark.parametrize("data", [b"\r", b"\r\n"])
def test_a_reader_that_got_an_empty_line_is_not_empty(receive: Receive, data: bytes) -> None:
    assert receive(data) == ("incomplete", False)


def test_a_reader_that_got_nothing_is_empty() -> None:
    assert at_once(b"") == ("incomplete", True)


@both_ways
@pytest.mark.parametrize(
    "data",
    [
        b"\r\n\r\n" + HEAD,  # two empty lines, and no end of them
        b"\n" + HEAD,
        b"\rGET",
        b" " + HEAD,
        b"\x00",
        b"\x16\x03\x01\x02",  # a TLS ClientHello on a plain port
        b"\xff",
        b"GET / HTTP/1.1\n\n",
        b"GET / HTTP/1.1\r\nHost: a\n\r\n",
        b"GET / HTTP/1.1\r\n Host: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: b\r\n\tc\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: b\rc\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: b\r\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: b\x00\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: b\x7f\r\n\r\n",
        b"GET / HTTP/1.1\r\n\x0bA: b\r\n\r\n",
    ],
)
def test_what_h11_would_let_through_is_malformed(receive: Receive, data: bytes) -> None:
    assert receive(data)[0] is MalformedHeadError


@both_ways
def test_bytes_above_ascii_are_left_to_the_parser(receive: Receive) -> None:
    data = b"GET / HTTP/1.1\r\nA: caf\xe9\r\n\r\n"
    assert receive(data) == (data, b"")


def lines(*sizes: int) -> bytes:
    """A head whose lines have these sizes, line ends not counted."""
    return b"\r\n".join([*(b"A" * size for size in sizes), b"", b""])


@both_ways
@pytest.mark.parametrize("data", [lines(24), lines(1, 24), lines(24, 24, 8), lines(1, 1, 1, 1)])
def test_a_head_at_its_limits_is_read(receive: Receive, data: bytes) -> None:
    assert receive(data) == (data, b"")


@both_ways
@pytest.mark.parametrize(
    "data",
    [
        lines(25),
        lines(1, 25),
        lines(24, 24, 9),
        lines(24, 24, 24),
        lines(1, 1, 1, 1, 1),
        b"A" * 27,
    ],
)
def test_a_head_past_one_of_its_limits_is_too_large(receive: Receive, data: bytes) -> None:
    assert receive(data)[0] is HeadTooLargeError


@both_ways
def test_a_line_is_measured_before_it_is_read(receive: Receive) -> None:
    # Whoever sees only its beginning cannot know that it is malformed, too.
    assert receive(b"A: " + b"b" * 30 + b"\x00\n")[0] is HeadTooLargeError
    assert receive(lines(20, 20, 17) + b"\x00")[0] is HeadTooLargeError


def test_what_follows_the_head_does_not_count() -> None:
    assert at_once(HEAD + b"x" * 1000) == (HEAD, b"x" * 1000)


_PIECES = st.sampled_from(
    [b"\r\n", b"\r", b"\n", b"\r\n\r\n", b"A", b"A: b\r\n", b" ", b"\x00", b"\xe9", b"B" * 23]
)


@given(
    data=st.lists(_PIECES | st.binary(max_size=3), max_size=20).map(b"".join),
    cuts=st.lists(st.integers(min_value=0, max_value=200), max_size=10),
)
@example(data=b"\r\n\r\nA", cuts=[2])
@example(data=lines(24, 24, 9), cuts=[63, 64])
@example(data=b"A" * 30 + b"\x00\n", cuts=[29])
def test_the_result_does_not_depend_on_the_chunking(data: bytes, cuts: list[int]) -> None:
    assert outcome(data, SMALL, cuts) == at_once(data) == byte_by_byte(data)
