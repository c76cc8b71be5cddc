"""Processes of a peer: started, accounted for with their children, and ended."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.cores import peer_core
from bench.processes import (
    BenchError,
    cpu_seconds,
    descriptors,
    end,
    family,
    free_port,
    memory,
    running,
)

_LISTEN = """
import socket, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print(child.pid, flush=True)
while True:
    listener.accept()[0].close()
"""


def test_a_process_is_ready_when_its_port_answers_and_ends_with_its_children(
    tmp_path: Path,
) -> None:
    port = free_port()
    command = [sys.executable, "-c", _LISTEN, str(port)]
    with running(command, port=port, folder=tmp_path) as process:
        child = int((tmp_path / "output.txt").read_text())
        assert family(process) == [process.pid, child]
        assert cpu_seconds(process) > 0
        assert memory(process) > 1 << 20
        assert descriptors(process) >= 6
        assert os.sched_getaffinity(child) == {peer_core()}
    assert process.returncode is not None
    assert not _lives(child)


_WORK_IN_A_THREAD = """
import sys, threading, time

def work():
    while time.thread_time() < 0.1:
        pass

thread = threading.Thread(target=work)
thread.start()
thread.join()
print(flush=True)
sys.stdin.read()
"""


def test_threads_that_have_ended_count() -> None:
    """Trio ends those that it has not needed for ten seconds."""
    process = subprocess.Popen(
        [sys.executable, "-c", _WORK_IN_A_THREAD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    used = cpu_seconds(process)
    process.communicate()
    assert used >= 0.1


def _lives(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


def test_a_process_that_ends_at_once_is_an_error_with_its_last_words(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('no such option')"]
    with (
        pytest.raises(BenchError, match="ended with 1 before it listened: no such option"),
        running(command, port=free_port(), folder=tmp_path),
    ):
        pass


def test_a_process_that_never_listens_is_an_error_and_is_ended(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-c",
        "import os, time; print(os.getpid(), flush=True); time.sleep(600)",
    ]
    with (
        pytest.raises(BenchError, match="did not listen within 0 s"),
        running(command, port=free_port(), folder=tmp_path, ready_timeout=0),
    ):
        pass


def test_a_process_without_an_answer_to_sigterm_is_killed() -> None:
    deaf = (
        "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(600)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", deaf], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    end(process, timeout=0.01)
    process.stdout.close()
    assert process.returncode == -9


def test_a_process_that_has_ended_costs_nothing_more() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""], text=True)
    process.wait()
    assert (cpu_seconds(process), memory(process)) == (0, 0)
    assert os.getpid() not in family(process)
