"""A double of Hume's WebSocket endpoints: which there are, and who may open them.

    /v0/evi/chat                   hume_evi.py
    /v0/tts/stream/input           hume_tts.py
    /v1/expression/audio/realtime  hume_expression.py

A credential is accepted everywhere as ``X-Hume-Api-Key``. EVI and text to speech take it also as
``?api_key=`` and ``?access_token=``, expression measurement (which Hume serves on a host of its
own) as ``Authorization: Bearer``. All of that is documented, and so are the status 401 and the
body of its refusal for expression measurement; that the others refuse with the same body is not
confirmed. The older ``/v0/stream/models`` was retired in June 2026.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from relay.doubles import hume_evi, hume_expression, hume_tts
from relay.doubles.credentials import Slots, Verdict
from relay.doubles.messages import JsonObject, refuse
from relay.doubles.server import Connection

__all__ = ["serve"]

_KEY_HEADER = {b"x-hume-api-key": ""}
_VOICE_SLOTS = Slots(headers=_KEY_HEADER, query=("api_key", "access_token"))
_EXPRESSION_SLOTS = Slots(headers={**_KEY_HEADER, b"authorization": "Bearer"})

_ENDPOINTS: dict[str, tuple[Slots, Callable[[Connection], Awaitable[None]]]] = {
    "/v0/evi/chat": (_VOICE_SLOTS, hume_evi.converse),
    "/v0/tts/stream/input": (_VOICE_SLOTS, hume_tts.speak),
    "/v1/expression/audio/realtime": (_EXPRESSION_SLOTS, hume_expression.measure),
}


async def serve(connection: Connection, key: str) -> None:
    """Be Hume on one connection, for clients that know ``key``."""
    found = _ENDPOINTS.get(connection.request.path)
    if found is None:
        await refuse(connection, 404, {"message": "Not Found"})
        return
    slots, endpoint = found
    match slots.judge(connection.request, key):
        case Verdict.MISSING:
            await refuse(connection, 401, {"message": "Unauthorized"})
        case Verdict.WRONG:
            rejected: JsonObject = {"message": "Unauthorized", "request_id": "request-1"}
            await refuse(connection, 401, rejected)
        case Verdict.ACCEPTED:
            await connection.accept()
            await endpoint(connection)
