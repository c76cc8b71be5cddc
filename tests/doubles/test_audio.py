"""The tone of the doubles."""

from __future__ import annotations

import base64
import io
import itertools
import struct
import wave

import pytest

from relay.doubles.audio import (
    PIECE_SECONDS,
    pieces,
    seconds_of,
    speech,
    to_base64,
    to_float32,
    to_stereo,
    tone,
    wav_header,
)


def samples(pcm: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(pcm) // 2}h", pcm)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 24000, 44100, 48000])
def test_a_tone_has_its_frequency_and_its_length_at_every_rate(rate: int) -> None:
    heard = samples(tone(rate, 0.5, 440.0))
    assert len(heard) == rate // 2
    upwards = sum(before < 0 <= after for before, after in itertools.pairwise(heard))
    assert upwards == pytest.approx(220, abs=1)


def test_a_tone_is_audible_and_has_no_click_at_its_ends() -> None:
    heard = samples(tone(24000))
    assert max(heard) > 9000
    assert heard[0] == 0
    assert abs(heard[-1]) == 0
    largest_step = max(abs(a - b) for a, b in itertools.pairwise(heard))
    assert largest_step < max(heard) * 0.12  # that of the sine itself; a click would be larger


def test_a_tone_of_no_length_is_empty() -> None:
    assert tone(24000, 0.0) == b""
    assert speech(24000, []) == b""


def test_speech_lasts_a_tenth_of_a_second_for_each_word() -> None:
    assert seconds_of(len(speech(8000, ["one", "two", "three"])), 8000) == pytest.approx(0.3)


@pytest.mark.parametrize("rate", [8000, 22050])
def test_pieces_join_to_the_whole(rate: int) -> None:
    pcm = tone(rate, 0.25)
    parts = pieces(pcm, rate)
    assert b"".join(parts) == pcm
    assert [seconds_of(len(part), rate) for part in parts] == pytest.approx(
        [PIECE_SECONDS, PIECE_SECONDS, 0.05], abs=1e-4
    )


def test_floats_and_stereo_say_the_same() -> None:
    pcm = struct.pack("<3h", 0, 16384, -32768)
    assert struct.unpack("<3f", to_float32(pcm)) == (0.0, 0.5, -1.0)
    assert samples(to_stereo(pcm)) == (0, 0, 16384, 16384, -32768, -32768)


def test_a_wav_header_makes_a_file_of_a_tone() -> None:
    pcm = tone(22050)
    with wave.open(io.BytesIO(wav_header(22050, len(pcm)) + pcm)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (22050, 1, 2)
        assert file.readframes(file.getnframes()) == pcm
        assert file.getnframes() == len(pcm) // 2


def test_base64_is_text() -> None:
    assert base64.b64decode(to_base64(b"\x00\xff")) == b"\x00\xff"
