"""How sessions ended, by the relay's log."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["endings", "unclean"]

_NORMAL = {1000, 1005}
"""1005 stands for a Close without a status code, which browsers send (RFC 6455 7.4.1)."""


def endings(log: Path) -> list[dict[str, Any]]:
    """The log's line about the end of each session."""
    lines = [line for line in log.read_text().splitlines() if line.startswith("{")]
    return [event for event in map(json.loads, lines) if event["event"] == "ended"]


def unclean(ends: Sequence[dict[str, Any]]) -> list[str]:
    """In words, the sessions that ended otherwise than by a closing handshake of the peers.

    Programs do not see that: most SDKs tell an application that it has closed, however that went.
    """
    return [
        f"{end['provider']} ({end['gateway']}): {end['cause']}, by {end['by']}; "
        f"Close {end['client_close']} to the client, {end['upstream_close']} to the provider"
        for end in ends
        if end["cause"] != "closed" or end["client_close"] not in _NORMAL
    ]
