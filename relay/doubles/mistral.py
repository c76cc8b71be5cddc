"""A double of Mistral's realtime audio endpoints: which there are, and who may open them.

    /v1/audio/transcriptions/realtime  mistral_transcription.py
    /v1/audio/speech/realtime          mistral_speech.py

A credential is accepted as ``Authorization: Bearer``. Browsers offer the subprotocol entry
``realtime``, which is the answer, beside a token that begins with ``rt_`` and stands in that slot
alone; the token for the double's key is ``rt_`` and the key. ``?model=`` is required.

Documented: the paths, both slots, and that a model is required. Not confirmed: the bodies of
refusals, the status 400 where there is no model, and that browsers may open ``speech/realtime`` in
the same way.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from relay.doubles import mistral_speech, mistral_transcription
from relay.doubles.credentials import Slots, Verdict
from relay.doubles.messages import refuse
from relay.doubles.server import Connection

__all__ = ["serve"]

_SUBPROTOCOL = "realtime"
"""What browsers offer beside their token, and get as the answer."""

_TOKEN_PREFIX = "rt_"  # a prefix  # noqa: S105  # nosec B105
"""What a browser's token begins with."""

_SLOTS = Slots(headers={b"authorization": "Bearer"})
_BROWSER_SLOTS = Slots(headers={b"authorization": "Bearer"}, subprotocols=(_TOKEN_PREFIX,))

_ENDPOINTS: dict[str, Callable[[Connection, str], Awaitable[None]]] = {
    "/v1/audio/transcriptions/realtime": mistral_transcription.transcribe,
    "/v1/audio/speech/realtime": mistral_speech.speak,
}


async def serve(connection: Connection, key: str) -> None:
    """Be Mistral on one connection, for clients that know ``key``."""
    request = connection.request
    endpoint = _ENDPOINTS.get(request.path)
    model = request.parameter("model")
    browser = _SUBPROTOCOL in request.subprotocols
    slots = _BROWSER_SLOTS if browser else _SLOTS
    if endpoint is None:
        await refuse(connection, 404, {"detail": "Not Found"})
    elif slots.judge(request, key) is not Verdict.ACCEPTED:
        await refuse(connection, 401, {"detail": "Unauthorized"})
    elif not model:
        await refuse(connection, 400, {"detail": "The query parameter model is required"})
    else:
        await connection.accept(_SUBPROTOCOL if browser else None)
        await endpoint(connection, model)
