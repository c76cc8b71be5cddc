"""Any `Forwarded` and `X-Forwarded-For` name an address or are refused; strangers name nobody."""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network

from relay.protocol import Refused, TrustedProxies, client_address
from tests.fuzz.target import FuzzInput, Target, fuzz_input

__all__ = ["TARGET"]

_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_TRUSTED = TrustedProxies((ip_network("10.0.0.0/8"), ip_network("fd00::/8")), unix=True)
_PROXY, _STRANGER = ip_address("10.0.0.1"), ip_address("198.51.100.9")
_NAMES = (b"forwarded", b"x-forwarded-for")


def check(raw: bytes) -> None:
    """Each line of the data is a field line; the first letter of each chooses which."""
    given = FuzzInput.read(raw)
    lines = [
        (_NAMES[line[:1] == b"x"], line[1:].strip(b" \t"))
        for line in given.data.split(b"\n")
        if not _CONTROL.search(line)  # those do not get here
    ]
    assert client_address(_STRANGER, lines, _TRUSTED) == _STRANGER
    for peer in (_PROXY, None):
        try:
            address = client_address(peer, lines, _TRUSTED)
        except Refused as refused:
            assert refused.status == 400
            continue
        assert address in _TRUSTED or _is_written(str(address), lines)
        # A list may stand on one line or on many (RFC 9110 5.3).
        split = [
            (name, member)
            for name, value in lines
            for member in (value.split(b",") if name == _NAMES[1] else [value])
        ]
        assert client_address(peer, split, _TRUSTED) == address
    # What our proxy writes at the end counts, whatever the client had put before it.
    for name, entry in zip(_NAMES, (b"for=198.51.100.9", b"198.51.100.9"), strict=True):
        only = [line for line in lines if line[0] == name]
        try:
            assert client_address(_PROXY, [*only, (name, entry)], _TRUSTED) == _STRANGER
        except Refused as refused:
            assert refused.status == 400


def _is_written(address: str, lines: list[tuple[bytes, bytes]]) -> bool:
    """Whether it can stand there: written so, or in one of the other ways of IPv6."""
    return (
        ":" in address
        or any(address.encode() in value for _, value in lines)
        or any(b":" in value or b"\\" in value for _, value in lines)
    )


TARGET = Target(
    "forwarded",
    check,
    seeds=tuple(
        map(
            fuzz_input,
            (
                b"ffor=192.0.2.7",
                b'ffor="[2001:db8::1]:4711";proto=https;by=10.0.0.2, for=10.1.1.1',
                b"ffor=unknown, for=_hidden:_port\nffor=192.0.2.7:80",
                b'ffor="\\1.2.3.4", For=10.0.0.9',
                b"x192.0.2.7, 10.0.0.2",
                b"x2001:db8::1\nx[fd00::1]:99\nx 10.0.0.5:1",
                b"ffor=192.0.2.7\nx192.0.2.7",
                b"ffor=192.0.2.7\nx192.0.2.8",
                b'f"\nfproto=http;;;,',
                b"x::ffff:192.0.2.7",
            ),
        )
    ),
    words=(b"for=", b'"', b"unknown", b"10.0.0.2", b"[fd00::1]", b";proto=http", b"\nx", b"\nf"),
    max_size=200,
)
