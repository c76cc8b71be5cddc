"""Compile the load generator (load.c says what it does), start it, and talk to it.

It is the client and the provider of every cell, in one process.
"""

import hashlib
import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from bench.cores import load_core, on_core
from bench.peers import Running, Tls
from bench.processes import BenchError, cpu_seconds

Answer = dict[str, Any]

SOURCE = Path(__file__).with_name("load.c")


@dataclass(frozen=True, slots=True)
class Latency:
    """Percentiles of a latency, in microseconds."""

    p50: float
    p90: float
    p99: float
    p999: float
    max: float


@dataclass(frozen=True, slots=True)
class RoundsResult:
    """A closed loop. `cpu` is the load generator's, `peer_cpu` the peer's, in seconds."""

    round_trips: int
    seconds: float
    cpu: float
    peer_cpu: float
    latency: Latency


@dataclass(frozen=True, slots=True)
class PacedResult:
    """An open loop of messages. `ended` counts sessions that broke off, `lateness` says how much
    later than due the load generator itself sent.
    """

    messages: int
    lost: int
    ended: int
    seconds: float
    cpu: float
    peer_cpu: float
    latency: Latency | None
    lateness: Latency


@dataclass(frozen=True, slots=True)
class OpenResult:
    """Sessions opened and closed. `left` counts those that did not end, `opening_seconds` is the
    time from the first to the last that opened, `trouble` the first thing that went wrong.
    """

    due: int
    opened: int
    closed: int
    left: int
    opening_seconds: float
    seconds: float
    cpu: float
    peer_cpu: float
    latency: Latency | None
    trouble: str

    @property
    def failed(self) -> int:
        """How many got no 101, or no answer to their Close."""
        return self.due - self.closed


_ROUNDS = TypeAdapter(RoundsResult)
_PACED = TypeAdapter(PacedResult)
_OPEN = TypeAdapter(OpenResult)


def compiled() -> Path:
    """The load generator, compiled into the user's cache folder unless it is there already.

    Raises BenchError if there is no C compiler, or no OpenSSL to compile with.
    """
    compiler = os.environ.get("CC") or "cc"
    program = shlex.split(compiler)
    if shutil.which(program[0]) is None:
        raise BenchError(
            f"the load generator is written in C, and there is no compiler {program[0]!r}: "
            "install one, or name it in CC"
        )
    key = hashlib.sha256(SOURCE.read_bytes() + compiler.encode()).hexdigest()[:16]
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    binary = Path(home) / "relay-bench" / f"load-{key}"
    if not binary.exists():
        binary.parent.mkdir(parents=True, exist_ok=True)
        unfinished = binary.with_suffix(f".{os.getpid()}")
        files = ["-o", str(unfinished), str(SOURCE), "-lssl", "-lcrypto"]
        command = [*program, "-O2", "-std=gnu11", *files]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BenchError(_why_not_compiled(done.stderr))
        unfinished.replace(binary)
    return binary


def _why_not_compiled(output: str) -> str:
    if "openssl/" in output or "-lssl" in output or "-lcrypto" in output:
        return "the load generator needs OpenSSL's headers: install libssl-dev or openssl-devel"
    return f"the load generator does not compile:\n{output.strip()}"


@contextmanager
def started(tls: Tls | None) -> Iterator["Load"]:
    """The load generator, with TLS at its echo if `tls` is given, until the end of the block.

    It has a core of its own. It ends by itself when nobody is left to talk to it.
    """
    command = [compiled(), tls.certificate, tls.key] if tls else [compiled()]
    with on_core(load_core()):
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
    try:
        yield Load(process, tls=tls is not None)
    finally:
        process.kill()
        process.communicate()


