"""Deepgram's models on Cloudflare Workers AI.

Documented: developers.cloudflare.com, AI Gateway, "Realtime WebSockets API": through a gateway of
the customer's account, with a Cloudflare token in `cf-aig-authorization`. A client's own token
comes as `Authorization`, since the other field line is for the relay's, and becomes that. With a
stored key the account is configured, as `wss://gateway.ai.cloudflare.com/v1/A/G/workers-ai`.
"""

from __future__ import annotations

from relay.protocol.endpoints import Endpoint, Kind, Origin, Provider, Slot

__all__ = ["WORKERS_AI"]

_TOKEN = Slot(Kind.FIELD, "cf-aig-authorization", scheme="Bearer")

WORKERS_AI = Provider(
    name="workers-ai",
    origin=Origin("wss", "gateway.ai.cloudflare.com", 443),
    endpoints=(
        Endpoint(
            "/v1/{account}/{gateway}/workers-ai",
            model="model",
            names_account=True,
            meter="workers-ai",
        ),
    ),
    slots=(Slot(Kind.FIELD, "authorization", scheme="Bearer", becomes=_TOKEN),),
    stored=_TOKEN,
)
