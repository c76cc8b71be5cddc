"""A double of Google's Gemini Live API: which endpoints there are, and who may open them.

    /ws/google.ai.generativelanguage.{v1,v1beta,v1alpha}.GenerativeService.
        BidiGenerateContent             google_live.py
        BidiGenerateContentConstrained  google_live.py
        BidiGenerateMusic               google_music.py

A credential is accepted as ``?key=``, ``x-goog-api-key``, ``?access_token=`` and ``Authorization:
Token``; ``?api_key=`` is not one of Google's. An ephemeral token, which begins with
``auth_tokens/``, opens ``BidiGenerateContentConstrained`` alone. Refusals are ``google.rpc`` errors
in JSON; after the 101 every error is a Close. Shapes follow Google's API reference and its SDKs.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from relay.doubles import google_live, google_music
from relay.doubles.credentials import Slots, Verdict
from relay.doubles.messages import JsonObject, refuse
from relay.doubles.server import Connection

__all__ = ["serve"]

_PATH = re.compile(
    r"/ws/google\.ai\.generativelanguage\.(?:v1|v1beta|v1alpha)\.GenerativeService\.(\w+)"
)
_CONSTRAINED = "BidiGenerateContentConstrained"
_METHODS: dict[str, Callable[[Connection], Awaitable[None]]] = {
    "BidiGenerateContent": google_live.converse,
    _CONSTRAINED: google_live.converse,
    "BidiGenerateMusic": google_music.play,
}

_SLOTS = Slots(
    headers={b"x-goog-api-key": "", b"authorization": "Token"}, query=("key", "access_token")
)


async def serve(connection: Connection, key: str) -> None:
    """Be Google on one connection, for clients that know ``key``."""
    found = _PATH.fullmatch(connection.request.path)
    method = found.group(1) if found else ""
    if method not in _METHODS:
        await refuse(connection, 404, _error(404, "NOT_FOUND", "There is no such method"))
        return
    verdict = _SLOTS.judge(connection.request, key)
    if key.startswith("auth_tokens/") and method != _CONSTRAINED:
        verdict = Verdict.MISSING  # an ephemeral token is no identity elsewhere
    match verdict:
        case Verdict.MISSING:
            message = "The method does not allow callers without an established identity"
            await refuse(connection, 403, _error(403, "PERMISSION_DENIED", message))
        case Verdict.WRONG:
            error = _error(400, "INVALID_ARGUMENT", "API key not valid", "API_KEY_INVALID")
            await refuse(connection, 400, error)
        case Verdict.ACCEPTED:
            await connection.accept()
            await _METHODS[method](connection)


def _error(code: int, status: str, message: str, reason: str | None = None) -> JsonObject:
    """A ``google.rpc.Status``, with an ``ErrorInfo`` if there is a ``reason``."""
    error: JsonObject = {"code": code, "message": message, "status": status}
    if reason is not None:
        info = {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": reason,
            "domain": "googleapis.com",
            "metadata": {"service": "generativelanguage.googleapis.com"},
        }
        error["details"] = [info]
    return {"error": error}
