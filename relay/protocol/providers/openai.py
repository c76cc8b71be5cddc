"""OpenAI.

Documented: developers.openai.com, API reference, "Realtime", "Live", "Responses"; translations are
those of the official SDKs (openai-python 3.54). That the server answers the subprotocol `realtime`
is unconfirmed; that it refuses the beta entry was observed. Transcription sessions
(`intent=transcription`) and those of a call (`call_id`) name no model in the query.
"""

from __future__ import annotations

from relay.protocol.endpoints import BEARER, Endpoint, Kind, MessageModel, Origin, Provider, Slot

__all__ = ["LIVE_MODEL", "OPENAI", "RESPONSES_MODEL"]

LIVE_MODEL = (
    MessageModel("session.model", required_in="session.start"),
    MessageModel("session.delegation.responses.model"),
    MessageModel("session.delegation.decisions.model"),
)
RESPONSES_MODEL = (
    MessageModel("model", required_in="response.create"),
    MessageModel("tools.model"),
)

OPENAI = Provider(
    name="openai",
    origin=Origin("wss", "api.openai.com", 443),
    version="/v1",
    endpoints=(
        Endpoint(
            "/v1/realtime",
            model="model",
            other_models=("call_id", "intent"),
            meter="openai-realtime",
        ),
        Endpoint("/v1/realtime/translations", model="model", meter="openai-translations"),
        Endpoint("/v1/live/sessions", message_models=LIVE_MODEL, meter="openai-live"),
        Endpoint("/v1/live/sessions/{session}/attach"),
        Endpoint("/v1/live/sessions/{session}/fork", meter="openai-live"),
        Endpoint("/v1/responses", message_models=RESPONSES_MODEL, meter="openai-responses"),
    ),
    slots=(BEARER, Slot(Kind.SUBPROTOCOL, "openai-insecure-api-key.")),
    stored=BEARER,
    fields=(b"openai-*",),
    dropped_subprotocols=frozenset({"openai-beta.realtime-v1"}),
)
