"""A double of Cartesia's WebSocket endpoints: which there are, and who may open them.

    /tts/websocket        cartesia_tts.py
    /stt/websocket        cartesia_stt.py
    /stt/turns/websocket  cartesia_stt.py

A credential is accepted as ``X-API-Key``, ``Authorization: Bearer``, ``?api_key=`` and
``?access_token=``. Any ``Cartesia-Version`` will do, none too. Shapes follow Cartesia's API
reference and the types of its SDKs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from relay.doubles import cartesia_stt, cartesia_tts
from relay.doubles.credentials import Slots, Verdict
from relay.doubles.messages import JsonObject, refuse
from relay.doubles.server import Connection

__all__ = ["serve"]

_ENDPOINTS: dict[str, Callable[[Connection], Awaitable[None]]] = {
    "/tts/websocket": cartesia_tts.speak,
    "/stt/websocket": cartesia_stt.transcribe,
    "/stt/turns/websocket": cartesia_stt.transcribe_turns,
}

_SLOTS = Slots(
    headers={b"x-api-key": "", b"authorization": "Bearer"}, query=("api_key", "access_token")
)


async def serve(connection: Connection, key: str) -> None:
    """Be Cartesia on one connection, for clients that know ``key``."""
    endpoint = _ENDPOINTS.get(connection.request.path)
    if endpoint is None:
        await refuse(connection, 404, _error("Not found", "There is no such endpoint", None))
        return
    match _SLOTS.judge(connection.request, key):
        case Verdict.MISSING:
            await refuse(connection, 401, _error("Unauthorized", "There is no API key", None))
        case Verdict.WRONG:
            message = "The API key is not valid"
            await refuse(connection, 401, _error("Unauthorized", message, "invalid_api_key"))
        case Verdict.ACCEPTED:
            await connection.accept()
            await endpoint(connection)


def _error(title: str, message: str, code: str | None) -> JsonObject:
    return {"error_code": code, "title": title, "message": message, "request_id": "request-1"}
