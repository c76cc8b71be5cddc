"""The columns of the table, and the line above it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from rich.text import Text

from relay.printable import printable
from relay.records.explanation import seconds
from relay.session_id import short_id
from relay.top.live import Live, Session

__all__ = ["COLUMNS", "Column", "counts", "size"]

_STYLES = {"opening": "yellow", "talking": "green", "silent": "", "closing": "magenta"}
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


class Column(NamedTuple):
    """One column."""

    heading: str
    text: Callable[[Session], str]
    sort: str = ""
    """What the admin API calls it; empty if the relay does not sort by it."""
    is_number: bool = False
    needs_two_looks: bool = False
    """Whether it says what happens between them."""

    def cell(self, session: Session) -> Text:
        """What stands there; what strangers wrote, without what a terminal would obey."""
        style = _STYLES.get(session.state, "") if self.sort == "state" else ""
        text = printable(self.text(session))
        return Text(text, style, justify="right" if self.is_number else "left")


def counts(live: Live) -> str:
    """How many sessions there are, and in which states."""
    states = ", ".join(f"{count:,} {printable(state)}" for state, count in live.states.items())
    return f"{live.total:,} live: {states}"


def size(count: float) -> str:
    """Bytes for people: three figures are enough."""
    unit = 0
    while count >= 999.5 and unit < len(_UNITS) - 1:
        count /= 1024
        unit += 1
    figures = f"{count:.0f}" if unit == 0 or count >= 99.95 else f"{count:.3g}"
    return f"{figures} {_UNITS[unit]}"


def _state(session: Session) -> str:
    if session.state == "talking" and session.talks is not None:
        return f"talking: {session.talks}"
    if session.state == "silent" and session.silent_for is not None:
        return f"silent {_age(session.silent_for)}"
    return session.state


def _age(value: float) -> str:
    """A time that goes on: it would flicker with parts of a second."""
    return seconds(value) if value >= 60 else f"{value:.0f} s"


def _latency(session: Session) -> str:
    if session.added_latency is None:
        return "-"
    return " / ".join(f"{value * 1000:.3g}" for value in session.added_latency)


COLUMNS = (
    Column("state", _state, "state"),
    Column("provider", lambda each: each.provider, "provider"),
    Column("model", lambda each: each.model or "-"),
    Column("gateway", lambda each: each.gateway, "gateway"),
    Column("token", lambda each: each.token or "-"),
    Column("client", lambda each: each.client_address or "-"),
    Column("age", lambda each: _age(each.age), "duration", is_number=True),
    Column("in", lambda each: size(each.bytes.inbound), "bytes_in", is_number=True),
    Column(
        "in/s",
        lambda each: "-" if each.rate is None else size(each.rate.inbound),
        is_number=True,
        needs_two_looks=True,
    ),
    Column("out", lambda each: size(each.bytes.outbound), "bytes_out", is_number=True),
    Column(
        "out/s",
        lambda each: "-" if each.rate is None else size(each.rate.outbound),
        is_number=True,
        needs_two_looks=True,
    ),
    Column("msg in", lambda each: f"{each.messages_in:,}", "messages_in", is_number=True),
    Column("msg out", lambda each: f"{each.messages_out:,}", "messages_out", is_number=True),
    Column("added ms p50/p99", _latency, "added_latency", is_number=True),
    Column("session", lambda each: short_id(each.id)),
)
