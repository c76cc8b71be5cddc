"""Finds what belongs between a client and the relay, and must never reach a provider."""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import unquote

from relay.doubles.opening import Request

__all__ = ["leaked_slot"]

_HEADER_PREFIX = b"cf-aig-"
"""Field lines that are addressed to the relay."""

_SUBPROTOCOL_PREFIX = "cf-aig-authorization."
"""Subprotocol entries that are addressed to the relay."""

_SUBPROTOCOL = "relay"
"""The entry that the relay itself answers, so that clients need not offer only secrets."""

# A gateway token, at the start of a value or behind a scheme or prefix such as ``Bearer `` or
# ``openai-insecure-api-key.``.
_TOKEN = re.compile(r"(?<![A-Za-z0-9_-])rly_")


def leaked_slot(request: Request, own: Collection[bytes] = ()) -> str | None:
    """The name of the first place in ``request`` that holds something of the relay's, or None.

    The name says where, never what. ``own`` are names of field lines that the provider has too.
    """
    for entry in request.subprotocols:
        if entry == _SUBPROTOCOL or entry.startswith(_SUBPROTOCOL_PREFIX) or _TOKEN.search(entry):
            return "subprotocol entry"
    for name, value in request.query:
        if _TOKEN.search(name):
            return "name of a query parameter"
        if _TOKEN.search(value):
            return f"query parameter {name}"
    if _TOKEN.search(unquote(request.path)):
        return "path"
    for line_name, line_value in request.headers:
        ours = line_name.startswith(_HEADER_PREFIX) and line_name not in own
        if ours or _TOKEN.search(line_value.decode("latin-1")):
            return f"header {line_name.decode('latin-1')}"
    return None
