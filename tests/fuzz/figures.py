"""What libFuzzer says of a run, and the table of all runs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from rich import box
from rich.table import Table
from rich.text import Text

__all__ = ["Figures", "figures_table", "read_figures"]

_STATE = re.compile(r"^#\d+\s.* cov: (\d+) .* corp: (\d+)/", re.MULTILINE)
_EXECUTIONS = re.compile(r"^stat::number_of_executed_units:\s*(\d+)$", re.MULTILINE)
_DONE = re.compile(r"^Done \d+ runs in (\d+) second", re.MULTILINE)
_EXCEPTION = re.compile(r"=== Uncaught Python exception: ===\n(.*?)\n\n", re.DOTALL)
_SUMMARY = re.compile(r"^SUMMARY: libFuzzer: (.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Figures:
    """What a run has come to."""

    seconds: int
    """How long inputs were tried; 0 if that ended with a finding."""
    executions: int
    edges: int
    """Of the instrumented code, as far as they were reached."""
    corpus: int
    """Inputs that each reach something that the others do not."""
    findings: tuple[bytes, ...] = ()
    """Inputs that broke a law, took too long or too much memory."""
    why: str = ""
    """What broke: an exception, or libFuzzer's own words."""


def read_figures(log: str, findings: tuple[bytes, ...] = ()) -> Figures:
    """Read what libFuzzer has written; what it does not say is 0."""
    state = _STATE.findall(log)
    edges, corpus = map(int, state[-1]) if state else (0, 0)
    done = _DONE.search(log)
    executions = _EXECUTIONS.search(log)
    why = _EXCEPTION.search(log) or _SUMMARY.search(log)
    return Figures(
        seconds=int(done[1]) if done else 0,
        executions=int(executions[1]) if executions else 0,
        edges=edges,
        corpus=corpus,
        findings=findings,
        why=why[1] if findings and why else "",
    )


def figures_table(runs: Mapping[str, Figures]) -> Table:
    """One line per target."""
    table = Table(box=box.SIMPLE)
    table.add_column("target")
    for name in ("time", "executions", "executions/s", "edges", "corpus", "findings"):
        table.add_column(name, justify="right")
    for name, figures in runs.items():
        table.add_row(
            name,
            f"{figures.seconds} s",
            f"{figures.executions:,}",
            f"{figures.executions / figures.seconds:,.0f}" if figures.seconds else "",
            f"{figures.edges:,}",
            f"{figures.corpus:,}",
            Text(str(len(figures.findings) or "none"), style="red" if figures.findings else ""),
        )
    return table
