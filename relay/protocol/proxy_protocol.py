"""The PROXY protocol: what a proxy says of its client before the client's first byte.

Version 1 is a line of text, version 2 is binary. The rules are those of HAProxy's
``proxy-protocol.txt``, sections 2.1 and 2.2. What follows the header is TLS or HTTP and not to be
touched, so the reader says how many bytes are its own.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from relay.protocol.addresses import Address, parse_address

__all__ = ["MalformedProxyHeaderError", "ProxyHeader", "ProxyHeaderReader"]

_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_SHORTEST_LINE = len(b"PROXY UNKNOWN\r\n")
_LONGEST_LINE = 107
_FIXED_PART = 16  # of version 2: signature, version and command, family, length
_MAX_REST = 4096
"""What may follow it. Addresses take 216 bytes at most; the largest extension in use is a client's
certificate."""

_LOCAL, _PROXY = 0x20, 0x21  # version 2, and the command
_TCP_4, _TCP_6 = 0x11, 0x21  # the family, and SOCK_STREAM
_FAMILIES, _PROTOCOLS = range(4), range(3)


class MalformedProxyHeaderError(Exception):
    """The bytes are no PROXY header."""


class ProxyHeader(NamedTuple):
    """A header that was read."""

    source: Address | None
    """The client's address; None if the proxy speaks for itself, or names no IP address."""


class ProxyHeaderReader:
    """Collects a header. It has to be given no byte more than :attr:`wanted`."""

    def __init__(self) -> None:
        self._received = b""

    @property
    def wanted(self) -> int:
        """How many of the next bytes are the header's for sure; at least one."""
        received = self._received
        if len(received) < _SHORTEST_LINE:
            return _SHORTEST_LINE - len(received)
        if not received.startswith(_SIGNATURE):
            return 1 if received.endswith(b"\r") else 2
        if len(received) < _FIXED_PART:
            return _FIXED_PART - len(received)
        return _FIXED_PART + _rest_size(received) - len(received)

    def receive_data(self, data: bytes) -> ProxyHeader | None:
        """Take bytes; return the header once it is whole.

        Args:
            data: The bytes read; ``b""`` once they have ended.

        Raises:
            MalformedProxyHeaderError: There is none, or it breaks a rule of its version.
        """
        if not data:
            raise MalformedProxyHeaderError("the connection ended")
        self._received += data
        received = self._received
        if received[: len(_SIGNATURE)] == _SIGNATURE[: len(received)]:
            return _read_binary(received)
        if received[:6] == b"PROXY "[: len(received)]:
            return _read_line(received)
        raise MalformedProxyHeaderError("there is none")


def _read_line(line: bytes) -> ProxyHeader | None:
    """Version 1, as far as it has come (2.1)."""
    ended = line.endswith(b"\r\n")
    if len(line) > _LONGEST_LINE - (not ended) or (b"\n" in line and not ended):
        raise MalformedProxyHeaderError("the line does not end")
    if not ended:
        return None
    words = line[:-2].decode("latin-1").split(" ")
    if words[1] == "UNKNOWN":  # whatever follows it is ignored
        return ProxyHeader(None)
    kinds = {"TCP4": IPv4Address, "TCP6": IPv6Address}
    if len(words) != 6 or words[1] not in kinds:
        raise MalformedProxyHeaderError("the line is not of its form")
    kind, ports = kinds[words[1]], words[4:]
    try:
        source, _ = map(kind, words[2:4])
    except ValueError:
        raise MalformedProxyHeaderError("an address is none of its family") from None
    if b"%" in line or not all(map(_is_port, ports)):  # "%": a zone, which Python would read
        raise MalformedProxyHeaderError("the line is not of its form")
    return ProxyHeader(parse_address(str(source)))


def _is_port(word: str) -> bool:
    """In decimal, without heading zeroes."""
    digits = word.isascii() and word.isdigit() and len(word) <= 5
    return digits and str(int(word)) == word and int(word) <= 65535


def _rest_size(header: bytes) -> int:
    return int.from_bytes(header[14:16], "big")


def _read_binary(header: bytes) -> ProxyHeader | None:
    """Version 2, as far as it has come (2.2)."""
    if len(header) < _FIXED_PART:
        return None
    command, family = header[12], header[13]
    if command not in {_LOCAL, _PROXY}:
        raise MalformedProxyHeaderError("another version or command")
    if command == _PROXY and not (family >> 4 in _FAMILIES and family & 0xF in _PROTOCOLS):
        raise MalformedProxyHeaderError("another family or protocol")
    if _rest_size(header) > _MAX_REST:
        raise MalformedProxyHeaderError("it is too large")
    rest = header[_FIXED_PART:]
    if len(rest) < _rest_size(header):
        return None
    if command == _LOCAL or family not in {_TCP_4, _TCP_6}:
        return ProxyHeader(None)  # a check of the proxy's own, or nothing that we listen on
    size = 4 if family == _TCP_4 else 16
    _check_extensions(rest, 2 * size + 4)  # after two addresses, and two ports
    source = IPv4Address(rest[:size]) if family == _TCP_4 else IPv6Address(rest[:size])
    return ProxyHeader(parse_address(str(source)))


def _check_extensions(rest: bytes, start: int) -> None:
    """Check that the addresses are whole, and that what follows them is type, length, value."""
    while start < len(rest):
        start += 3 + int.from_bytes(rest[start + 1 : start + 3], "big")
    if start != len(rest):
        raise MalformedProxyHeaderError("its parts do not add up to its length")
