"""The plots need matplotlib, of the extra `bench`, which `make test` does not install."""

import os
from importlib.util import find_spec

import pytest

_DRAWS = find_spec("matplotlib") is not None

# Where nothing may be skipped, its import fails there.
collect_ignore = [] if _DRAWS or os.environ.get("RELAY_SKIP_NOTHING") else ["test_plots.py"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says so, because a file that is left out is not among those skipped."""
    if not _DRAWS:
        terminalreporter.write_line("tests/bench/test_plots.py left out: it needs matplotlib")
