"""A run as SVG plots, for the documentation."""

import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from bench.results import (
    IDLE,
    LOOPBACK,
    NGINX,
    RELAY,
    RELAY_MESSAGES,
    Cell,
    Header,
    Measure,
    Report,
    Row,
    rounds,
)

__all__ = ["draw"]

_COLORS = {RELAY: "#2a78c8", RELAY_MESSAGES: "#9cc3ea", NGINX: "#3f8f5f"}
_OTHER = "#c4c8ce"
_INK = "#33383f"
_STYLE: dict[Any, Any] = {
    "font.size": 9,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": "#d5d8dc",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "xtick.color": _INK,
    "ytick.color": _INK,
    "figure.facecolor": "white",
    # Text stays text, and the same figures give the same file.
    "svg.fonttype": "none",
    "svg.hashsalt": "bench",
}

Axes = Any
_BAR_HEIGHT = 0.72


def draw(run: Report, folder: Path) -> list[Path]:
    """Write the plots for which the run has figures into a folder; return their files."""
    folder.mkdir(parents=True, exist_ok=True)
    plots: dict[str, Callable[[Report], Figure | None]] = {
        "cpu": _cpu,
        "latency": _latency,
        "memory": _memory,
    }
    written: list[Path] = []
    with mpl.rc_context(_STYLE):
        for name, plot in plots.items():
            figure = plot(run)
            if figure is None:
                continue
            path = folder / f"{name}.svg"
            figure.savefig(path, metadata={"Date": None})
            written.append(path)
    return written


def _cpu(run: Report) -> Figure | None:
    cells = [rounds(32, 256), rounds(8, 4096), rounds(4, 65536)]
    return _grid(run, cells, "cpu", "CPU time per round trip, µs (less is better)", _draw_bars)


def _latency(run: Report) -> Figure | None:
    cells = [rounds(1, 256), rounds(32, 256), rounds(8, 4096), rounds(4, 65536)]
    title = "Round trip in a closed loop, µs: p50 to p90 (thick) to p99 (thin)"
    return _grid(run, cells, "p50", title, _draw_percentiles)


def _memory(run: Report) -> Figure | None:
    title = "Memory per idle session, KiB (less is better)"
    return _grid(run, [IDLE], "memory", title, _draw_bars)


def _grid(
    run: Report,
    cells: Sequence[Cell],
    measure: Measure,
    title: str,
    draw_rows: Callable[[Axes, Sequence[Row], Measure], None],
) -> Figure | None:
    """A line of panels for each cell, without TLS on the left and with TLS on the right.

    The peers stand in the order of the measure, the lowest on top.
    """
    panels = {
        (cell, tls): sorted(
            (r for r in run.rows if (r.cell, r.tls) == (cell, tls) and _has(r, measure)),
            key=lambda row: row.values[measure].value,
            reverse=True,
        )
        for cell in cells
        for tls in (False, True)
    }
    lines = [cell for cell in cells if panels[cell, False] or panels[cell, True]]
    kinds = [tls for tls in (False, True) if any(panels[cell, tls] for cell in cells)]
    if not lines:
        return None
    heights = [max(len(panels[cell, tls]) for tls in kinds) * 0.2 + 0.75 for cell in lines]
    figure = Figure(figsize=(4.6 * len(kinds) + 0.4, sum(heights) + 0.9), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
    grid = figure.subplots(len(lines), len(kinds), squeeze=False, height_ratios=heights)
    for line, cell in enumerate(lines):
        for column, tls in enumerate(kinds):
            axes = grid[line][column]
            axes.set_title(f"{cell}, {'TLS on both legs' if tls else 'plain'}")
            axes.tick_params(which="both", length=0)
            draw_rows(axes, panels[cell, tls], measure)
    notes = textwrap.fill(_notes(run.header), width=85 * len(kinds))
    figure.supxlabel(notes, x=0.01, ha="left", fontsize=7)
    _settle(figure)
    return figure


def _settle(figure: Figure) -> None:
    """Lay it out once, to whole thousandths: the solver's last bits differ from run to run."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        left, bottom, width, height = (round(edge, 3) for edge in axes.get_position().bounds)
        axes.set_position((left, bottom, width, height))


def _has(row: Row, measure: Measure) -> bool:
    """Whether the row belongs into a plot of that measure: bare loopback has no CPU time."""
    return measure in row.values and (measure, row.peer) != ("cpu", LOOPBACK)


def _notes(header: Header) -> str:
    versions = (f"{name} {version}" for name, version in header.versions.items())
    return ", ".join((header.date[:10], header.interpreter, header.machine, *versions))


def _draw_bars(axes: Axes, rows: Sequence[Row], measure: Measure) -> None:
    values = [row.values[measure].value for row in rows]
    names = [row.peer for row in rows]
    colors = [_COLORS.get(name, _OTHER) for name in names]
    bars = axes.barh(names, values, color=colors, height=_BAR_HEIGHT)
    axes.bar_label(bars, [_number(value) for value in values], padding=3, fontsize=8)
    axes.margins(x=0.12)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)


def _draw_percentiles(axes: Axes, rows: Sequence[Row], measure: Measure) -> None:  # noqa: ARG001
    for place, row in enumerate(rows):
        color = _COLORS.get(row.peer, _OTHER)
        p50, p90, p99 = (row.values[name].value for name in ("p50", "p90", "p99"))
        axes.plot([p90, p99], [place, place], color=color, linewidth=1.5)
        axes.plot([p50, p90], [place, place], color=color, linewidth=5, solid_capstyle="butt")
        axes.plot([p50], [place], color=color, marker="|", markersize=9, markeredgewidth=2)
        label = f"{_number(p50)} / {_number(p90)} / {_number(p99)}"
        axes.annotate(
            label, (p99, place), (5, 0), textcoords="offset points", va="center", fontsize=7
        )
    axes.set_yticks(range(len(rows)), [row.peer for row in rows])
    axes.set_xscale("log")
    if rows:
        low, high = axes.get_xlim()
        axes.set_xlim(low, high * (high / low) ** 0.35)  # room for the labels
        axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.grid(axis="x", color="#eceef0")
    axes.set_axisbelow(True)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
