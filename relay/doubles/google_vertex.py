"""A double of the Live API of Google's Vertex AI: which endpoints there are, and who may open them.

    /ws/google.cloud.aiplatform.{v1,v1beta1}.LlmBidiService/
        BidiGenerateContent  google_live.py

A credential is accepted as ``Authorization: Bearer`` (OAuth 2.0) and as ``x-goog-api-key`` (express
mode). The setup names its model by resource: ``publishers/google/models/...``, or that or another
resource below ``projects/...``. The session is that of the Gemini API, but ``setupComplete`` has a
``sessionId``, and ``usageMetadata`` counts ``candidates*`` where the Gemini API has ``response*``.

Shapes follow Google's API reference and what its SDKs read. Not confirmed: the reason in the body
of a refusal, and the Close 1007 after another name of a model.
"""

from __future__ import annotations

import re

from relay.doubles import google_live
from relay.doubles.credentials import Slots, Verdict
from relay.doubles.messages import JsonObject, refuse
from relay.doubles.server import Connection

__all__ = ["serve"]

_PATH = re.compile(
    r"/ws/google\.cloud\.aiplatform\.(?:v1|v1beta1)\.LlmBidiService/BidiGenerateContent"
)
_SLOTS = Slots(headers={b"authorization": "Bearer", b"x-goog-api-key": ""})
_DIALECT = google_live.Dialect(
    provider="Vertex AI",
    model=re.compile("(?:projects/[^/]+/(?:[^/]+/[^/]+/)*|publishers/google/)models/[^/]+"),
    names_session=True,
    usage_of_output="candidates",
)


async def serve(connection: Connection, key: str) -> None:
    """Be Vertex AI on one connection, for clients that know ``key``."""
    if not _PATH.fullmatch(connection.request.path):
        await refuse(connection, 404, _error(404, "NOT_FOUND", "There is no such method"))
        return
    match _SLOTS.judge(connection.request, key):
        case Verdict.MISSING:
            message = "Request is missing required authentication credential"
            await refuse(connection, 401, _error(401, "UNAUTHENTICATED", message))
        case Verdict.WRONG:
            message = "Request had invalid authentication credentials"
            await refuse(connection, 401, _error(401, "UNAUTHENTICATED", message))
        case Verdict.ACCEPTED:
            await connection.accept()
            await google_live.converse(connection, _DIALECT)


def _error(code: int, status: str, message: str) -> JsonObject:
    return {"error": {"code": code, "message": message, "status": status}}
