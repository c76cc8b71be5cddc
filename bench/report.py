"""A run as tables: the figures, how busy the load generator was, and the bars."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from bench.bars import judge
from bench.results import NGINX, Cell, Group, Header, Measure, Report, Row, Unit, Value, Verdict

__all__ = ["report", "show"]

BUSY = 0.9
"""The share of its core from which on the load generator may be what the peer waits for."""

_LOAD_NOTE = (
    "The load generator and the echo are one process; beside each figure of throughput stands how "
    "much of its core it used. Where that is {busy:.0%} or more (*), the peer waited for it: "
    "latency and throughput are then not the peer's limit. CPU time per round trip is that of the "
    "peer's own processes alone, but depends on the load too: a peer that waits finds fewer "
    "messages at each wake-up, and pays more for each."
)
_TITLES: dict[Group, str] = {
    "pacing": "Realtime pacing",
    "sessions": "Sessions",
    "opening": "Time to open, act by act",
    "watching": "Somebody looks",
}
_WORDS: dict[Measure, str] = {
    "cpu": "CPU",
    "late_p99": "sent late\np99",
    "memory": "memory each",
    "memory_growth": "memory\ngrowth each",
    "descriptor_growth": "descriptor\ngrowth",
    "more_cpu": "more\nCPU",
    "cpu_a_second": "CPU\na second",
}
_PERCENTILES: tuple[tuple[str, tuple[Measure, ...]], ...] = (
    ("latency\n", ("p50", "p90", "p99", "p999", "max")),
    ("added\n", ("added_p50", "added_p99")),
)


def report(header: Header, rows: Sequence[Row]) -> Report:
    """The whole run, with the bars judged."""
    return Report(header, tuple(rows), judge(rows))


def show(run: Report, console: Console) -> None:
    """Print the tables of a run."""
    header = run.header
    console.print(f"{header.date}, {header.interpreter}, {header.machine}")
    console.print(", ".join(f"{name} {version}" for name, version in header.versions.items()))
    runs = f"{header.runs} runs" if header.runs > 1 else "one run"
    console.print(f"Medians of {runs} of {header.seconds:g} s; the peers take turns.")
    console.print(f"Cores: {header.cores}.\n")
    for tls in (False, True):
        rounds = _of(run, "rounds", tls=tls)
        if rounds:
            console.print(_cpu_table(rounds, tls=tls))
            console.print(_latency_table(rounds, tls=tls))
            console.print(_throughput_table(rounds, tls=tls))
        for group, title in _TITLES.items():
            for rows in _alike(_of(run, group, tls=tls)):
                console.print(_plain_table(title, rows, tls=tls))
    _show_remarks(run.rows, console)
    console.print(_LOAD_NOTE.format(busy=BUSY) + "\n")
    console.print(_bars_table(run.verdicts))


def _of(run: Report, group: Group, *, tls: bool) -> list[Row]:
    return [row for row in run.rows if row.group == group and row.tls == tls and row.values]


def _title(text: str, *, tls: bool) -> str:
    return f"{text}, {'TLS on both legs' if tls else 'plain'}"


def _table(title: str, *headings: str) -> Table:
    """A table whose rows, and further columns, are still to be added."""
    return Table(*headings, title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)


def _by_cell(title: str, rows: Sequence[Row]) -> Table:
    """A table with a column for each cell; its rows are still to be added."""
    table = _table(title, "peer")
    for cell in _cells(rows):
        table.add_column(cell, justify="right")
    return table


def _cells(rows: Sequence[Row]) -> list[Cell]:
    return list(dict.fromkeys(row.cell for row in rows))


def _peers(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(row.peer for row in rows))


def _cpu_table(rows: Sequence[Row], *, tls: bool) -> Table:
    table = _by_cell(_title("CPU time per round trip, µs (against nginx)", tls=tls), rows)
    found = {(row.peer, row.cell): row.values["cpu"].value for row in rows if "cpu" in row.values}
    for peer in _peers(rows):
        cells: list[str] = []
        for cell in _cells(rows):
            ours, theirs = found.get((peer, cell)), found.get((NGINX, cell))
            ratio = f" ({ours / theirs:.2f})" if ours and theirs else ""
            cells.append(f"{ours:.1f}{ratio}" if ours else "")
        table.add_row(peer, *cells)
    return table


def _latency_table(rows: Sequence[Row], *, tls: bool) -> Table:
    table = _by_cell(_title("Latency of a round trip, p50/p90/p99, µs", tls=tls), rows)
    measures: tuple[Measure, ...] = ("p50", "p90", "p99")
    found = {
        (row.peer, row.cell): _together(row, measures) + ("*" if _is_busy(row) else "")
        for row in rows
    }
    for peer in _peers(rows):
        table.add_row(peer, *(found.get((peer, cell), "") for cell in _cells(rows)))
    return table


def _together(row: Row, measures: Sequence[Measure]) -> str:
    """Percentiles beside each other, with a dash for one that is not there."""
    found = [row.values.get(measure) for measure in measures]
    if not any(found):
        return ""
    return "/".join("-" if value is None else _short(value.value) for value in found)


def _short(value: float) -> str:
    """In a few characters: several stand in one cell."""
    if value >= 10_000:
        return f"{value / 1000:.0f}k"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.3f}"


def _throughput_table(rows: Sequence[Row], *, tls: bool) -> Table:
    title = _title("Round trips a second (the load generator's CPU)", tls=tls)
    table = _by_cell(title, rows)
    found = {(row.peer, row.cell): row for row in rows if "throughput" in row.values}
    for peer in _peers(rows):
        cells: list[str] = []
        for cell in _cells(rows):
            row = found.get((peer, cell))
            cells.append(f"{row.values['throughput'].value:,.0f} ({_share(row)})" if row else "")
        table.add_row(peer, *cells)
    return table


def _alike(rows: Sequence[Row]) -> list[list[Row]]:
    """The rows, those together in whose cells the same things were measured."""
    measures: dict[Cell, set[Measure]] = {}
    for row in rows:
        measures.setdefault(row.cell, set()).update(row.values)
    groups: dict[frozenset[Measure], list[Row]] = {}
    for row in rows:
        groups.setdefault(frozenset(measures[row.cell]), []).append(row)
    return list(groups.values())


def _plain_table(title: str, rows: Sequence[Row], *, tls: bool) -> Table:
    """One line for each cell and peer, one column for each thing measured, percentiles together."""
    columns = _columns(rows)
    cells = _cells(rows)
    if len(cells) == 1:
        table = _table(_title(f"{title}: {cells[0]}", tls=tls), "peer")
    else:
        table = _table(_title(title, tls=tls), "cell", "peer")
    for heading, _ in columns:
        table.add_column(heading, justify="right")
    loaded = any(row.load_cpu is not None for row in rows)
    if loaded:
        table.add_column("load's\nCPU", justify="right")
    for cell in cells:
        for row in rows:
            if row.cell == cell:
                names = (cell, row.peer) if len(cells) > 1 else (row.peer,)
                values = [
                    _text(row.values.get(measures[0]))
                    if len(measures) == 1
                    else _together(row, measures)
                    for _, measures in columns
                ]
                table.add_row(*names, *values, *([_share(row)] if loaded else []))
    return table


def _columns(rows: Sequence[Row]) -> list[tuple[str, tuple[Measure, ...]]]:
    """The columns' headings, and what stands in each."""
    units = {measure: value.unit for row in rows for measure, value in row.values.items()}
    columns: list[tuple[str, tuple[Measure, ...]]] = []
    for name, percentiles in _PERCENTILES:
        found = tuple(measure for measure in percentiles if measure in units)
        if found:
            which = "/".join(measure.removeprefix("added_") for measure in found)
            columns.append((f"{name}{which}, {_sign(units[found[0]])}", found))
    taken = {measure for _, measures in columns for measure in measures}
    singles = [(_WORDS.get(each, each), (each,)) for each in units if each not in taken]
    return singles + columns


