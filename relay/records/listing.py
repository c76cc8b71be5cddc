"""Records for people and for other programs: tables, one with its timeline, CSV, JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from relay.printable import printable
from relay.records.explanation import explain, seconds, timeline
from relay.records.session_record import SessionRecord, Turn, to_json
from relay.session_id import short_id

__all__ = ["CSV_HEADER", "as_csv", "as_json", "details", "sheet", "table"]

_COLUMNS = ("session", "began", "gateway", "provider", "model", "token", "lasted", "cost", "ended")
_CSV = (
    *("id", "began_at", "gateway", "provider", "endpoint", "model", "token", "client_address"),
    *("outcome", "status", "code", "ended_by", "cause", "error", "duration", "first_message"),
    *("first_audio", "cost", "usage", "metadata"),
    *("client.messages", "client.bytes", "client.close_code", "client.close_reason"),
    *("provider_side.messages", "provider_side.bytes", "provider_side.close_code"),
    "provider_side.close_reason",
)
CSV_HEADER = ",".join(_CSV)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how spreadsheets know one (OWASP, "CSV Injection")


def table(records: Iterable[SessionRecord]) -> Table:
    """One line for each."""
    shown = Table(box=None, pad_edge=False)
    for name in _COLUMNS:
        shown.add_column(name, no_wrap=name in {"session", "began"}, overflow="fold")
    for record in records:
        shown.add_row(
            short_id(record.id),
            f"{record.began_at:%Y-%m-%d %H:%M:%S}",
            record.gateway,
            record.provider,
            _text(record.model or "-"),
            record.token or "-",
            seconds(record.duration),
            _cost(record.cost),
            _text(explain(record)),
        )
    return shown


def details(record: SessionRecord) -> RenderableType:
    """All of one that has ended."""
    return sheet(record, explain(record), timeline(record))


def sheet(
    record: SessionRecord, sentence: str, moments: Iterable[tuple[float, str]]
) -> RenderableType:
    """All of one.

    Args:
        record: What is known of it.
        sentence: How it is with it.
        moments: Its timeline.
    """
    facts = Table.grid(padding=(0, 2))
    for name, value in (
        ("session", record.id),
        ("began", f"{record.began_at:%Y-%m-%d %H:%M:%S.%f} UTC"),
        ("gateway", record.gateway),
        ("provider", f"{record.provider} {record.endpoint}".rstrip()),
        ("model", record.model or "not known"),
        ("token", record.token or "none"),
        ("client", f"{record.client_address}, {record.user_agent or 'no user agent'}"),
        ("metadata", json.dumps(dict(record.metadata)) if record.metadata else "none"),
        ("inbound", _direction(record, "client")),
        ("outbound", _direction(record, "provider_side")),
        ("usage", _usage(record)),
        ("cost", _cost(record.cost)),
    ):
        facts.add_row(Text(name, "dim"), _text(value))
    shown = Table.grid(padding=(0, 2))
    for moment, what in moments:
        shown.add_row(f"{moment:10.4f} s", _text(what))
    return Group(_text(sentence), "", facts, "", shown, *_turns(record))


def as_csv(record: SessionRecord) -> str:
    """One line, without its end; see ``CSV_HEADER``."""
    shown = to_json(record)
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow([_cell(_at(shown, name)) for name in _CSV])
    return line.getvalue()


def as_json(record: SessionRecord) -> str:
    """One line, without its end."""
    return json.dumps(to_json(record), separators=(",", ":"))


def _at(shown: Mapping[str, Any], name: str) -> Any:
    table, _, member = name.partition(".")
    return shown[table][member] if member else shown[table]


def _cell(value: Any) -> str:
    """A value that no spreadsheet takes for a formula: clients choose some of them."""
    if value is None:
        return ""
    if isinstance(value, list | dict):
        return json.dumps(value, separators=(",", ":"))
    text = str(value)
    if isinstance(value, str) and text.startswith(_FORMULA):
        return f"'{text}"
    return text


def _direction(record: SessionRecord, name: str) -> str:
    side = getattr(record, name)
    held = f", held up for {seconds(side.waited)}" if side.waited else ""
    return (
        f"{side.messages} messages, {side.frames} frames, {side.bytes} bytes, "
        f"the largest message {side.largest_message} bytes{held}"
    )


def _usage(record: SessionRecord) -> str:
    if record.usage is None:
        return f"not known: {record.usage_missing}" if record.usage_missing else "-"
    more = f"; more was {record.usage_missing}" if record.usage_missing else ""
    return more.removeprefix("; ") if not record.usage else _works(record) + more


def _works(record: SessionRecord) -> str:
    return "; ".join(
        f"{work.model or 'no model named'}: "
        + ", ".join(f"{count} {unit}" for unit, count in to_json(work.usage).items())
        for work in record.usage or ()
    )


def _turns(record: SessionRecord) -> list[RenderableType]:
    if not record.turns:
        return []
    shown = Table("turn", "began", "first audio after", "lasted", "cost", box=None, pad_edge=False)
    for number, turn in enumerate(record.turns, 1):
        shown.add_row(
            str(number),
            seconds(turn.began),
            _after(turn, turn.first_audio),
            _after(turn, turn.ended) + (", interrupted" if turn.interrupted else ""),
            _cost(turn.cost),
        )
    return ["", shown]


def _after(turn: Turn, moment: float | None) -> str:
    return "-" if moment is None else seconds(moment - turn.began)


def _cost(cost: Decimal | None) -> str:
    return "-" if cost is None else f"${cost:f}"


def _text(value: str) -> Text:
    """What strangers wrote, without what a terminal would obey."""
    return Text(printable(value))
