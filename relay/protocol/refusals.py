"""The HTTP answer that a client gets instead of a 101; docs/refusals.md has all of them."""

from __future__ import annotations

import json
from typing import NamedTuple

from relay.protocol.errors import ProviderRefused, Refused

__all__ = ["HttpAnswer", "refusal"]


class HttpAnswer(NamedTuple):
    """A final HTTP response."""

    status: int
    fields: list[tuple[str, str]]
    body: bytes


def refusal(refused: Refused, session_id: str) -> HttpAnswer:
    """What a refused client is told.

    Args:
        refused: Why.
        session_id: The session's id, by which an operator finds it.
    """
    fields = [*refused.fields, ("cf-aig-log-id", session_id)]
    if isinstance(refused, ProviderRefused):
        # RFC 9209 2.1.4: this status is not ours but the provider's.
        fields.append(("Proxy-Status", f"relay; received-status={refused.status}"))
        if refused.body is not None:
            return HttpAnswer(refused.status, fields, refused.body)
    else:
        error = refused.proxy_error or "http_request_denied"
        fields.append(("Proxy-Status", f'relay; error={error}; details="{refused.code}"'))
    body = {
        "success": False,
        "result": [],
        "messages": [],
        "error": [{"code": refused.code, "message": refused.message}],
    }
    fields.append(("Content-Type", "application/json"))
    return HttpAnswer(refused.status, fields, json.dumps(body).encode())
