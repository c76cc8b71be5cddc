"""The table of the conversations, which changes while they go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from relay.client import Traffic
from relay.demo.conversations import Progress, State

__all__ = ["live_table", "report"]

_STYLES = {State.DONE: "green", State.FAILED: "red"}


@contextmanager
def live_table(console: Console, conversations: Sequence[Progress]) -> Iterator[Callable[[], None]]:
    """Show the report until the block ends.

    On a terminal it is drawn anew whenever the function that this gives is called; elsewhere it is
    printed once, at the end.
    """
    if not console.is_terminal:
        yield lambda: None
        console.print(report(conversations))
        return
    # Drawn by whoever reports a change, not by a thread of its own, which would disturb the times.
    with Live(report(conversations), console=console, auto_refresh=False) as live:
        yield lambda: live.update(report(conversations), refresh=True)


def report(conversations: Sequence[Progress]) -> Group:
    """The table as it is now, and below it why conversations failed."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.add_column("example")
    table.add_column("auth")
    for heading in (
        "opened\nafter",
        "output\nafter",
        "inbound\nmsg, size",
        "outbound\nmsg, size",
        "usage",
    ):
        table.add_column(heading, justify="right")
    table.add_column("close")
    failures = []
    for progress in conversations:
        table.add_row(
            progress.provider,
            progress.authentication,
            _milliseconds(progress.opened_after),
            _milliseconds(progress.output_after),
            _traffic(progress.sent),
            _traffic(progress.received),
            progress.usage,
            Text(_end(progress), style=_STYLES.get(progress.state, "dim")),
        )
        if progress.failure:
            failures.append(Text(f"{progress.provider} failed: {progress.failure}", style="red"))
    return Group(table, *failures)


def _end(progress: Progress) -> str:
    """The status code that came back; until then, or without one, how far it got."""
    return str(progress.close_code) if progress.state is State.DONE else progress.state.value


def _milliseconds(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds * 1000:.0f} ms" if seconds >= 0.01 else f"{seconds * 1000:.1f} ms"


def _traffic(traffic: Traffic) -> str:
    if not traffic.messages:
        return ""
    size = f"{traffic.bytes} B" if traffic.bytes < 10_000 else f"{traffic.bytes / 1024:.0f} KiB"
    return f"{traffic.messages}, {size}"
