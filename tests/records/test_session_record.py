"""Tests of relay.records.session_record."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

from relay.protocol.usage import Usage
from relay.records.session_record import Outcome, SessionRecord, Turn, Work, from_json, to_json


def test_a_record_is_json_without_loss_of_a_digit() -> None:
    record = SessionRecord(
        id="019a",
        began_at=datetime(2026, 11, 22, 1, 2, 3, 450_000, UTC),
        gateway="acct/main",
        provider="openai",
        metadata={"team": "voice", "beta": True},
        steps={"tls": 0.001},
        usage=(
            Work(
                "gpt-realtime",
                Usage(input_audio_tokens=3, session_seconds=Decimal("0.10")),
                Decimal("0.000096"),
            ),
        ),
        cost=Decimal("0.000096"),
        turns=[Turn(0.5, first_audio=0.75)],
        outcome=Outcome.BROKEN,
        added_latency=(1, 2),
    )
    record.client.close_code = 1005
    shown = json.loads(json.dumps(to_json(record)))
    assert shown["began_at"] == "2026-11-22T01:02:03.450Z"
    assert shown["metadata"] == {"team": "voice", "beta": True}
    assert shown["usage"] == [
        {
            "model": "gpt-realtime",
            "usage": {"input_audio_tokens": 3, "session_seconds": "0.10"},
            "cost": "0.000096",
        }
    ]
    assert shown["client"]["close_code"] == 1005
    assert shown["turns"][0]["first_audio"] == 0.75
    assert shown["turns"][0]["usage"] is None
    assert shown["outcome"] == "broken"
    assert from_json(shown) == record
    assert shown["added_latency"] == [1, 2]


def test_a_small_sum_is_written_out() -> None:
    assert to_json(Decimal("1E-7")) == "0.0000001"
