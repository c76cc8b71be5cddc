"""The plots of the last hour, as they are drawn."""

from __future__ import annotations

from pathlib import Path

import pytest

from relay.last_hour import STEP, LastHour, Step
from tests.admin.fakes import Relay
from tests.e2e.page.support import listening, operator
from tests.support import real_clock

_DRAWN = """
[...document.querySelectorAll(".plot canvas")].map((canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let last = 0;
  for (let at = 0; at < data.length; at += 4) {
    const [r, g, b, opacity] = data.slice(at, at + 4);
    const hasColour = opacity > 127 && Math.max(r, g, b) - Math.min(r, g, b) > 40;
    if (hasColour) last = Math.max(last, (at / 4) % canvas.width);
  }
  return canvas.width - last;
})
"""
"""Of each plot how far from its right edge the colours end, in pixels; grids and words are grey."""


@pytest.mark.parametrize("steps", [1, 2])
@real_clock
async def test_what_a_relay_did_in_its_first_seconds_is_drawn(steps: int, tmp_path: Path) -> None:
    """Of one minute there is one bar, and of ten seconds one point."""
    relay = Relay()
    relay.last_hour = LastHour(relay)
    minute = 1_790_000_000 // 60 * 60
    for number in range(steps):
        seen = Step(
            minute + 10 + STEP * number, 3, 4, 0, 500, 900, {}, (0.3, 0.5), (1e-5, 2e-5, 3e-5)
        )
        relay.last_hour.steps.append(seen)
    async with listening(relay) as url, operator(url, tmp_path) as it:
        await it.enter("#/hour")
        await it.see("document.querySelectorAll('.plot canvas').length === 5")
        await it.see(f"{_DRAWN.strip()}.every((edge) => edge < 40)")
