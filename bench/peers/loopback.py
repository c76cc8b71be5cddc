"""No proxy at all: the load generator talks to its own echo.

What a cell costs without anything in between, and the most that the load generator can do.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from bench.peers import Running, Site


class Loopback:
    name = "loopback"

    def missing(self, site: Site) -> str | None:  # noqa: ARG002
        return None

    @contextmanager
    def running(self, site: Site) -> Iterator[Running]:
        yield Running(site.echo, "/", process=None)


PEER = Loopback()
