"""A double of xAI's WebSocket endpoints: which there are, and who may open them.

    /v1/realtime   openai_realtime.py, in the names of GA
    /v1/tts        xai_tts.py
    /v1/stt        xai_stt.py
    /v1/responses  openai_responses.py

A credential is accepted everywhere as ``Authorization: Bearer``, and as the subprotocol entry
``xai-client-secret.``, which is then the answer. ``/v1/realtime`` speaks OpenAI's protocol; its
``model`` may be left out.

Shapes follow xAI's documentation as others render it, and code of its users. Not confirmed: the
status and bodies of refusals, the answer to a subprotocol entry, and the names of the realtime
events where sources differ (GA here; some sources have ``conversation.created`` first, or
``conversation.item.created`` of beta).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from relay.doubles import openai_realtime, openai_responses, xai_stt, xai_tts
from relay.doubles.credentials import Slots, Verdict, mask
from relay.doubles.messages import JsonObject, refuse
from relay.doubles.openai_conversation import Dialect
from relay.doubles.server import Connection

__all__ = ["serve"]

_SUBPROTOCOL_PREFIX = "xai-client-secret."

_SLOTS = Slots(headers={b"authorization": "Bearer"}, subprotocols=(_SUBPROTOCOL_PREFIX,))
_DIALECT = Dialect("xAI")
_DEFAULT_MODEL = "grok-voice-latest"


async def _converse(connection: Connection) -> None:
    model = connection.request.parameter("model") or _DEFAULT_MODEL
    await openai_realtime.converse_in(_DIALECT, model, connection)


async def _respond(connection: Connection) -> None:
    await openai_responses.respond(connection, "xAI")


_ENDPOINTS: dict[str, Callable[[Connection], Awaitable[None]]] = {
    "/v1/realtime": _converse,
    "/v1/tts": xai_tts.speak,
    "/v1/stt": xai_stt.transcribe,
    "/v1/responses": _respond,
}


async def serve(connection: Connection, key: str) -> None:
    """Be xAI on one connection, for clients that know ``key``."""
    request = connection.request
    endpoint = _ENDPOINTS.get(request.path)
    if endpoint is None:
        await refuse(connection, 404, _error("Not found", "The requested resource was not found"))
        return
    match _SLOTS.judge(request, key):
        case Verdict.MISSING:
            await refuse(connection, 401, _error("Unauthenticated", "No API key provided"))
        case Verdict.WRONG:
            wrong = next(value for value in _SLOTS.credentials(request) if value != key)
            message = f"Incorrect API key provided: {mask(wrong)}"
            await refuse(connection, 401, _error("Unauthenticated", message))
        case Verdict.ACCEPTED:
            offered = (e for e in request.subprotocols if e.startswith(_SUBPROTOCOL_PREFIX))
            await connection.accept(next(offered, None))
            await endpoint(connection)


def _error(code: str, message: str) -> JsonObject:
    return {"code": code, "error": message}
