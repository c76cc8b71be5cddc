"""Addresses, and who may speak for others."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from relay.protocol import TrustedProxies, parse_address

TRUSTED = TrustedProxies((ip_network("10.0.0.0/8"), ip_network("fd00::/8")))


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::ffff:c000:201", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::192.0.2.1", "::c000:201"),
    ],
)
def test_an_address(text: str, address: str) -> None:
    assert str(parse_address(text)) == address


@pytest.mark.parametrize("text", ["", "relay.test", "192.0.2", "192.0.2.01", "[::1]", "1.2.3.4:5"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="address"):
        parse_address(text)


@pytest.mark.parametrize(
    ("peer", "trusted"),
    [("10.255.0.1", True), ("11.0.0.1", False), ("fd12::1", True), ("fe80::1", False)],
)
def test_proxies_are_known_by_their_networks(peer: str, trusted: bool) -> None:
    assert (ip_address(peer) in TRUSTED) is trusted
    assert ip_address(peer) not in TrustedProxies(unix=True)


def test_a_unix_socket_is_trusted_only_by_its_name() -> None:
    assert None in TrustedProxies(unix=True)
    assert None not in TRUSTED
    assert None not in TrustedProxies((ip_network("0.0.0.0/0"), ip_network("::/0")))
