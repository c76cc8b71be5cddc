"""A double of Inworld's realtime API: its endpoint, and who may open it.

    /api/v1/realtime/session  openai_realtime.py

A credential is accepted as ``Authorization: Basic`` (Inworld's API keys are base64 already, and
stand there as they are) and, for tokens that a backend mints, as ``Authorization: Bearer``. Two
query parameters are required: ``key``, which is an id that the client gives the session and no
credential, and ``protocol=realtime``. The events are those of OpenAI's GA dialect; the model is not
in the URL.

Documented: all of the above. Not confirmed: the refusals (their shape is the one that Inworld
documents for its speech to text), and the model of a session before ``session.update``.
"""

from __future__ import annotations

from relay.doubles import openai_realtime
from relay.doubles.credentials import Slots, Verdict
from relay.doubles.messages import JsonObject, refuse
from relay.doubles.openai_conversation import Dialect
from relay.doubles.server import Connection

__all__ = ["serve"]

_PATH = "/api/v1/realtime/session"
_FIRST_MODEL = "inworld/default"
_DIALECT = Dialect(provider="Inworld")

_SLOTS = (
    Slots(headers={b"authorization": "Basic"}),
    Slots(headers={b"authorization": "Bearer"}),
)

# gRPC's status codes, which Inworld's errors carry.
_INVALID_ARGUMENT = 3
_NOT_FOUND = 5
_UNAUTHENTICATED = 16


async def serve(connection: Connection, key: str) -> None:
    """Be Inworld on one connection, for clients that know ``key``."""
    request = connection.request
    verdicts = {slots.judge(request, key) for slots in _SLOTS}
    if request.path != _PATH:
        await refuse(connection, 404, _error(_NOT_FOUND, "Not Found"))
    elif Verdict.WRONG in verdicts or Verdict.ACCEPTED not in verdicts:
        message = "Unauthenticated: invalid or missing API key."
        await refuse(connection, 401, _error(_UNAUTHENTICATED, message))
    elif not request.parameter("key") or request.parameter("protocol") != "realtime":
        message = "The query parameters key and protocol=realtime are required."
        await refuse(connection, 400, _error(_INVALID_ARGUMENT, message))
    else:
        await connection.accept()
        await openai_realtime.converse_in(_DIALECT, _FIRST_MODEL, connection)


def _error(code: int, message: str) -> JsonObject:
    return {"code": code, "message": message, "details": []}
