"""A peer that is one of `bench.programs`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from bench.peers import Running, Site
from bench.peers.environments import ROOT
from bench.processes import free_port, running


@contextmanager
def program(name: str, site: Site) -> Iterator[Running]:
    """Run `bench.programs.NAME` with the interpreter that runs the benchmark."""
    port = free_port()
    command = [sys.executable, "-m", f"bench.programs.{name}", str(port), str(site.echo)]
    if site.tls:
        command += map(str, (site.tls.certificate, site.tls.key, site.tls.ca))
    with running(
        command, port=port, folder=site.folder, environment={"PYTHONPATH": str(ROOT)}
    ) as process:
        yield Running(port, "/", process)
