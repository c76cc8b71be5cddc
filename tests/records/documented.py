"""The sessions that docs/records.md shows."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from relay.protocol.usage import Turn, Usage
from relay.records.session_record import Direction, Outcome, SessionRecord, Work

__all__ = ["DOCUMENTED"]

_USAGE = Usage(
    input_text_tokens=20,
    input_audio_tokens=12,
    cached_text_tokens=5,
    output_text_tokens=15,
    output_audio_tokens=12,
)


def _began(milliseconds: int) -> datetime:
    return datetime(2026, 11, 23, 1, 35, 57, milliseconds * 1000, tzinfo=UTC)


DOCUMENTED = (
    SessionRecord(
        id="01a2060b-a98d-7f50-afc0-42bbf7eb2066",
        began_at=_began(325),
        gateway="acct/main",
        provider="openai",
        endpoint="/v1/realtime",
        model="gpt-realtime",
        token="web",
        client_address="127.0.0.1",
        user_agent="records/1 (test)",
        metadata={"user": "anna", "team": "voice", "tier": 1},
        upstream="127.0.0.1:39519",
        steps={
            "head": 0.004916,
            "authorise": 0.001076,
            "connect": 0.007956,
            "upstream": 0.001566,
            "answer": 0.0179,
        },
        first_message=0.0314,
        first_audio=0.06422,
        duration=0.0932,
        client=Direction(
            frames=5,
            messages=4,
            bytes=264,
            largest_message=149,
            close_code=1000,
            last_activity=0.0932,
        ),
        provider_side=Direction(
            frames=43, messages=42, bytes=47746, largest_message=6548, last_activity=0.0917
        ),
        usage=(Work("gpt-realtime", _USAGE, Decimal("0.265")),),
        cost=Decimal("0.265"),
        turns=[
            Turn(0.034152, first_audio=0.06422, ended=0.072752, cost=Decimal("0.206")),
            Turn(0.0738, ended=0.0916, interrupted=True, cost=Decimal("0.059")),
        ],
        outcome=Outcome.COMPLETED,
        ended_by="client",
        cause="closed",
    ),
    SessionRecord(
        id="01a2060b-aa23-73a3-8c0e-6b8a2f1f4d52",
        began_at=_began(475),
        gateway="acct/main",
        provider="xai",
        token="web",
        status=401,
        code=2041,
        outcome=Outcome.REFUSED,
        ended_by="relay",
        error="no credential for xai: none came with the request and none is stored",
    ),
    SessionRecord(
        id="01a2060b-ab87-77b6-9a41-0d3c5e7f9b24",
        began_at=_began(831),
        gateway="acct/main",
        provider="openai",
        model="gpt-realtime",
        token="web",
        steps={"head": 0.002, "authorise": 0.001, "unfinished": 10.0},
        status=504,
        code=2101,
        outcome=Outcome.REFUSED,
        ended_by="relay",
        error="the provider did not answer in time",
    ),
)
