"""A double of fal's WebSocket endpoints: which there are, and who may open them.

    /{model}/realtime  fal_realtime.py, at fal.run
    /{model}           fal_http.py, at ws.fal.run

A model is a path of two or more segments, such as ``fal-ai/fast-lcm-diffusion``. The double is both
hosts at once, and goes by the last segment. A credential is accepted as ``Authorization: Key`` and
as ``?fal_jwt_token=``. Without a right one, HTTP over WebSocket is refused; realtime is accepted
and says ``{"status": "error", "error": "Unauthorized"}``, on which fal's clients fetch another
token.

Shapes follow fal's documentation, its clients and its open server code. Not confirmed: the body of
the refusal, that a token opens HTTP over WebSocket too, and the Close 1008 after ``Unauthorized``.
"""

from __future__ import annotations

import re

from relay.doubles import fal_http, fal_realtime
from relay.doubles.credentials import Slots, Verdict
from relay.doubles.messages import refuse, send
from relay.doubles.server import Connection

__all__ = ["serve"]

_PATH = re.compile("/[^/]+(?:/[^/]+)+")
_REALTIME_PATH = re.compile("/[^/]+(?:/[^/]+)+/realtime")
_SLOTS = Slots(headers={b"authorization": "Key"}, query=("fal_jwt_token",))


async def serve(connection: Connection, key: str) -> None:
    """Be fal on one connection, for clients that know ``key``."""
    request = connection.request
    known = _SLOTS.judge(request, key) is Verdict.ACCEPTED
    if not _PATH.fullmatch(request.path):
        await refuse(connection, 404, {"detail": "Not Found"})
    elif _REALTIME_PATH.fullmatch(request.path):
        await connection.accept()
        if known:
            await fal_realtime.infer(connection)
        else:
            await send(connection, {"status": "error", "error": "Unauthorized"})
            await connection.close(1008, "Unauthorized")
    elif known:
        await connection.accept()
        await fal_http.respond(connection)
    else:
        await refuse(connection, 401, {"detail": "Unauthorized"})
