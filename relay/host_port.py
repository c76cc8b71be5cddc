"""``HOST:PORT`` as it stands in a configuration."""

from __future__ import annotations

import re

__all__ = ["host_and_port"]

_AUTHORITY = re.compile(
    r"(?:\[([0-9A-Fa-f:.]+)\]|((?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63})):([0-9]{1,5})"
)


def host_and_port(text: str) -> tuple[str, int] | None:
    """A host, an IPv6 address without its brackets, and a port; None if the text is not both."""
    match = _AUTHORITY.fullmatch(text)
    if match is None or int(match[3]) > 65535:
        return None
    return match[1] or match[2], int(match[3])
