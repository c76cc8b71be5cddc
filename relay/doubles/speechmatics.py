"""A double of Speechmatics' realtime transcription: its endpoint, and who may open it.

    /v2, /v2/, /v2/{language}  speechmatics_session.py

A credential is accepted as ``Authorization: Bearer`` and as ``?jwt=``. The reference writes
``/v2/`` and ``/v2``, the current SDK sends ``/v2`` and older ones the language behind it; the
language that counts is the one in the first message. The status 401 is documented, the body of a
refusal is not.
"""

from __future__ import annotations

import re

from relay.doubles import speechmatics_session
from relay.doubles.credentials import Slots, Verdict
from relay.doubles.messages import refuse
from relay.doubles.server import Connection

__all__ = ["serve"]

_PATH = re.compile("/v2(/[A-Za-z_-]*)?")
_SLOTS = Slots(headers={b"authorization": "Bearer"}, query=("jwt",))


async def serve(connection: Connection, key: str) -> None:
    """Be Speechmatics on one connection, for clients that know ``key``."""
    if not _PATH.fullmatch(connection.request.path):
        await refuse(connection, 404, {"error": "Not Found"})
    elif _SLOTS.judge(connection.request, key) is not Verdict.ACCEPTED:
        await refuse(connection, 401, {"error": "Unauthorized"})
    else:
        await connection.accept()
        await speechmatics_session.transcribe(connection)
