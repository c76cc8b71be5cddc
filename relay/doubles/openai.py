"""A double of OpenAI's WebSocket endpoints: which there are, and who may open them.

    /v1/realtime               openai_realtime.py
    /v1/realtime/translations  openai_translations.py
    /v1/live/sessions          openai_live.py, also {id}/attach and {id}/fork below it
    /v1/responses              openai_responses.py

A credential is accepted as ``Authorization: Bearer``, and as the subprotocol entry
``openai-insecure-api-key.`` beside the entry ``realtime``, which is then the answer. The old entry
``openai-beta.realtime-v1`` is refused, as OpenAI refuses it now. Shapes follow OpenAI's API
reference and the types of its SDKs. OpenAI itself may accept a wrong key and end the session
afterwards; the double refuses it, as its HTTP API does.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from relay.doubles import openai_live, openai_realtime, openai_responses, openai_translations
from relay.doubles.credentials import Slots, Verdict, mask
from relay.doubles.messages import JsonObject, refuse
from relay.doubles.server import Connection

__all__ = ["serve"]

_SUBPROTOCOL = "realtime"
_BETA_SUBPROTOCOL = "openai-beta.realtime-v1"

_SLOTS = Slots(headers={b"authorization": "Bearer"})
_BROWSER_SLOTS = Slots(
    headers={b"authorization": "Bearer"}, subprotocols=("openai-insecure-api-key.",)
)

_ENDPOINTS: dict[str, Callable[[Connection], Awaitable[None]]] = {
    "/v1/realtime": openai_realtime.converse,
    "/v1/realtime/translations": openai_translations.translate,
    "/v1/live/sessions": openai_live.converse,
    "/v1/responses": openai_responses.respond,
}
_LIVE_SESSION_PATH = re.compile("/v1/live/sessions/([^/]+)/(attach|fork)")


async def serve(connection: Connection, key: str) -> None:
    """Be OpenAI on one connection, for clients that know ``key``."""
    request = connection.request
    endpoint = _find(request.path)
    if endpoint is None:
        await refuse(connection, 404, _error(f"Invalid URL (GET {request.path})", None))
        return
    if _BETA_SUBPROTOCOL in request.subprotocols:
        message = f"The subprotocol {_BETA_SUBPROTOCOL} is no longer supported"
        await refuse(connection, 400, _error(message, "invalid_subprotocol"))
        return
    browser = _SUBPROTOCOL in request.subprotocols
    slots = _BROWSER_SLOTS if browser else _SLOTS
    match slots.judge(request, key):
        case Verdict.MISSING:
            await refuse(connection, 401, _error("You didn't provide an API key", None))
        case Verdict.WRONG:
            wrong = next(value for value in slots.credentials(request) if value != key)
            message = f"Incorrect API key provided: {mask(wrong)}"
            await refuse(connection, 401, _error(message, "invalid_api_key"))
        case Verdict.ACCEPTED:
            await connection.accept(_SUBPROTOCOL if browser else None)
            await endpoint(connection)


def _find(path: str) -> Callable[[Connection], Awaitable[None]] | None:
    live = _LIVE_SESSION_PATH.fullmatch(path)
    if live is None:
        return _ENDPOINTS.get(path)
    session_id, action = live.groups()
    return openai_live.sideband(session_id) if action == "attach" else openai_live.fork(session_id)


def _error(message: str, code: str | None) -> JsonObject:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return {"error": error}
