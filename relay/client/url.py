"""The URL of a WebSocket, taken apart for those who connect to it."""

from __future__ import annotations

import re
from typing import NamedTuple

from relay.protocol import Origin

__all__ = ["WebSocketUrl", "split_url"]

_VISIBLE = re.compile(r"[!-~]+")
_LABEL = "[A-Za-z0-9_-]{1,63}"
_AUTHORITY = re.compile(rf"(?:\[([0-9A-Fa-f:.]+)\]|({_LABEL}(?:\.{_LABEL})*\.?))(?::(\d{{1,5}}))?")
_SCHEMES = {"wss": True, "https": True, "ws": False, "http": False}


class WebSocketUrl(NamedTuple):
    """Where a WebSocket URL leads, and what is asked for there (RFC 6455 3)."""

    tls: bool
    host: str
    """A name or an address, an IPv6 address without brackets."""
    port: int
    target: str
    """Path and query, as they stand in the URL."""

    @property
    def authority(self) -> str:
        """The value of the ``Host`` field."""
        return Origin("wss" if self.tls else "ws", self.host, self.port).authority


def split_url(url: str) -> WebSocketUrl:
    """Take a URL apart.

    Args:
        url: Begins with ``wss://`` or ``ws://``; ``https://`` and ``http://`` mean the same.

    Raises:
        ValueError: A sentence that says what is wrong with it, and quotes nothing of it.
    """
    if not _VISIBLE.fullmatch(url):
        raise ValueError("the URL is empty, or has a character that is not visible ASCII")
    scheme, mark, rest = url.partition("://")
    if not mark or scheme.lower() not in _SCHEMES:
        raise ValueError("the URL has to begin with wss://, ws://, https:// or http://")
    if "#" in rest:
        raise ValueError("a WebSocket URL has no fragment (#...)")
    end = min((rest.index(mark) for mark in "/?" if mark in rest), default=len(rest))
    authority, target = rest[:end], rest[end:]
    if "@" in authority:
        raise ValueError("a user name or a password cannot stand in the URL")
    found = _AUTHORITY.fullmatch(authority)
    if found is None:
        raise ValueError("the URL's host or port is missing or malformed")
    tls = _SCHEMES[scheme.lower()]
    port = int(found[3]) if found[3] else (443 if tls else 80)
    if not 0 < port < 65536:
        raise ValueError("the URL's port is not between 1 and 65535")
    if not target.startswith("/"):
        target = f"/{target}"
    return WebSocketUrl(tls, found[1] or found[2], port, target)
