"""Whoever wants to know of a failed session what happened, and who caused it, from the page alone.

Each fault of docs/faults.md is had by a session of a real relay. Its row is found on the page, it
is opened, and the sentence is read; what that has to be stands there, in the tables.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
import trio

from tests.e2e.fault_sentences import ROWS, WHILE_IT_LASTS, Row, stage
from tests.e2e.page.support import Operator, operator
from tests.e2e.records.expectation import without_times
from tests.support import real_clock

Said = Mapping[str, str]
"""By where it stands on the page."""

_LINK = "[...document.querySelectorAll('a.row')].find((link) => link.innerText.includes({model}))"
_SENTENCE = "document.querySelector('.session .sentence').innerText"
_MOMENT = "document.querySelector('.timeline .ending span').innerText"


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Said]:
    """What the page says of each row's session, by its model."""
    folder = tmp_path_factory.mktemp("faults")

    async def main() -> Mapping[str, Said]:
        with pytest.MonkeyPatch.context() as patch, trio.fail_after(180):
            async with stage(folder, patch) as it:
                async with trio.open_nursery() as nursery:
                    for row in ROWS:
                        nursery.start_soon(it.play, row)
                (admin,) = it.server.admin_addresses
                async with operator(admin, folder) as reader:
                    await reader.enter("#/ended")
                    return {row.model: await _read(reader, row) for row in ROWS}

    return trio.run(main)


async def _read(reader: Operator, row: Row) -> Said:
    """Find the row's session among those that have ended, and open it."""
    listed = await _open(reader, row)
    its = {"session": await reader.ask(_SENTENCE), "timeline": await reader.ask(_MOMENT)}
    await reader.press("Escape")
    return {"list": listed} | its


async def _open(reader: Operator, row: Row) -> str:
    """Find the row's session in the list, and open it; what the list says of it."""
    link = _LINK.format(model=json.dumps(row.model))
    await reader.see(link)
    listed: str = await reader.ask(f"{link}.closest('tr').innerText")
    await reader.ask(f"{link}.click()")
    await reader.see(_SENTENCE)
    return listed


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_the_page_says_what_happened_and_who_caused_it(row: Row, said: Mapping[str, Said]) -> None:
    its = {where: without_times(sentence) for where, sentence in said[row.model].items()}
    sentence = its["timeline"]
    assert sentence in row.sentences
    expected = sentence[0].upper() + sentence[1:]
    assert its["session"] == f"{expected}."
    assert expected in its["list"]


@real_clock
async def test_the_page_says_of_a_live_session_who_is_waited_for(tmp_path: Path) -> None:
    """Of those that wait for longer than it takes somebody to look."""
    long = [row for row in WHILE_IT_LASTS if row.behaviour in {"", "gives up"}]
    assert len(long) == 6
    with pytest.MonkeyPatch.context() as patch, trio.fail_after(120):
        async with stage(tmp_path, patch) as it:
            (admin,) = it.server.admin_addresses
            async with operator(admin, tmp_path) as reader:
                await reader.enter("#/live")
                for row in long:
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(it.play, row)
                        await _open(reader, row)
                        await reader.see(f"{_pattern(row)}.test({_SENTENCE})")
                        await reader.press("Escape")
                        nursery.cancel_scope.cancel()


def _pattern(row: Row) -> str:
    """A regular expression of JavaScript for the row's sentence, which has nothing to escape."""
    pattern = re.sub(r"\bT\b", "[0-9.]+ m?s", re.sub(r"\bN\b", "[0-9,]+", row.sentence))
    return f"new RegExp({json.dumps(pattern)})"
