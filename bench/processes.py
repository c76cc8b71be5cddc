"""The processes of a peer: start them, ask /proc what they cost, end them by their id."""

import os
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.cores import on_core, peer_core
from bench.interruption import uninterrupted

OUTPUT = "output.txt"
READY_TIMEOUT = 30.0
END_TIMEOUT = 5.0
_CPUCLOCK_SCHED = 2  # of Linux's include/linux/posix-timers.h, as its C libraries have it


class BenchError(Exception):
    """The benchmark cannot go on; its text is what the user reads."""


def raise_descriptor_limit() -> int:
    """Raises this process's limit of open files, which its children inherit; returns it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def running(
    command: Sequence[str | Path],
    *,
    port: int,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    ready_timeout: float = READY_TIMEOUT,
) -> Iterator[subprocess.Popen[str]]:
    """A process that listens on `port`, from when the port answers until the end of the block.

    It runs in `folder`, on the peers' core, in a process group of its own, which is ended as a
    whole; what it prints goes to its file OUTPUT. `environment` is added to this process's own.

    Raises BenchError, with the end of that output, if the process ends before the port answers or
    does not answer within `ready_timeout` seconds.
    """
    output = folder / OUTPUT
    with ExitStack() as stack:
        with output.open("w") as stream, on_core(peer_core()), uninterrupted():
            process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env={**os.environ, **(environment or {})},
                text=True,
                start_new_session=True,
            )
            stack.callback(end, process)
        _wait_until_ready(process, port, output, ready_timeout)
        yield process


def _wait_until_ready(
    process: subprocess.Popen[str], port: int, output: Path, timeout: float
) -> None:
    deadline = time.monotonic() + timeout
    while not _answers(port):
        code = process.poll()
        if code is not None:
            raise BenchError(f"ended with {code} before it listened: {_last_lines(output)}")
        if time.monotonic() > deadline:
            raise BenchError(f"did not listen within {timeout:.0f} s: {_last_lines(output)}")
        time.sleep(0.02)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _last_lines(output: Path) -> str:
    return " | ".join(output.read_text(errors="replace").splitlines()[-5:]) or "it printed nothing"


def end(process: subprocess.Popen[str], timeout: float = END_TIMEOUT) -> None:
    """Ends a process of :func:`running` and its group: SIGTERM, SIGKILL after `timeout` seconds."""
    with uninterrupted():
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(process.pid, number)
            except ProcessLookupError:
                break
            try:
                process.wait(timeout)
            except subprocess.TimeoutExpired:
                continue
        process.wait()


def family(process: subprocess.Popen[str]) -> list[int]:
    """The ids of a process and of all its descendants that live now."""
    found: list[int] = []
    waiting = [process.pid]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            waiting.extend(int(child) for child in _read(children).split())
    return found


def cpu_seconds(process: subprocess.Popen[str]) -> float:
    """CPU time used so far by a process and those of its descendants that live, with all threads
    that they have had.

    By the kernel's clocks of other processes (clock_getcpuclockid(3)), in nanoseconds:
    /proc/PID/stat counts ticks of 10 ms, and the accounts of threads go with the threads.
    """
    return sum(map(_cpu_seconds, family(process)))


def _cpu_seconds(pid: int) -> float:
    try:
        return time.clock_gettime(~pid << 3 | _CPUCLOCK_SCHED)
    except OSError:
        return 0.0  # it has just ended


def memory(process: subprocess.Popen[str]) -> int:
    """Bytes of memory of a process and of its descendants that no file backs.

    That is Pss_Anon and Pss_Shmem of /proc/PID/smaps_rollup, in which pages that processes share
    count once. Pages of programs and libraries are left out: how many of them count for a process
    depends on who else runs the same program at the moment.
    """
    total = 0
    for pid in family(process):
        for line in _read(Path(f"/proc/{pid}/smaps_rollup")).splitlines():
            if line.startswith(("Pss_Anon:", "Pss_Shmem:")):
                total += int(line.split()[1]) * 1024
    return total


def descriptors(process: subprocess.Popen[str]) -> int:
    """How many descriptors a process and its descendants hold open."""
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in family(process))


def _read(path: Path) -> str:
    """The text of a file of /proc, empty if its process or thread has just ended."""
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
