"""A double of Deepgram's WebSocket endpoints: which there are, and who may open them.

    /v1/listen          deepgram_listen.py
    /v2/listen          deepgram_listen_v2.py (Flux)
    /v1/speak           deepgram_speak.py
    /v2/speak           deepgram_speak_v2.py (Flux TTS)
    /v1/agent/converse  deepgram_agent.py

A credential is accepted as ``Authorization: Token`` and ``Authorization: Bearer``, and as a
subprotocol entry right behind the entry ``token`` or ``bearer``, which is then the answer. Deepgram
takes its keys as ``Token`` and its JWTs as ``Bearer``; the double has one credential and takes it
as both. ``dg-request-id`` stands in every answer to an opening handshake, ``dg-error`` in refusals,
whose body repeats it.

Documented: the paths, the credentials, both field lines, the refusals of a credential and a model.
Not confirmed: that the entry before the credential is the answer, the refusal of an unknown path.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from relay.doubles import (
    deepgram_agent,
    deepgram_listen,
    deepgram_listen_v2,
    deepgram_speak,
    deepgram_speak_v2,
)
from relay.doubles.credentials import Slots
from relay.doubles.messages import dump
from relay.doubles.opening import Request
from relay.doubles.server import Connection

__all__ = ["serve"]


@dataclass(frozen=True)
class _Endpoint:
    play: Callable[[Connection, str, str], Awaitable[None]]
    default_model: str
    is_flux: bool
    speaks: bool


_AGENT_PATH = "/v1/agent/converse"
_ENDPOINTS = {
    "/v1/listen": _Endpoint(deepgram_listen.transcribe, "base-general", False, False),
    "/v2/listen": _Endpoint(deepgram_listen_v2.transcribe_turns, "", True, False),
    "/v1/speak": _Endpoint(deepgram_speak.speak, "aura-asteria-en", False, True),
    "/v2/speak": _Endpoint(deepgram_speak_v2.speak_turns, "", True, True),
}

_HEADERS = (Slots({b"authorization": "Token"}), Slots({b"authorization": "Bearer"}))
_SUBPROTOCOLS = ("token", "bearer")

_RAW_ENCODINGS = frozenset({"linear16", "mulaw", "alaw"})
_NO_SUCH_MODEL = "Bad Request: No such model/language/tier combination found."


async def serve(connection: Connection, key: str) -> None:
    """Be Deepgram on one connection, for clients that know ``key``."""
    request = connection.request
    request_id = str(uuid.uuid4())
    endpoint = _ENDPOINTS.get(request.path)
    credentials = _credentials(request)
    if endpoint is None and request.path != _AGENT_PATH:
        await _refuse(connection, request_id, 404, "Not Found", "There is no such endpoint.")
    elif not credentials or any(credential != key for credential in credentials):
        await _refuse(connection, request_id, 401, "INVALID_AUTH", "Invalid credentials.")
    elif endpoint is None:
        await _accept(connection, request_id)
        await deepgram_agent.converse(connection, request_id)
    elif problem := _problem(endpoint, request):
        await _refuse(connection, request_id, 400, "Bad Request", problem)
    else:
        await _accept(connection, request_id)
        model = request.parameter("model") or endpoint.default_model
        await endpoint.play(connection, model, request_id)


def _credentials(request: Request) -> list[str]:
    """Every credential in ``request``."""
    found = [value for slots in _HEADERS for value in slots.credentials(request)]
    pairs = itertools.pairwise(request.subprotocols)
    return found + [credential for scheme, credential in pairs if scheme in _SUBPROTOCOLS]


def _problem(endpoint: _Endpoint, request: Request) -> str:
    """Why ``endpoint`` refuses the query of ``request``; empty if it does not."""
    model = request.parameter("model") or endpoint.default_model
    if model.startswith("flux-") is not endpoint.is_flux:
        return _NO_SUCH_MODEL
    if endpoint.speaks and (request.parameter("encoding") or "linear16") not in _RAW_ENCODINGS:
        return "Bad Request: Unsupported audio format."
    return ""


async def _accept(connection: Connection, request_id: str) -> None:
    offered = connection.request.subprotocols
    subprotocol = next((entry for entry in offered if entry in _SUBPROTOCOLS), None)
    await connection.accept(subprotocol, [(b"dg-request-id", request_id.encode())])


async def _refuse(
    connection: Connection, request_id: str, status: int, code: str, message: str
) -> None:
    body = {"err_code": code, "err_msg": message, "request_id": request_id}
    headers = [
        (b"Content-Type", b"application/json"),
        (b"dg-error", message.encode()),
        (b"dg-request-id", request_id.encode()),
    ]
    await connection.refuse(status, dump(body).encode(), headers)
