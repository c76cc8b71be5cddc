"""Any bytes before a client's first are a PROXY header or none, and no byte after it is touched."""

from __future__ import annotations

import re
import socket
from ipaddress import ip_address

from relay.protocol import MalformedProxyHeaderError, ProxyHeader, ProxyHeaderReader
from tests.fuzz.target import FuzzInput, Target, fuzz_input
from tests.protocol.proxy_headers import SIGNATURE, addresses, binary, line

__all__ = ["TARGET"]

_MAX_SIZE = 16 + 4096
_PORT = rb"(0|[1-9][0-9]{0,4})"
_LINE = re.compile(
    rb"PROXY (TCP4|TCP6) ([0-9A-Fa-f:.]+) ([0-9A-Fa-f:.]+) %b %b\r\n" % (_PORT, _PORT)
)
_LONGEST_LINE = 107
_AFTER = b"after it"


def check(raw: bytes) -> None:
    """Read the data as a driver does; other code says what has to come of it."""
    given = FuzzInput.read(raw)
    data = given.data + _AFTER
    outcome = _read(data, given.sizes or (1 << 16,))
    assert outcome == _read(data, (1 << 16,))
    if outcome is None:
        assert not _is_line(data)
    else:
        header, size = outcome
        assert header.source == _source(data[:size])


def _read(data: bytes, sizes: tuple[int, ...]) -> tuple[ProxyHeader, int] | None:
    """The header and its size; or that there is none, for a reason that may depend on the sizes."""
    reader, position, turn = ProxyHeaderReader(), 0, 0
    try:
        while True:
            assert 1 <= reader.wanted <= _MAX_SIZE
            end = position + min(reader.wanted, sizes[turn % len(sizes)])
            header = reader.receive_data(data[position:end])
            if header is not None:
                return header, end
            position, turn = end, turn + 1
            assert position <= _MAX_SIZE
    except MalformedProxyHeaderError:
        return None


def _is_line(data: bytes) -> bool:
    """Whether a header of version 1 stands there that names an address."""
    match = _LINE.match(data)
    if match is None or match.end() > _LONGEST_LINE:
        return False
    try:
        return _source(match[0]) is not None
    except (AssertionError, OSError):
        return False


def _source(header: bytes) -> object:
    """The client's address in a header that is whole."""
    if header.startswith(SIGNATURE):
        assert len(header) == 16 + int.from_bytes(header[14:16], "big")
        if header[12] == 0x20 or header[13] not in {0x11, 0x21}:
            return None
        family, size = (socket.AF_INET, 4) if header[13] == 0x11 else (socket.AF_INET6, 16)
        text = socket.inet_ntop(family, header[16 : 16 + size])
    else:
        assert len(header) <= _LONGEST_LINE
        if header.startswith(b"PROXY UNKNOWN"):
            return None
        match = _LINE.fullmatch(header)
        assert match is not None
        family = socket.AF_INET if match[1] == b"TCP4" else socket.AF_INET6
        text = match[2].decode()
        for each in (text, match[3].decode()):
            socket.inet_pton(family, each)
        assert max(map(int, match.groups()[3:])) <= 65535
    address = ip_address(text)
    return getattr(address, "ipv4_mapped", None) or address


TARGET = Target(
    "proxy_header",
    check,
    seeds=(
        fuzz_input(line("192.0.2.1"), 1),
        fuzz_input(line("2001:db8::1"), 40, 2),
        fuzz_input(line("203.0.113.77"), 4),
        fuzz_input(line("203.0.113.7")),
        fuzz_input(line("::ffff:192.0.2.1")),
        fuzz_input(b"PROXY UNKNOWN\r\n"),
        fuzz_input(b"PROXY UNKNOWN what ever 1 2\r\n", 3),
        fuzz_input(binary(addresses("192.0.2.1", "192.0.2.2")), 5),
        fuzz_input(binary(addresses("2001:db8::1", "::1") + b"\x20\0\3abc", family=0x21)),
        fuzz_input(binary(command=0x20)),
        fuzz_input(binary(b"\0" * 216, family=0x31)),
        fuzz_input(b"GET / HTTP/1.1\r\n\r\n"),
    ),
    words=(SIGNATURE, b"PROXY TCP4 ", b"PROXY TCP6 ", b"UNKNOWN", b"\r\n", b"::ffff:"),
    max_size=300,
)
