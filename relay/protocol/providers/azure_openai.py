"""Azure OpenAI, and Voice Live of Microsoft Foundry.

Documented: learn.microsoft.com, "Realtime API via WebSockets", "GPT Live", "Voice Live API". Every
resource has a host of its own. With the GA paths (`/openai/v1/...`) Azure refuses `api-version`;
the preview path needs it, and `deployment`. Voice Live stands on `services.ai.azure.com`; resources
that have it on `cognitiveservices.azure.com` need a configured `url`. `openai-insecure-api-key.` is
what OpenAI's browser client sends; that Azure takes it is unconfirmed, so it becomes `api-key`.
"""

from __future__ import annotations

from relay.protocol.endpoints import BEARER, Endpoint, Kind, Provider, Slot
from relay.protocol.providers.openai import LIVE_MODEL, RESPONSES_MODEL

__all__ = ["AZURE_OPENAI"]

_API_KEY = Slot(Kind.FIELD, "api-key")

AZURE_OPENAI = Provider(
    name="azure-openai",
    aliases=("azure",),
    origin=None,
    named_host="{}.openai.azure.com",
    endpoints=(
        Endpoint("/openai/v1/realtime", model="model", meter="openai-realtime"),
        Endpoint("/openai/realtime", model="deployment", meter="openai-realtime"),
        Endpoint(
            "/openai/v1/live",
            message_models=LIVE_MODEL,
            also=("/openai/v1/live/sessions",),
            meter="openai-live",
        ),
        Endpoint("/openai/v1/live/sessions/{session}/attach"),
        Endpoint("/openai/v1/responses", message_models=RESPONSES_MODEL, meter="openai-responses"),
        Endpoint(
            "/voice-live/realtime",
            host="{}.services.ai.azure.com",
            model="model",
            meter="openai-realtime",
        ),
    ),
    slots=(
        _API_KEY,
        BEARER,
        Slot(Kind.QUERY, "api-key"),
        Slot(Kind.SUBPROTOCOL, "openai-insecure-api-key.", becomes=_API_KEY),
    ),
    stored=_API_KEY,
    fields=(b"openai-*", b"x-ms-*"),
    dropped_subprotocols=frozenset({"openai-beta.realtime-v1"}),
)
