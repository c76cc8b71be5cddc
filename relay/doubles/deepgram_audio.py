"""The audio that clients send to Deepgram's ``/v1/listen`` and ``/v2/listen``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from relay.doubles.opening import Request

__all__ = ["InputFormat", "timed_words"]

_WIDTHS = {"linear16": 2, "linear32": 4, "mulaw": 1, "alaw": 1}
_CONTAINERS = re.compile(
    rb"RIFF|OggS|fLaC|ID3|\xff[\xe0-\xff]|\x1a\x45\xdf\xa3|.{4}ftyp", re.DOTALL
)


@dataclass(frozen=True)
class InputFormat:
    """What the query says of the audio: its rate in Hz, bytes of a sample, number of channels.

    Other encodings than PCM, mu-law and A-law, and whatever is in a container, are measured as if
    they were PCM16: the double has no decoder.
    """

    rate: int
    width: int
    channels: int
    contained: bool
    """Whether the audio must come in a container, since the query names no encoding."""

    @classmethod
    def of(cls, request: Request) -> InputFormat:
        """The format that the query of ``request`` names; PCM16 at 16 kHz, mono, by default."""
        encoding = request.parameter("encoding")
        return cls(
            rate=_whole(request.parameter("sample_rate"), 16000, 384_000),
            width=_WIDTHS.get(encoding or "", 2),
            channels=_whole(request.parameter("channels"), 1, 20),
            contained=encoding is None,
        )

    def begins(self, audio: bytes) -> bool:
        """Whether ``audio``, the first of a stream, can be this format."""
        return not self.contained or _CONTAINERS.match(audio) is not None

    def seconds(self, size: int) -> float:
        """How long ``size`` bytes last."""
        return round(size / (self.rate * self.width * self.channels), 3)


def timed_words(transcript: str, start: float, seconds: float) -> list[dict[str, object]]:
    """The words of ``transcript``, spread evenly over the ``seconds`` from ``start``."""
    words = transcript.split()
    step = seconds / len(words)
    return [
        {
            "word": word,
            "start": round(start + step * index, 3),
            "end": round(start + step * (index + 1), 3),
            "confidence": 0.99,
        }
        for index, word in enumerate(words)
    ]


def _whole(digits: str | None, default: int, most: int) -> int:
    value = int(digits) if digits and re.fullmatch("[1-9][0-9]{0,5}", digits) else default
    return min(value, most)
