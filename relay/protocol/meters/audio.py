"""How long audio lasts, from its bytes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

__all__ = ["WIDTHS", "audio_seconds", "whole"]

WIDTHS: Mapping[str, int] = {
    **dict.fromkeys(("mulaw", "ulaw", "alaw", "pcm_mulaw", "pcm_ulaw", "pcm_alaw"), 1),
    **dict.fromkeys(("pcm", "linear16", "pcm_s16le", "pcm_f16le"), 2),
    **dict.fromkeys(("linear32", "pcm_s32le", "pcm_f32le"), 4),
}
"""Bytes of a sample, by the names that providers have for encodings."""


def audio_seconds(size: int, encoding: str, rate: int | None, channels: int = 1) -> Decimal | None:
    """How long ``size`` bytes last, to the millisecond.

    Returns:
        None if there are any and the encoding is not one of :data:`WIDTHS`, or the rate is not
        known.
    """
    if not size:
        return Decimal(0)
    width = WIDTHS.get(encoding)
    if not width or not rate:
        return None
    return round(Decimal(size) / (width * rate * channels), 3).normalize() + 0


def whole(digits: str | None) -> int | None:
    """A number of a query; None if it is none."""
    return int(digits) if digits and re.fullmatch("[1-9][0-9]{0,6}", digits) else None
