"""IP addresses of clients, and which of them are proxies that may say whom they speak for."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

__all__ = ["Address", "TrustedProxies", "parse_address"]

Address = IPv4Address | IPv6Address
"""Of a client or a proxy; an IPv4 address is always that, never one mapped into IPv6."""


def parse_address(text: str) -> Address:
    """An address as people write it, without a port.

    A zone (``fe80::1%eth0``) says something only on the machine that has it, and is no part of what
    is compared or counted here.

    Raises:
        ValueError: It is none.
    """
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped  # RFC 4291 2.5.5.2: the same client by another socket
    return address


@dataclass(frozen=True, slots=True)
class TrustedProxies:
    """Whose word is taken about who a client is. Nobody's, by default."""

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    unix: bool = False
    """Whether those who connect to a Unix socket are proxies, too."""

    def __contains__(self, peer: Address | None) -> bool:
        """Whether that is one of them; None stands for the peer of a Unix socket."""
        if peer is None:
            return self.unix
        return any(peer in network for network in self.networks)
