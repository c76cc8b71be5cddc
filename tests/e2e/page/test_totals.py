"""Cost and usage, in all and of each day, gateway and provider."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from relay.protocol.usage import Usage
from relay.records.totals import DayTotal
from tests.admin.fakes import History, Relay
from tests.e2e.page.support import listening, operator
from tests.support import real_clock

_DAYS = [
    DayTotal(
        day=date(2026, 11, day),
        gateway=gateway,
        provider=provider,
        sessions=1,
        seconds=60.0,
        cost=cost,
        unpriced=0,
        usage=Usage(input_audio_tokens=tokens),
    )
    for day, gateway, provider, cost, tokens in (
        (22, "shop/voice", "openai", Decimal(3), 1000),
        (22, "support/eu", "google", Decimal(1), 200),
        (23, "shop/voice", "google", Decimal(1), 30),
        (23, "support/eu", "deepgram", None, 0),
    )
]
_OPENED = "[...document.querySelectorAll('.used')].map((it) => it.innerText.trim())"


@pytest.mark.parametrize("width", [1280, 360])
@real_clock
async def test_what_each_day_gateway_and_provider_used(width: int, tmp_path: Path) -> None:
    """By keyboard, too: each is a button, and says whether it is open."""
    relay = Relay(history=History(days=_DAYS))
    async with listening(relay) as url, operator(url, tmp_path) as it:
        await it.do(lambda page: page.resize(width, 780))
        await it.enter("#/totals")
        await it.see("document.querySelectorAll('.opener').length === 7")
        for name, used in (
            ("2026-11-22", "input audio tokens\n1,200"),
            ("2026-11-23", "input audio tokens\n30"),
            ("shop/voice", "input audio tokens\n1,030"),
            ("support/eu", "input audio tokens\n200"),
            ("openai", "input audio tokens\n1,000"),
            ("google", "input audio tokens\n230"),
            ("deepgram", "Nothing that is metered."),
        ):
            one = (
                f"[...document.querySelectorAll('.opener')].find((it) => it.innerText === '{name}')"
            )
            await it.ask(f"{one}.focus()")
            await it.press("Enter")
            await it.see(f"{one}.ariaExpanded === 'true'")
            assert await it.ask(_OPENED) == [used]
            row = f"{one}.closest('tr').nextElementSibling.className"
            assert await it.ask(row) == "used", json.dumps(name)
            assert await it.ask("document.documentElement.scrollWidth") <= width
            await it.press("Enter")
            await it.see(f"{one}.ariaExpanded === 'false' && !document.querySelector('.used')")
        assert await it.do(lambda page: page.complaints) == []
