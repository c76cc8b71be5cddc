"""Speechmatics.

Documented: docs.speechmatics.com, "Realtime API reference". Its other regions are configured as a
`url`. The path with a language is what older official clients send.
"""

from __future__ import annotations

from relay.protocol.endpoints import BEARER, Endpoint, Kind, Origin, Provider, Slot

__all__ = ["SPEECHMATICS"]


SPEECHMATICS = Provider(
    name="speechmatics",
    origin=Origin("wss", "eu2.rt.speechmatics.com", 443),
    endpoints=(
        Endpoint("/v2", also=("/v2/",), meter="speechmatics"),
        Endpoint("/v2/{language}", meter="speechmatics"),
    ),
    slots=(BEARER, Slot(Kind.QUERY, "jwt")),
    stored=BEARER,
)
