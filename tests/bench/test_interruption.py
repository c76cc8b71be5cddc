"""A signal that ends the benchmark ends its peers too."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.interruption import uninterrupted
from bench.processes import family
from tests.bench.compiler import needs_load_generator

_ROOT = Path(__file__).parents[2]


@contextmanager
def _measuring() -> Iterator[subprocess.Popen[str]]:
    """A benchmark in the middle of a run that is too long for any test."""
    command = [sys.executable, "-m", "bench", "--only", "rounds", "--seconds", "600"]
    with subprocess.Popen(
        [*command, "--peers", "wsproto-pair,relay"], stderr=subprocess.PIPE, text=True, cwd=_ROOT
    ) as process:
        try:
            assert process.stderr is not None
            assert process.stderr.readline() == "rounds, plain, 1 x 256 B\n"
            yield process
        finally:
            process.terminate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_all_peers(number: signal.Signals) -> None:
    needs_load_generator()
    with _measuring() as process:
        started = family(process)
        process.send_signal(number)
        process.send_signal(number)  # does not interrupt the ending
        _, said = process.communicate()
    assert process.returncode == 128 + number
    assert said == "bench: interrupted, ending what runs\n"
    assert len(started) == 4  # itself, the load generator, two peers
    assert [pid for pid in started if Path(f"/proc/{pid}").exists()] == []


def test_a_signal_waits_until_a_process_that_starts_is_noted() -> None:
    noted = False
    with pytest.raises(KeyboardInterrupt), uninterrupted():  # noqa: PT012 - it is raised at the end
        os.kill(os.getpid(), signal.SIGINT)
        noted = True
    assert noted
