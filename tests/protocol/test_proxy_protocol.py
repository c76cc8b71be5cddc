"""The header that a proxy puts before its client's bytes, in both versions."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from relay.protocol import MalformedProxyHeaderError, ProxyHeader, ProxyHeaderReader
from tests.protocol.proxy_headers import SIGNATURE, addresses, binary

LINE = b"PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n"
LONGEST = b"PROXY UNKNOWN " + b"x" * 91 + b"\r\n"
AFTER = b"\x16\x03\x01what follows is none of the header"


FOUR = addresses("192.0.2.1", "192.0.2.2")
SIX = addresses("2001:db8::1", "2001:db8::2")
TLV = b"\x20\x00\x03abc"


def read(data: bytes, piece: int = 1 << 16) -> tuple[ProxyHeader, bytes]:
    """What a driver makes of a connection: the header, and what is left for whoever comes next.

    Args:
        data: All that the proxy sends.
        piece: How many bytes come at a time, at most.
    """
    reader, position = ProxyHeaderReader(), 0
    while True:
        assert reader.wanted >= 1
        end = position + min(piece, reader.wanted)
        header = reader.receive_data(data[position:end])
        position = end
        if header is not None:
            return header, data[position:]


def outcome(data: bytes, piece: int = 1 << 16) -> object:
    try:
        return read(data, piece)
    except MalformedProxyHeaderError as error:
        return str(error)


in_pieces = pytest.mark.parametrize("piece", [1, 2, 7, 1 << 16])


@in_pieces
@pytest.mark.parametrize(
    ("header", "source"),
    [
        (LINE, "192.0.2.1"),
        (b"PROXY TCP4 1.0.0.0 255.255.255.255 0 65535\r\n", "1.0.0.0"),
        (b"PROXY TCP6 2001:DB8::1 ::1 1 2\r\n", "2001:db8::1"),
        (b"PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n", "192.0.2.1"),
        (b"PROXY UNKNOWN\r\n", None),
        (b"PROXY UNKNOWN 192.0.2.1 192.0.2.2 1 2\r\n", None),
        (b"PROXY UNKNOWN \xff\r\0\r\r\n", None),
        (LONGEST, None),
        (binary(FOUR), "192.0.2.1"),
        (binary(FOUR + TLV + b"\x04\0\0"), "192.0.2.1"),
        (binary(SIX, family=0x21), "2001:db8::1"),
        (binary(addresses("::ffff:192.0.2.1", "::1"), family=0x21), "192.0.2.1"),
        (binary(FOUR + b"\x04\x0f\xf1" + b"\0" * 4081), "192.0.2.1"),
        (binary(command=0x20, family=0), None),
        (binary(FOUR, command=0x20), None),  # what a LOCAL header says otherwise is ignored
        (binary(b"anything", command=0x20, family=0xFF), None),
        (binary(family=0), None),
        (binary(b"anything", family=0x10), None),
        (binary(FOUR, family=0x12), None),
        (binary(SIX, family=0x22), None),
        (binary(b"\0" * 216, family=0x31), None),
    ],
)
def test_a_header_and_no_byte_more(header: bytes, source: str | None, piece: int) -> None:
    expected = None if source is None else ip_address(source)
    assert read(header + AFTER, piece) == (ProxyHeader(expected), AFTER)


@in_pieces
@pytest.mark.parametrize(
    "header",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + b"\0" * 64,
        b"proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
        b" " + LINE,
        b"PROXY\tTCP4 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY UNKNOWNS\r\n",
        b"PROXY  UNKNOWN\r\n",
        b"PROXY \r\n" + b"\0" * 64,
        b"PROXY TCP4\r\n" + b"\0" * 64,
        b"PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n",
        b"PROXY TCP4 192.0.2.1  192.0.2.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 \xb2 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2  2\r\n",
        b"PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 relay.test 1 2\r\n",
        b"PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
        b"PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
        LINE.replace(b"\r\n", b"\n"),
        LINE.replace(b" 443", b"\n443"),
        b"PROXY UNKNOWN " + b"x" * 92 + b"\r\n",
        b"PROXY UNKNOWN " + b"x" * 500,
        SIGNATURE[:-1] + b"\r" + binary(FOUR)[12:],
        binary(FOUR, command=0x11),
        binary(FOUR, command=0x31),
        binary(FOUR, command=0x22),
        binary(FOUR, family=0x41),
        binary(FOUR, family=0x13),
        binary(FOUR, size=11),
        binary(FOUR, size=13) + AFTER,
        binary(FOUR, family=0x21),
        binary(FOUR + TLV[:-1]),
        binary(FOUR + b"\x20\0"),
        binary(FOUR + b"\x20"),
        binary(b"\0" * 4097),
        binary(command=0x20, size=65535),
    ],
)
def test_what_is_no_header(header: bytes, piece: int) -> None:
    with pytest.raises(MalformedProxyHeaderError):
        read(header, piece)


@pytest.mark.parametrize("header", [LINE, LONGEST, binary(FOUR + TLV), binary(command=0x20)])
def test_a_header_that_is_cut_off(header: bytes) -> None:
    for end in range(len(header)):
        assert outcome(header[:end]) == "the connection ended"


def test_a_header_is_refused_with_its_first_wrong_byte() -> None:
    for right in (b"", b"P", b"PROXY", SIGNATURE[:1], SIGNATURE[:11]):
        reader = ProxyHeaderReader()
        if right:
            assert reader.receive_data(right) is None
        with pytest.raises(MalformedProxyHeaderError, match="there is none"):
            reader.receive_data(b"!")


def test_a_large_header_is_refused_before_it_is_read() -> None:
    with pytest.raises(MalformedProxyHeaderError, match="too large"):
        ProxyHeaderReader().receive_data(binary(size=4097))


def spoiled(header: bytes) -> st.SearchStrategy[bytes]:
    """The header with one byte replaced by any other, or cut short, and anything behind it."""

    def spoil(position: int, byte: int, cut: int, tail: bytes) -> bytes:
        changed = header[:position] + bytes([byte]) + header[position + 1 :]
        return changed[: len(changed) - cut] + tail

    return st.builds(
        spoil,
        st.integers(0, len(header) - 1),
        st.integers(0, 255),
        st.integers(0, 3),
        st.binary(max_size=64),
    )


headers = st.one_of(
    st.binary(max_size=200),
    st.builds(
        lambda command, family, size, rest: binary(rest, command=command, family=family, size=size),
        st.sampled_from([0x20, 0x21]) | st.integers(0, 255),
        st.sampled_from([0, 0x11, 0x21, 0x31]) | st.integers(0, 255),
        st.none() | st.integers(0, 300),
        st.binary(max_size=300),
    ),
    *(spoiled(each) for each in (LINE, LONGEST, binary(FOUR + TLV), binary(SIX, family=0x21))),
)


@given(headers, st.integers(1, 20))
@example(LONGEST[:-2] + b"xx\r\n", 20)
def test_the_law_any_bytes_are_a_header_or_its_end_however_they_are_cut(
    data: bytes, piece: int
) -> None:
    assert outcome(data, piece) == outcome(data)
