"""Deepgram.

Documented: developers.deepgram.com, "Live Audio", "Flux", "Text to Speech WebSocket", "Voice
Agent", "Using the Sec-WebSocket-Protocol". The agent has a host of its own. In a browser the
credential is the entry after `token` or `bearer`; which of the entries the server answers is
unconfirmed.
"""

from __future__ import annotations

from relay.protocol.endpoints import Endpoint, Kind, MessageModel, Origin, Provider, Slot

__all__ = ["DEEPGRAM"]

_TOKEN = Slot(Kind.FIELD, "authorization", scheme="Token")

DEEPGRAM = Provider(
    name="deepgram",
    origin=Origin("wss", "api.deepgram.com", 443),
    endpoints=(
        Endpoint("/v1/listen", model="model", meter="deepgram-listen"),
        Endpoint("/v2/listen", model="model", meter="deepgram-listen-turns"),
        Endpoint("/v1/speak", model="model", meter="deepgram-speak"),
        Endpoint("/v2/speak", model="model", meter="deepgram-speak-turns"),
        Endpoint(
            "/v1/agent/converse",
            host="agent.deepgram.com",
            binary_audio=True,
            meter="deepgram-agent",
            message_models=(
                MessageModel("agent.think.provider.model", required_in="Settings"),
                *(
                    MessageModel(f"{place}.provider.{name}")
                    for place in ("agent.listen", "agent.speak", "listen", "think", "speak")
                    for name in ("model", "model_id")
                ),
            ),
        ),
    ),
    slots=(
        _TOKEN,
        Slot(Kind.SUBPROTOCOL_PAIR, "token"),
        Slot(Kind.SUBPROTOCOL_PAIR, "bearer"),
    ),
    stored=_TOKEN,
    fields=(b"x-deepgram-*",),
)
