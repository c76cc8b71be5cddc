"""A double of Workers AI's WebSocket endpoint on Cloudflare's AI Gateway: its form of Deepgram.

    /v1/{account}/{gateway}/workers-ai?model=

    @cf/deepgram/nova-3                             deepgram_listen.py
    @cf/deepgram/flux                               deepgram_listen_v2.py
    @cf/deepgram/aura-1, aura-2-en, aura-2-es       deepgram_speak.py

A credential is accepted as ``cf-aig-authorization: Bearer``, which is Cloudflare's field line here
and not the relay's. Documented: the path, the credential, the models, the refusals of a credential
and a model. Not confirmed: that Aura 2 can be reached over a WebSocket, the refusal of an unknown
path.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable

from relay.doubles import deepgram_listen, deepgram_listen_v2, deepgram_speak
from relay.doubles.credentials import Slots, Verdict
from relay.doubles.messages import JsonObject, refuse
from relay.doubles.server import Connection

__all__ = ["serve"]

_PATH = re.compile("/v1/[^/]+/[^/]+/workers-ai")

_MODELS: dict[str, Callable[[Connection, str, str], Awaitable[None]]] = {
    "@cf/deepgram/nova-3": deepgram_listen.transcribe,
    "@cf/deepgram/flux": deepgram_listen_v2.transcribe_turns,
    "@cf/deepgram/aura-1": deepgram_speak.speak,
    "@cf/deepgram/aura-2-en": deepgram_speak.speak,
    "@cf/deepgram/aura-2-es": deepgram_speak.speak,
}

_SLOTS = Slots({b"cf-aig-authorization": "Bearer"})


async def serve(connection: Connection, key: str) -> None:
    """Be Workers AI on one connection, for clients that know ``key``."""
    request = connection.request
    model = request.parameter("model") or ""
    if not _PATH.fullmatch(request.path):
        await _refuse(connection, 404, 7000, "No route for that URI")
    elif _SLOTS.judge(request, key) is not Verdict.ACCEPTED:
        await _refuse(connection, 401, 10000, "Authentication error")
    elif model not in _MODELS:
        await _refuse(connection, 400, 5007, f"No such model {model} or task")
    else:
        await connection.accept()
        await _MODELS[model](connection, model, str(uuid.uuid4()))


async def _refuse(connection: Connection, status: int, code: int, message: str) -> None:
    errors = [{"code": code, "message": message}]
    body: JsonObject = {"result": None, "success": False, "errors": errors, "messages": []}
    await refuse(connection, status, body)
