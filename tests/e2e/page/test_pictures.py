"""The pictures of docs/page.md: made where RELAY_PICTURES says so, and else only to see that they
can be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.e2e.page.scenes import busy, ended
from tests.e2e.page.support import listening, operator
from tests.support import real_clock

_FOLDER = Path(__file__).parents[3] / "docs/images"
_MOST = 200_000  # bytes

PICTURES = {  # by name: the view, what it shows, the colours, and the size in pixels
    "page-live": ("#/live", "tbody tr", "light", (1180, 760)),
    "page-session": (f"#/sessions/{ended().id}", ".timeline", "dark", (1180, 760)),
    "page-narrow": ("#/live", "tbody tr", "light", (360, 700)),
    "page-plots": ("#/hour", ".plot canvas", "light", (1180, 900)),
    "page-usage": ("#/totals", ".figures", "light", (1180, 640)),
}


@pytest.mark.parametrize("name", PICTURES)
@real_clock
async def test_a_picture(name: str, tmp_path: Path) -> None:
    view, shows, scheme, (width, height) = PICTURES[name]
    folder = _FOLDER if os.environ.get("RELAY_PICTURES") else tmp_path
    folder.mkdir(exist_ok=True)
    async with listening(busy()) as url, operator(url, tmp_path) as it:
        await it.do(lambda page: page.prefer(color_scheme=scheme))
        await it.do(lambda page: page.resize(width, height))
        await it.enter(view)
        await it.see(f"document.querySelector('{shows}')")
        if view == "#/live":  # how much a second is known from the second answer on
            await it.see("document.querySelector('tbody').textContent.includes('KiB/s')")
        picture = await it.do(lambda page: page.screenshot())
        assert len(picture) < _MOST
        (folder / f"{name}.png").write_bytes(picture)
