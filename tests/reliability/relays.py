"""`relay serve` as a process, on the core that the benchmark gives to proxies."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

from bench.peers import Running
from bench.processes import OUTPUT, cpu_seconds, descriptors, free_port, memory, running

__all__ = ["ROOT", "Relay", "RelayError", "serve_relay"]

ROOT = Path(__file__).parents[2]
_CONFIGURATION = """\
[server]
listen = ["127.0.0.1:{port}"]
{server}
[limits]
{limits}
[gateways."acct/verbatim"]
authentication = "none"
{gateway}
[gateways."acct/messages"]
authentication = "none"
lane = "messages"
[providers.local]
like = "elevenlabs"
url = "ws://localhost:{provider}"
[providers.echo]
like = "elevenlabs"
url = "ws://localhost:{echo}"
"""


class RelayError(Exception):
    """The relay had a fault of its own."""


@dataclass(frozen=True, slots=True)
class Relay:
    """A relay that serves."""

    port: int
    process: Popen[str]
    log: Path

    def target(self, query: str = "", *, lane: str = "verbatim", provider: str = "local") -> str:
        """A request target; what the query says is for the provider."""
        return f"/v1/acct/{lane}/{provider}?{query}"

    def peer(self, lane: str = "verbatim") -> Running:
        """The same for the benchmark's load generator, whose echo is its provider."""
        return Running(self.port, self.target(lane=lane, provider="echo"), self.process)

    def memory(self) -> float:
        """In KiB."""
        return memory(self.process) / 1024

    def descriptors(self) -> int:
        """Those that are open."""
        return descriptors(self.process)

    def cpu(self) -> float:
        """Seconds used so far."""
        return cpu_seconds(self.process)


@contextmanager
def serve_relay(
    folder: Path,
    provider: int,
    *,
    echo: int = 1,
    server: str = "",
    limits: str = "",
    gateway: str = "",
    before: str = "",
    redirection: str = "",
    level: str = "info",
    environment: Mapping[str, str] | None = None,
) -> Iterator[Relay]:
    """Run a relay until the end of the block.

    Args:
        folder: For its files.
        provider: The port of the provider ``local``.
        echo: The port of the provider ``echo``.
        server: Further lines of the configuration's ``[server]``.
        limits: Those of ``[limits]``.
        gateway: Those of the gateway ``acct/verbatim``.
        before: What the shell that starts it does first.
        redirection: Of its output, in the shell's words.
        level: The least severe level that is logged.
        environment: Further variables.

    Raises:
        RelayError: A session of it had a fault of ours, or a traceback was printed.
        BenchError: It did not start.
    """
    port = free_port()
    configuration = folder / "relay.toml"
    configuration.write_text(
        _CONFIGURATION.format(
            port=port, provider=provider, echo=echo, server=server, limits=limits, gateway=gateway
        )
    )
    words = ["-m", "relay", "serve", "--config", str(configuration)]
    command = [sys.executable, *words, "--log-level", level, "--log-format", "json"]
    with running(
        ["sh", "-c", f'{before}\nexec "$@" {redirection}', "sh", *command],
        port=port,
        folder=folder,
        environment={"PYTHONPATH": str(ROOT), **(environment or {})},
    ) as process:
        yield Relay(port, process, folder / OUTPUT)
    log = (folder / OUTPUT).read_text(errors="replace")
    for trouble in ('"event": "fault"', "Traceback"):
        if trouble in log:
            raise RelayError(next(line for line in log.splitlines() if trouble in line))
