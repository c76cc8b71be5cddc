"""What the relay runs by: the configuration, read, checked and resolved."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from relay.prices import Prices, built_in_prices
from relay.protocol import Gateway, Limits, Provider, Proxy, Timeouts, TrustedProxies
from relay.records.settings import RecordSettings
from relay.tls import ServerTls

__all__ = ["AdminSettings", "Listener", "Settings"]


@dataclass(frozen=True, slots=True)
class Listener:
    """Where clients connect."""

    scheme: str
    """``http``, ``https`` or ``unix``."""
    host: str = ""
    """An address or a name; for ``unix`` the path of the socket."""
    port: int = 0
    """0 lets the system choose."""

    @property
    def is_local(self) -> bool:
        """Whether only this machine reaches it."""
        if self.scheme == "unix" or self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False  # a name: who knows

    @property
    def is_overheard(self) -> bool:
        """Whether others on the way can read what passes."""
        return self.scheme == "http" and not self.is_local

    def __str__(self) -> str:
        if self.scheme == "unix":
            return f"unix:{self.host}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class AdminSettings:
    """What the operator's listener runs by."""

    listener: Listener
    token_sha256: bytes | None = field(default=None, repr=False)
    """Of the token that everything asks for but health and metrics; None if nothing else is to
    answer."""
    hosts: frozenset[str] = frozenset()
    """Names in ``Host`` that are its own, besides its address and ``localhost``."""
    tls: ServerTls | None = None
    """If it is ``https``."""

    def reloaded(self, wanted: AdminSettings | None) -> AdminSettings:
        """What a running listener goes by from now on: it stays where it is.

        Args:
            wanted: What the configuration says now; None if it does not name it any more. Then
                no token is known, nor where it could be overheard.
        """
        if wanted is None or self.listener.is_overheard:
            return replace(wanted or self, listener=self.listener, tls=self.tls, token_sha256=None)
        return replace(wanted, listener=self.listener, tls=wanted.tls or self.tls)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a relay needs to know."""

    listeners: tuple[Listener, ...]
    gateways: Mapping[str, Gateway]
    """By name."""
    providers: Mapping[str, Provider]
    """By name and alias."""
    trust: Mapping[str, ssl.SSLContext]
    """By the provider's name: what verifies it."""
    proxies: Mapping[str, Proxy] = field(default_factory=dict)
    """By the provider's name, where it is reached through one."""
    max_sessions: int | None = None
    """Over all gateways; None for what the open-file limit allows."""
    max_sessions_per_address: int | None = None
    """Connections that say nothing included; None for no bound."""
    max_openings: int | None = None
    """Connections that are no sessions; None for what suits the open-file limit."""
    trusted_proxies: TrustedProxies = field(default_factory=TrustedProxies)
    """Who is believed about whom it speaks for."""
    proxy_protocol: bool = False
    """Whether each of their connections begins with a PROXY header."""
    prices: Prices = field(default_factory=built_in_prices)
    """What usage costs."""
    records: RecordSettings | None = None
    """Where records go; None for nowhere."""
    admin: AdminSettings | None = None
    """The operator's listener; None for none."""
    tls: ServerTls | None = None
    """For the ``https`` listeners."""
    limits: Limits = field(default_factory=Limits)
    """For opening handshakes, before the gateway is known."""
    timeouts: Timeouts = field(default_factory=Timeouts)
    """For opening handshakes and the stop."""
    gateway_timeouts: Mapping[str, Timeouts] = field(default_factory=dict)
    """By gateway, where it has its own."""

    def timeouts_of(self, gateway: str) -> Timeouts:
        """The deadlines of a gateway's sessions."""
        return self.gateway_timeouts.get(gateway, self.timeouts)
