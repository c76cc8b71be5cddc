"""The audio that clients send to Deepgram."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest

from relay.doubles.audio import wav_header
from relay.doubles.deepgram_audio import InputFormat, timed_words
from relay.doubles.opening import Request


def of(query: str) -> InputFormat:
    parameters = parse_qsl(query, keep_blank_values=True)
    return InputFormat.of(Request("/", "/", parameters, headers=[], subprotocols=[]))


@pytest.mark.parametrize(
    ("query", "size"),
    [
        ("", 32000),
        ("encoding=linear16&sample_rate=8000", 16000),
        ("encoding=mulaw&sample_rate=8000", 8000),
        ("encoding=linear32&sample_rate=8000", 32000),
        ("encoding=linear16&sample_rate=8000&channels=2", 32000),
        ("encoding=linear16&sample_rate=0&channels=x", 32000),
        ("encoding=linear16&sample_rate=8000&channels=999999", 16000 * 20),
    ],
)
def test_a_second(query: str, size: int) -> None:
    assert of(query).seconds(size) == 1.0


@pytest.mark.parametrize(
    ("query", "audio", "can_be"),
    [
        ("", wav_header(16000, 100), True),
        ("", b"OggS\x00", True),
        ("", b"\x1a\x45\xdf\xa3", True),
        ("", b"\x00\x00\x00\x20ftypM4A ", True),
        ("", bytes(100), False),
        ("encoding=linear16", bytes(100), True),
    ],
)
def test_audio_without_an_encoding_must_be_in_a_container(
    query: str, audio: bytes, can_be: bool
) -> None:
    assert of(query).begins(audio) is can_be


def test_words_are_spread_evenly() -> None:
    words = timed_words("two words", 1.0, 0.5)
    assert [(word["word"], word["start"], word["end"]) for word in words] == [
        ("two", 1.0, 1.25),
        ("words", 1.25, 1.5),
    ]
