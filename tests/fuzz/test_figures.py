"""Reading what libFuzzer writes."""

from __future__ import annotations

import io

from rich.console import Console

from tests.fuzz.figures import Figures, figures_table, read_figures

_DONE = """\
INFO: seed corpus: files: 49 min: 6b max: 90b total: 1863b rss: 65Mb
#128	INITED cov: 91 ft: 240 corp: 38/1399b exec/s: 0 rss: 73Mb
#73741	REDUCE cov: 92 ft: 248 corp: 41/1799b lim: 300 exec/s: 6703 rss: 74Mb L: 57/96 MS: 1 Cross-
#73800	DONE   cov: 92 ft: 250 corp: 42/1811b lim: 300 exec/s: 6649 rss: 74Mb
Done 73800 runs in 8 second(s)
stat::number_of_executed_units: 73800
stat::average_exec_per_sec:     6649
"""
_BROKEN = """\
#128	INITED cov: 91 ft: 240 corp: 38/1399b exec/s: 0 rss: 73Mb

 === Uncaught Python exception: ===
AssertionError: <EMPTY MESSAGE>
Traceback (most recent call last):
  File "check.py", line 55, in check
    assert False

==11776== ERROR: libFuzzer: fuzz target exited
SUMMARY: libFuzzer: fuzz target exited
stat::number_of_executed_units: 2976
"""


def test_a_run_without_findings() -> None:
    assert read_figures(_DONE) == Figures(seconds=8, executions=73800, edges=92, corpus=42)


def test_a_finding_is_told_with_its_exception() -> None:
    figures = read_figures(_BROKEN, (b"\0input",))
    assert (figures.seconds, figures.executions, figures.edges) == (0, 2976, 91)
    assert figures.findings == (b"\0input",)
    assert figures.why.startswith("AssertionError")
    assert figures.why.endswith("assert False")


def test_a_finding_without_an_exception_is_told_in_libfuzzers_words() -> None:
    log = "ALARM: working on the last Unit for 10 seconds\nSUMMARY: libFuzzer: timeout\n"
    assert read_figures(log, (b"slow",)).why == "timeout"


def test_the_table_has_a_line_for_each_target() -> None:
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(figures_table({"pipe": Figures(10, 12345, 300, 40, (b"x",))}))
    (line,) = [each for each in console.export_text().splitlines() if "pipe" in each]
    assert line.split() == ["pipe", "10", "s", "12,345", "1,234", "300", "40", "1"]
