"""Tests of relay.protocol.usage."""

from __future__ import annotations

from decimal import Decimal

from relay.protocol.usage import UNITS, Usage


def test_counts_add_up_unit_by_unit_and_exactly() -> None:
    first = Usage(input_text_tokens=2, session_seconds=Decimal("0.1"))
    second = Usage(input_text_tokens=3, session_seconds=Decimal("0.2"), thoughts_tokens=1)
    assert first + second == Usage(
        input_text_tokens=5, session_seconds=Decimal("0.3"), thoughts_tokens=1
    )


def test_only_what_is_there_is_counted() -> None:
    assert not Usage()
    assert Usage(input_characters=1)
    assert Usage(input_characters=4, output_audio_seconds=Decimal(2)).counted() == {
        "input_characters": 4,
        "output_audio_seconds": Decimal(2),
    }
    assert len(UNITS) == 14
