"""A double of ElevenLabs' WebSocket endpoints: which there are, and who may open them.

    /v1/convai/conversation                        elevenlabs_agent.py
    /v1/text-to-speech/{voice}/stream-input        elevenlabs_tts.py
    /v1/text-to-speech/{voice}/multi-stream-input  elevenlabs_tts.py
    /v1/text-to-dialogue/stream-input              elevenlabs_dialogue.py
    /v1/text-to-dialogue/multi-stream-input        elevenlabs_dialogue.py
    /v1/speech-to-text/realtime                    elevenlabs_scribe.py

A credential is accepted everywhere as ``xi-api-key``. Agents take it also as
``?conversation_signature=`` and as the subprotocol entry ``bearer.``, and the agent called
``public`` takes anyone; text to speech as ``?authorization=``, ``?single_use_token=`` and inside
messages; text to dialogue as ``Authorization: Bearer``, ``?single_use_token=`` and inside messages;
Scribe as ``?token=``. Shapes follow ElevenLabs' API reference and the types of its SDKs.
"""

from __future__ import annotations

import re

from relay.doubles import elevenlabs_agent, elevenlabs_dialogue, elevenlabs_scribe, elevenlabs_tts
from relay.doubles.credentials import Slots, Verdict
from relay.doubles.messages import JsonObject, refuse
from relay.doubles.server import Connection

__all__ = ["serve"]

_PUBLIC_AGENT = "public"
"""The ``agent_id`` of the one agent that needs no credential."""

_SUBPROTOCOL = "convai"
"""What browsers offer to an agent beside ``bearer.``, and get as the answer."""

_AGENT_PATH = "/v1/convai/conversation"
_SCRIBE_PATH = "/v1/speech-to-text/realtime"
_TTS_PATH = re.compile("/v1/text-to-speech/[^/]+/(stream-input|multi-stream-input)")
_DIALOGUE_PATH = re.compile("/v1/text-to-dialogue/(stream-input|multi-stream-input)")

_HEADER = {b"xi-api-key": ""}
_AGENT_SLOTS = Slots(_HEADER, query=("conversation_signature",), subprotocols=("bearer.",))
_SCRIBE_SLOTS = Slots(_HEADER, query=("token",))
_DIALOGUE_SLOTS = Slots({**_HEADER, b"authorization": "Bearer"}, query=("single_use_token",))
_TTS_SLOTS = Slots(_HEADER, query=("authorization", "single_use_token"))


async def serve(connection: Connection, key: str) -> None:
    """Be ElevenLabs on one connection, for clients that know ``key``."""
    request = connection.request
    speech = _TTS_PATH.fullmatch(request.path)
    dialogue = _DIALOGUE_PATH.fullmatch(request.path)
    anyone = False
    if speech is not None:
        slots, anyone = _TTS_SLOTS, True  # a message may bring the credential
    elif dialogue is not None:
        slots, anyone = _DIALOGUE_SLOTS, True
    elif request.path == _AGENT_PATH:
        slots, anyone = _AGENT_SLOTS, request.parameter("agent_id") == _PUBLIC_AGENT
    elif request.path == _SCRIBE_PATH:
        slots = _SCRIBE_SLOTS
    else:
        await refuse(connection, 404, {"detail": "Not Found"})
        return
    verdict = slots.judge(request, key)
    if verdict is Verdict.WRONG:
        await refuse(connection, 401, _error("invalid_api_key", "The API key is not valid"))
    elif verdict is Verdict.MISSING and not anyone:
        await refuse(connection, 403, _error("needs_authorization", "An API key is needed"))
    elif speech is not None:
        await connection.accept()
        multi = speech.group(1) == "multi-stream-input"
        known = verdict is Verdict.ACCEPTED
        await elevenlabs_tts.speak(connection, key, known=known, multi=multi)
    elif dialogue is not None:
        await connection.accept()
        multi = dialogue.group(1) == "multi-stream-input"
        known = verdict is Verdict.ACCEPTED
        await elevenlabs_dialogue.converse(connection, key, known=known, multi=multi)
    elif slots is _AGENT_SLOTS:
        offered = _SUBPROTOCOL in request.subprotocols
        await connection.accept(_SUBPROTOCOL if offered else None)
        await elevenlabs_agent.converse(connection)
    else:
        await connection.accept()
        await elevenlabs_scribe.transcribe(connection)


def _error(status: str, message: str) -> JsonObject:
    return {"detail": {"status": status, "message": message}}
