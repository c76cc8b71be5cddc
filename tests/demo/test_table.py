"""The table: what it shows at each point, on a terminal and elsewhere."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from relay.client import Traffic
from relay.demo.conversations import Progress, State
from relay.demo.table import live_table, report


def _shown(*conversations: Progress, width: int = 100) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width).print(report(conversations))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def _done() -> Progress:
    return Progress(
        provider="elevenlabs",
        authentication="entry",
        state=State.DONE,
        opened_after=0.1234,
        output_after=0.0567,
        sent=Traffic(2, 9999),
        received=Traffic(22, 27000),
        usage="14+13 tokens",
        close_code=1000,
    )


@pytest.mark.parametrize("width", [80, 100])
def test_a_conversation_is_one_line(width: int) -> None:
    *_, heading, rule, row = _shown(_done(), width=width)
    assert heading.split() == [
        *("example", "auth", "after", "after"),
        *("msg,", "size", "msg,", "size", "usage", "close"),
    ]
    assert set(rule) == {"─"}
    assert re.split(" {2,}", row) == [
        "elevenlabs",
        "entry",
        "123 ms",
        "57 ms",
        "2, 9999 B",
        "22, 26 KiB",
        "14+13 tokens",
        "1000",
    ]


@pytest.mark.parametrize("state", [State.WAITING, State.OPENING, State.OPEN])
def test_what_is_not_known_yet_is_empty(state: State) -> None:
    *_, row = _shown(Progress("openai", "header", state))
    assert row.split() == ["openai", "header", state.value]


def test_a_failure_has_a_line_of_its_own_below_the_table() -> None:
    failed = Progress(
        "openai", "header", State.FAILED, failure="[red] " + "why " * 50, close_code=1011
    )
    lines = _shown(failed, _done(), width=80)
    row = next(line for line in lines if line.startswith("openai"))
    assert row.split() == ["openai", "header", "failed"]
    below = lines[lines.index(next(line for line in lines if "1000" in line)) + 1 :]
    assert " ".join(below).split() == ["openai", "failed:", "[red]", *["why"] * 50]


def test_elsewhere_than_on_a_terminal_it_is_printed_once_at_the_end() -> None:
    out = io.StringIO()
    progress = Progress("openai")
    with live_table(Console(file=out, width=100), [progress]) as changed:
        progress.state = State.OPENING
        changed()
        assert out.getvalue() == ""
        progress.state = State.OPEN
    assert out.getvalue().count("openai") == 1
    assert "open" in out.getvalue().split()
    assert out.getvalue().endswith("\n")


def test_on_a_terminal_it_is_drawn_anew_at_every_change() -> None:
    out = io.StringIO()
    console = Console(file=out, width=100, force_terminal=True, legacy_windows=False)
    progress = Progress("openai")
    with live_table(console, [progress]) as changed:
        for state in (State.OPENING, State.OPEN):
            out.seek(0)
            out.truncate()
            progress.state = state
            changed()
            assert state.value in out.getvalue()


def test_it_is_drawn_even_if_the_block_raises() -> None:
    out = io.StringIO()
    with (
        pytest.raises(KeyboardInterrupt),
        live_table(Console(file=out, width=100), [Progress("openai")]),
    ):
        raise KeyboardInterrupt
