"""A double of AssemblyAI's WebSocket endpoints: which there are, and who may open them.

    /v3/ws  assemblyai_streaming.py (streaming.assemblyai.com)
    /v1/ws  assemblyai_agent.py (agents.assemblyai.com)

A credential is accepted as ``?token=`` and as ``Authorization``, for ``/v3/ws`` without a scheme,
for ``/v1/ws`` also as ``Bearer``. It is judged after the 101, so that a refusal is a message and
Close 1008. AssemblyAI's text to speech has the path ``/v1/ws``, too, on a host of its own; the
double is the agent there. Any ``AssemblyAI-Version`` will do, none too.

Documented: the paths, the credentials, the refusal of ``/v3/ws``. Not confirmed: the refusal of
``/v1/ws`` and of an unknown path, ``Authorization`` without a scheme for ``/v1/ws``, which is in
older documentation.
"""

from __future__ import annotations

from relay.doubles import assemblyai_agent, assemblyai_streaming
from relay.doubles.credentials import Slots, Verdict
from relay.doubles.messages import refuse
from relay.doubles.opening import Request
from relay.doubles.server import Connection

__all__ = ["serve"]

_STREAMING_PATH = "/v3/ws"
_AGENT_PATH = "/v1/ws"

_SLOTS = Slots({b"authorization": ""}, query=("token",))


async def serve(connection: Connection, key: str) -> None:
    """Be AssemblyAI on one connection, for clients that know ``key``."""
    request = connection.request
    if request.path == _STREAMING_PATH:
        await connection.accept()
        match _SLOTS.judge(request, key):
            case Verdict.MISSING:
                await assemblyai_streaming.reject(connection, "Missing Authorization header")
            case Verdict.WRONG:
                await assemblyai_streaming.reject(connection, "Invalid API key")
            case Verdict.ACCEPTED:
                await assemblyai_streaming.transcribe(connection)
    elif request.path == _AGENT_PATH:
        await connection.accept()
        if _opens_agent(request, key):
            await assemblyai_agent.converse(connection)
        else:
            await assemblyai_agent.reject(connection)
    else:
        await refuse(connection, 404, {"error": "Not found"})


def _opens_agent(request: Request, key: str) -> bool:
    credentials = _SLOTS.credentials(request)
    return bool(credentials) and all(value in (key, f"Bearer {key}") for value in credentials)