class Load:
    """A load generator that runs. Each method raises BenchError if its command goes wrong."""

    def __init__(self, process: subprocess.Popen[str], *, tls: bool) -> None:
        self._process = process
        self._tls = int(tls)
        self.port: int = self._answer()["port"]
        """Where its echo listens."""

    def rounds(self, peer: Running, connections: int, size: int, seconds: float) -> RoundsResult:
        """A closed loop: one message of `size` bytes under way on each connection."""
        command = f"rounds {self._where(peer)} {connections} {size} {seconds}"
        return _ROUNDS.validate_python(self._run(peer, command))

    def paced(
        self, peer: Running, connections: int, size: int, rate: float, seconds: float
    ) -> PacedResult:
        """An open loop: `rate` messages a second on each connection, whenever answers come."""
        with self.pacing(peer, connections, size, rate, seconds) as run:
            return run()

    @contextmanager
    def pacing(
        self, peer: Running, connections: int, size: int, rate: float, seconds: float
    ) -> Iterator[Callable[[], PacedResult]]:
        """The same as often as what it gives is called, on sessions that stay open meanwhile."""
        command = f"paced {self._where(peer)} {connections} {size} {rate} {seconds}"
        with self._ready(peer, command) as run:
            yield lambda: _PACED.validate_python(run())

    def hold(self, peer: Running, connections: int) -> None:
        """Opens sessions that stay idle until :meth:`drop`."""
        self._describe(peer)
        self._ask(f"hold {self._where(peer)} {connections}")

    def stall(self, peer: Running, connections: int, size: int) -> None:
        """Opens sessions that send messages until nothing more is taken, and read nothing."""
        self._describe(peer)
        self._ask(f"stall {self._where(peer)} {connections} {size}")

    def drop(self) -> None:
        """Ends the sessions of :meth:`hold` and :meth:`stall`."""
        self._ask("drop")

    def open(self, peer: Running, rate: float, seconds: float) -> OpenResult:
        """Opens `rate` sessions a second, whether or not the last ones are open yet."""
        return self._open(peer, f"open {self._where(peer)} {rate} {seconds}")

    def churn(self, peer: Running, sessions: int, at_once: int) -> OpenResult:
        """Opens and closes sessions as fast as it goes, `at_once` under way."""
        return self._open(peer, f"churn {self._where(peer)} {sessions} {at_once}")

    def _open(self, peer: Running, command: str) -> OpenResult:
        self._describe(peer)
        before = _cpu(peer)
        answer = self._ask(command)
        return _OPEN.validate_python({**answer, "peer_cpu": _cpu(peer) - before})

    def _run(self, peer: Running, command: str) -> Answer:
        with self._ready(peer, command) as run:
            return run()

    @contextmanager
    def _ready(self, peer: Running, command: str) -> Iterator[Callable[[], Answer]]:
        """Runs on sessions that are open, so that the peer's CPU time is that of messages alone."""
        self._describe(peer)
        self._ask(command)

        def run() -> Answer:
            before = _cpu(peer)
            self._send("go")
            answer = self._answer()
            return _checked(command, {**answer, "peer_cpu": _cpu(peer) - before})

        try:
            yield run
        finally:
            self._ask("finish")

    def _where(self, peer: Running) -> str:
        return f"{peer.port} {self._tls} {peer.target}"

    def _describe(self, peer: Running) -> None:
        self._ask("reset")
        if peer.json:
            self._ask("json")
        if peer.audio:
            self._ask("audio")
        for line in peer.fields:
            self._ask(f"field {line}")

    def _ask(self, command: str) -> Answer:
        self._send(command)
        return _checked(command, self._answer())

    def _send(self, command: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{command}\n")
        except BrokenPipeError:
            raise BenchError("the load generator ended") from None

    def _answer(self) -> Answer:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise BenchError("the load generator ended")
        answer: Answer = json.loads(line)
        return answer


def _checked(command: str, answer: Answer) -> Answer:
    if "error" in answer:
        raise BenchError(f"{command.split(maxsplit=1)[0]}: {answer['error']}")
    return answer


def _cpu(peer: Running) -> float:
    return cpu_seconds(peer.process) if peer.process else 0.0
