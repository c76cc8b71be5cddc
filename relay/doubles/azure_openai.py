"""A double of Azure's OpenAI endpoints: which there are, and who may open them.

    /openai/v1/realtime                   openai_realtime.py, GA; ``model`` is a deployment
    /openai/realtime                      openai_realtime.py, preview, in the names of beta
    /openai/v1/live                       openai_live.py
    /openai/v1/live/sessions              openai_live.py
    /openai/v1/live/sessions/{id}/attach  openai_live.py
    /openai/v1/responses                  openai_responses.py
    /voice-live/realtime                  openai_realtime.py, in the names of beta

A credential is accepted everywhere as ``api-key``, as ``Authorization: Bearer`` and as
``?api-key=``, the one that browsers can send. The GA path refuses an ``api-version`` with 401; the
preview path and Voice Live need one. Voice Live takes a ``model``, or an agent with its project.

Shapes follow Microsoft's documentation and the types of its SDKs. ``/openai/v1/live`` is what
Microsoft documents, ``/openai/v1/live/sessions`` what users of GPT-Live report. Not confirmed: the
bodies of refusals, that a preview path without ``deployment``, Voice Live without a ``model`` or
either without an ``api-version`` is refused with 404, and that an offered subprotocol entry
``realtime`` is the answer. Voice Live's avatars and a fork of a Live session are not played.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Awaitable, Callable

from relay.doubles import openai_live, openai_realtime, openai_responses
from relay.doubles.credentials import Slots, Verdict
from relay.doubles.messages import JsonObject, refuse
from relay.doubles.openai_conversation import Dialect
from relay.doubles.opening import Request
from relay.doubles.server import Connection

__all__ = ["serve"]

_SUBPROTOCOL = "realtime"

_PROVIDER = "Azure OpenAI"
_GA = Dialect(_PROVIDER)
_PREVIEW = Dialect(_PROVIDER, beta=True)
_VOICE_LIVE = Dialect("Azure Voice Live", beta=True, omitted=frozenset({"rate_limits.updated"}))

_SLOTS = Slots(headers={b"api-key": "", b"authorization": "Bearer"}, query=("api-key",))

_GA_PATH = "/openai/v1/realtime"
_PREVIEW_PATH = "/openai/realtime"
_VOICE_LIVE_PATH = "/voice-live/realtime"
_SIDEBAND_PATH = re.compile("/openai/v1/live/sessions/([^/]+)/attach")

_Endpoint = Callable[[Connection], Awaitable[None]]


async def serve(connection: Connection, key: str) -> None:
    """Be Azure on one connection, for clients that know ``key``."""
    request = connection.request
    verdict = _SLOTS.judge(request, key)
    versioned = request.path == _GA_PATH and request.parameter("api-version") is not None
    if verdict is not Verdict.ACCEPTED or versioned:
        message = "Access denied due to an invalid key or a wrong API endpoint"
        await refuse(connection, 401, _error("401", message))
        return
    endpoint = _find(request)
    if endpoint is None:
        await refuse(connection, 404, _error("404", "Resource not found"))
        return
    await connection.accept(_SUBPROTOCOL if _SUBPROTOCOL in request.subprotocols else None)
    await endpoint(connection)


def _find(request: Request) -> _Endpoint | None:
    """What plays the endpoint that ``request`` names; None if it names none that there is."""
    sideband = _SIDEBAND_PATH.fullmatch(request.path)
    if sideband is not None:
        return openai_live.sideband(sideband.group(1))
    match request.path:
        case "/openai/v1/live" | "/openai/v1/live/sessions":
            return functools.partial(openai_live.converse, provider=_PROVIDER)
        case "/openai/v1/responses":
            return functools.partial(openai_responses.respond, provider=_PROVIDER)
        case _:
            return _find_realtime(request)


def _find_realtime(request: Request) -> _Endpoint | None:
    model = request.parameter("model")
    if request.path == _GA_PATH:
        return functools.partial(openai_realtime.converse_in, _GA, model)
    if request.parameter("api-version") is None:
        return None
    if request.path == _PREVIEW_PATH and request.parameter("deployment"):
        model = request.parameter("deployment")
        return functools.partial(openai_realtime.converse_in, _PREVIEW, model)
    agent = request.parameter("agent-name") and request.parameter("agent-project-name")
    if request.path == _VOICE_LIVE_PATH and (model or agent):
        return functools.partial(openai_realtime.converse_in, _VOICE_LIVE, model or agent)
    return None


def _error(code: str, message: str) -> JsonObject:
    return {"error": {"code": code, "message": message}}
