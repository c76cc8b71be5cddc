"""What the page writes: its functions, called as they are in the browser."""

from __future__ import annotations

import json
from pathlib import Path

from tests.admin.fakes import Relay
from tests.e2e.page.support import listening, operator
from tests.support import real_clock

WRITTEN = {
    "seconds(null)": "\u2013",
    "seconds(0)": "0 s",
    "seconds(0.0000328)": "32.8 µs",
    "seconds(0.0932)": "93.2 ms",
    "seconds(0.9996)": "1 s",
    "seconds(4.2)": "4.2 s",
    "seconds(59.96)": "1 min 0 s",
    "seconds(3725)": "1 h 2 min",
    "age(59.9)": "59 s",
    "age(61)": "1 min 1 s",
    "bytes(0)": "0 B",
    "bytes(999)": "999 B",
    "bytes(1000)": "0.977 KiB",
    "bytes(1536)": "1.5 KiB",
    "bytes(47746)": "46.6 KiB",
    "bytes(1023 * 1024)": "0.999 MiB",
    "bytes(5 * 1024 ** 3)": "5 GiB",
    "bytes(5000 * 1024 ** 4)": "5000 TiB",
    "count(5000)": "5,000",
    "plural(1, 'turn')": "1 turn",
    "plural(2, 'turn')": "2 turns",
    "money(null)": "\u2013",
    "money('0')": "$0",
    "money('0.0003127')": "$0.0003127",
    "money('1234.5')": "$1,234.50",
    "money('1E-7')": "$0.0000001",
    "sum(['0.1', '0.2'])": "0.3",
    "sum(['9007199254740993', '1E-7', '2.50'])": "9007199254740995.5000001",
    "sum([])": "0",
    "words('input_audio_tokens')": "input audio tokens",
}


@real_clock
async def test_values_in_words(tmp_path: Path) -> None:
    async with listening(Relay()) as url, operator(url, tmp_path) as it:
        await it.visit()
        await it.see("document.querySelector('#token')")
        calls = ", ".join(f"format.{call}" for call in WRITTEN)
        written = await it.ask(f"import('/page/format.js').then((format) => [{calls}])")
        assert dict(zip(WRITTEN, written, strict=True)) == WRITTEN, json.dumps(written)
