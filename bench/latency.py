"""The relay's round trip and CPU time per message, in both lanes, beside a bare TCP tunnel.

Each cell runs every way to the same echo server in turn, several times, and gives medians, so that
what the machine does meanwhile hits all of them. CPU time is that of the process in the middle,
from the scheduler's own account; a round trip is one message each way.

Usage: python -m bench.latency [--seconds 2] [--runs 3] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.load import run

CELLS = ((1, 256), (32, 256), (8, 4096), (4, 65536))
_TARGET = "/v1/bench/{lane}/local"
_CONFIG = """
[server]
listen = ["127.0.0.1:0"]

[gateways."bench/verbatim"]
authentication = "none"

[gateways."bench/messages"]
authentication = "none"
lane = "messages"

[providers.local]
like = "elevenlabs"
url = "ws://127.0.0.1:{port}"
"""


def cpu_seconds(process: subprocess.Popen[str]) -> float:
    """CPU time of all threads of a process so far."""
    tasks = Path(f"/proc/{process.pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


@contextmanager
def started(
    *command: str, ready: str, stderr: bool = False
) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process of the benchmark, and the port that it says it listens on."""
    pipe = {"stderr" if stderr else "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipe) as process:  # type: ignore[call-overload]
        try:
            stream = process.stderr if stderr else process.stdout
            line = stream.readline()
            match = re.fullmatch(ready, line.strip())
            if match is None:
                raise RuntimeError(f"{command[:4]} did not start: {line!r}")
            yield process, int(match[1])
        finally:
            process.kill()


def measure_cell(connections: int, size: int, seconds: float, runs: int) -> list[dict[str, object]]:
    """Measure one cell: every way, ``runs`` times, in turn."""
    python = (sys.executable, "-m")
    with ExitStack() as stack:
        _, echo = stack.enter_context(started(*python, "bench.echo", str(size), ready=r"(\d+)"))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "relay.toml").write_text(_CONFIG.format(port=echo))
        tunnel, tunnel_port = stack.enter_context(
            started(*python, "bench.tunnel", str(echo), ready=r"(\d+)")
        )
        relay, relay_port = stack.enter_context(
            started(
                *(*python, "relay", "serve", "--config", str(folder / "relay.toml")),
                *("--log-level", "error"),
                ready=r"listening on http://127\.0\.0\.1:(\d+)",
                stderr=True,
            )
        )
        ways: tuple[tuple[str, subprocess.Popen[str] | None, int, str], ...] = (
            ("loopback", None, echo, "/"),
            ("TCP tunnel", tunnel, tunnel_port, "/"),
            ("relay, verbatim", relay, relay_port, _TARGET.format(lane="verbatim")),
            ("relay, messages", relay, relay_port, _TARGET.format(lane="messages")),
        )
        samples: dict[str, list[tuple[float, float, float]]] = {name: [] for name, *_ in ways}
        for _ in range(runs):
            for name, process, port, target in ways:
                before = cpu_seconds(process) if process else 0.0
                result = run(port, target, connections, size, seconds)
                used = (cpu_seconds(process) - before) if process else 0.0
                samples[name].append(
                    (
                        used / result.round_trips * 1e6,
                        result.percentile(0.5),
                        result.percentile(0.99),
                    )
                )
    return [
        {
            "connections": connections,
            "message_size": size,
            "way": name,
            "cpu_us": statistics.median(each[0] for each in taken),
            "p50_us": statistics.median(each[1] for each in taken),
            "p99_us": statistics.median(each[2] for each in taken),
        }
        for name, taken in samples.items()
    ]


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=2, help="of each run")
    parser.add_argument("--runs", type=int, default=3, help="of each way in each cell")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    table = Table(
        title=f"per round trip, µs; {platform.python_implementation()} {platform.python_version()}"
    )
    for column in ("connections x bytes", "way", "CPU", "median", "99th percentile"):
        table.add_column(column, justify="left" if column == "way" else "right")
    rows = []
    for connections, size in CELLS:
        for row in measure_cell(connections, size, arguments.seconds, arguments.runs):
            rows.append(row)
            cpu = f"{row['cpu_us']:.1f}" if row["cpu_us"] else "-"
            table.add_row(
                f"{connections} x {size}",
                str(row["way"]),
                cpu,
                f"{row['p50_us']:.0f}",
                f"{row['p99_us']:.0f}",
            )
        table.add_section()
    Console(width=100).print(table)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
