"""For whom a request was meant, and which page sent it: what a browser says without being asked.

A page of another site can have the operator's browser send requests to a listener on loopback. If
its own name leads there (DNS rebinding), the browser even lets it read the answers; but then that
name stands in ``Host``. What changes something must besides come from a page of this listener.
"""

from __future__ import annotations

import re
from collections.abc import Container

__all__ = ["is_own_host", "is_same_origin", "port_of"]

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?")  # RFC 9110 7.2
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})


def _host_name(host: str) -> str | None:
    """The name or the address in a ``Host`` field; None if it cannot be one."""
    match = _HOST.fullmatch(host.lower())
    return match[1] if match else None


def port_of(host: str) -> str:
    """The port in a ``Host`` field; empty if there is none."""
    match = _HOST.fullmatch(host.lower())
    return (match[2] or "") if match else ""


def is_own_host(host: str, bound: str | None, names: Container[str]) -> bool:
    """Whether a request was meant for this listener.

    Args:
        host: Its ``Host`` field.
        bound: The address at which it came; None for a Unix socket.
        names: What the listener is called besides.
    """
    name = _host_name(host)
    if name is None:
        return False
    if bound is not None and name == (f"[{bound}]" if ":" in bound else bound):
        return True
    return name in _LOOPBACK or name in names


def is_same_origin(
    origin: str | None, site: str | None, host: str, names: Container[str]
) -> bool | None:
    """Whether a page of this listener sent a request.

    Args:
        origin: Its ``Origin`` field (RFC 6454).
        site: Its ``Sec-Fetch-Site`` field (Fetch Metadata), which no page can set.
        host: Its ``Host`` field.
        names: What the listener is called behind a proxy, which may write another ``Host``.

    Returns:
        None if it does not say: then no browser of today sent it.
    """
    if origin is None and site is None:
        return None
    if site is not None and site != "same-origin":
        return False
    if origin is None:
        return True
    scheme, _, where = origin.partition("://")
    return scheme in {"http", "https"} and (where == host.lower() or _host_name(where) in names)
