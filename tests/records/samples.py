"""Records for the tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from relay.protocol.usage import Usage
from relay.records.session_record import Direction, Outcome, SessionRecord, Turn, Work
from relay.session_id import new_session_id

__all__ = ["BEGAN", "a_record"]

BEGAN = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)

_RECORD = SessionRecord(
    id="",
    began_at=BEGAN,
    gateway="acct/main",
    provider="openai",
    endpoint="/v1/realtime",
    model="gpt-realtime",
    token="web",
    client_address="192.0.2.7",
    user_agent="test",
    metadata={"team": "voice", "beta": True, "n": 1, "share": 0.5},
    upstream="api.openai.com:443",
    steps={"head": 0.001, "connect": 0.02},
    first_message=0.1,
    first_audio=0.25,
    duration=12.5,
    client=Direction(frames=4, messages=3, bytes=1000, largest_message=512, close_code=1000),
    provider_side=Direction(frames=9, bytes=9000, told_code=1000, told_reason="bye"),
    added_latency=(0,) * 17,
    usage=(
        Work(
            "gpt-realtime",
            Usage(input_audio_tokens=3, output_audio_tokens=2**40),
            Decimal("0.000224"),
        ),
        Work(None, Usage(session_seconds=Decimal("1.25"))),
    ),
    turns=[
        Turn(0.2, 0.25, 1.0, model="gpt-realtime", usage=Usage(input_audio_seconds=Decimal("0.5"))),
        Turn(5.0, interrupted=True),
    ],
    outcome=Outcome.COMPLETED,
    ended_by="client",
    cause="peers",
)


def a_record(minutes: float = 0, **changes: Any) -> SessionRecord:
    """A record of a session that began so many minutes after noon."""
    own: dict[str, Any] = {"id": new_session_id(), "began_at": BEGAN + timedelta(minutes=minutes)}
    return replace(_RECORD, **(own | changes))