def _is_busy(row: Row) -> bool:
    return row.load_cpu is not None and row.load_cpu >= BUSY


def _share(row: Row) -> str:
    if row.load_cpu is None:
        return ""
    return f"{row.load_cpu:.0%}{'*' if _is_busy(row) else ''}"


def _text(value: Value | None) -> str:
    return "" if value is None else _figure(value.value, value.unit)


def _figure(value: float, unit: Unit) -> str:
    if unit in {"sessions", "messages", "descriptors"}:
        return f"{value:,.0f}"
    if unit == "ratio":
        return f"{value:.2f}"
    digits = 0 if abs(value) >= 100 else 3 if 0 < abs(value) < 0.1 else 1
    return f"{value:,.{digits}f} {_sign(unit)}"


def _sign(unit: Unit) -> str:
    return unit.replace("us", "µs")


def _show_remarks(rows: Sequence[Row], console: Console) -> None:
    """Why peers are without figures, each reason once, and what the others' rows note."""
    reasons: dict[tuple[str, str], set[bool]] = {}
    for row in rows:
        if row.missing:
            reasons.setdefault((row.peer, row.missing), set()).add(row.tls)
    for (peer, reason), kinds in reasons.items():
        only = "" if len(kinds) > 1 else " with TLS" if True in kinds else " plain"
        console.print(f"{peer}{only}: {reason}", markup=False)
    for row in rows:
        if row.note:
            where = _title(f"{row.cell}, {row.peer}", tls=row.tls)
            console.print(f"{where}: {row.note}", markup=False)


def _bars_table(verdicts: Sequence[Verdict]) -> Table:
    table = _table("Bars", "bar", "legs")
    table.add_column("limit", justify="right")
    table.add_column("found", justify="right")
    table.add_column("")
    for verdict in verdicts:
        table.add_row(
            verdict.bar,
            "TLS" if verdict.tls else "plain",
            _limit(verdict),
            "" if verdict.found is None else _figure(verdict.found, verdict.unit),
            _judgement(verdict),
        )
    return table


def _limit(verdict: Verdict) -> str:
    if verdict.at_least is not None:
        return f">= {_figure(verdict.at_least, verdict.unit)}"
    return f"<= {_figure(verdict.at_most or 0, verdict.unit)}"


def _judgement(verdict: Verdict) -> str:
    if verdict.met is None:
        return "[dim]not measured[/dim]"
    return "[green]met[/green]" if verdict.met else "[red]missed[/red]"
