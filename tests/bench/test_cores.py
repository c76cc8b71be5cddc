"""Which core a process gets."""

import os
import subprocess
import sys

from bench.cores import load_core, on_core, peer_core
from bench.machine import header

_ASK = "import os; print(os.sched_getaffinity(0))"


def test_what_is_started_in_the_block_has_that_core_alone() -> None:
    before = os.sched_getaffinity(0)
    with on_core(peer_core()):
        command = [sys.executable, "-c", _ASK]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said == f"{ {max(before)} }\n"
    assert os.sched_getaffinity(0) == before


def test_the_load_generator_and_the_peers_share_a_core_only_if_there_is_one() -> None:
    shared = len(os.sched_getaffinity(0)) == 1
    assert (load_core() == peer_core()) == shared
    with on_core(load_core()):
        assert load_core() == peer_core()
        assert "share core" in header(runs=1, seconds=1).cores
    assert ("share core" in header(runs=1, seconds=1).cores) == shared
