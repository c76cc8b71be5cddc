"""Tests of relay.protocol.meters.audio."""

from __future__ import annotations

import pytest

from relay.protocol.meters.audio import audio_seconds, whole


@pytest.mark.parametrize(
    ("size", "encoding", "rate", "channels", "lasted"),
    [
        (32000, "linear16", 16000, 1, "1"),
        (32000, "pcm_s16le", 8000, 2, "1"),
        (8000, "mulaw", 8000, 1, "1"),
        (64000, "pcm_f32le", 16000, 1, "1"),
        (100, "pcm", 24000, 1, "0.002"),
        (320000, "pcm", 16000, 1, "10"),
    ],
)
def test_bytes_last_as_long_as_their_format_says(
    size: int, encoding: str, rate: int, channels: int, lasted: str
) -> None:
    assert str(audio_seconds(size, encoding, rate, channels)) == lasted


def test_nothing_is_known_of_other_encodings_and_without_a_rate() -> None:
    assert audio_seconds(1, "opus", 48000) is None
    assert audio_seconds(1, "pcm", None) is None
    assert audio_seconds(0, "", None) == 0


def test_numbers_of_a_query_are_whole() -> None:
    assert whole("16000") == 16000
    assert [whole(each) for each in (None, "", "0", "-1", "1e3", "12345678")] == [None] * 6
