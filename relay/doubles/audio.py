"""Audio that the doubles say: a tone of linear PCM, 16 bits, little-endian, one channel."""

from __future__ import annotations

import base64
import functools
import math
import struct
from collections.abc import Sequence

__all__ = [
    "PIECE_SECONDS",
    "pieces",
    "seconds_of",
    "speech",
    "to_base64",
    "to_float32",
    "to_stereo",
    "tone",
    "wav_header",
]

PIECE_SECONDS = 0.1
"""Length of one of ``pieces``, and of one word of ``speech``."""

_FADE_SECONDS = 0.01  # long enough that neither end clicks
_AMPLITUDE = 0.3 * 32767


@functools.lru_cache(maxsize=32)
def tone(sample_rate: int, seconds: float = 0.6, frequency: float = 440.0) -> bytes:
    """A sine of ``frequency`` Hz at ``sample_rate`` Hz, faded in and out, as PCM16."""
    count = round(sample_rate * seconds)
    fade = max(1, round(sample_rate * _FADE_SECONDS))
    step = 2 * math.pi * frequency / sample_rate
    samples = (
        round(
            _AMPLITUDE * min(1, index / fade, (count - 1 - index) / fade) * math.sin(step * index)
        )
        for index in range(count)
    )
    return struct.pack(f"<{count}h", *samples)


def speech(sample_rate: int, words: Sequence[str]) -> bytes:
    """A tone of ``PIECE_SECONDS`` for each of ``words``, as PCM16; nothing for no words."""
    return tone(sample_rate, len(words) * PIECE_SECONDS)


def pieces(pcm: bytes, sample_rate: int) -> list[bytes]:
    """PCM16 in pieces of a tenth of a second, the last one possibly shorter."""
    size = 2 * round(sample_rate * PIECE_SECONDS)
    return [pcm[start : start + size] for start in range(0, len(pcm), size)]


def seconds_of(pcm_size: int, sample_rate: int) -> float:
    """How long ``pcm_size`` bytes of PCM16 last at ``sample_rate`` Hz."""
    return pcm_size / (2 * sample_rate)


def to_float32(pcm: bytes) -> bytes:
    """PCM16 as 32-bit little-endian floats from -1 to 1."""
    samples = struct.unpack(f"<{len(pcm) // 2}h", pcm)
    return struct.pack(f"<{len(samples)}f", *(sample / 32768 for sample in samples))


def to_stereo(pcm: bytes) -> bytes:
    """PCM16 of one channel, on two interleaved channels."""
    return b"".join(pcm[start : start + 2] * 2 for start in range(0, len(pcm), 2))


def wav_header(sample_rate: int, size: int) -> bytes:
    """What stands before ``size`` bytes of PCM16 at ``sample_rate`` Hz in a WAV file."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, sample_rate, 2 * sample_rate, 2, 16)
    data = struct.pack("<4sI", b"data", size)
    return struct.pack("<4sI4s", b"RIFF", 4 + len(form) + len(data) + size, b"WAVE") + form + data


def to_base64(data: bytes) -> str:
    """``data`` as the base64 text that JSON messages carry."""
    return base64.b64encode(data).decode("ascii")
