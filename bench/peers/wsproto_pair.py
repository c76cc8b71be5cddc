"""wsproto on both legs over Trio's streams: what a relay of messages costs that is not ours.

There is nothing to set; the program is `bench.programs.wsproto_pair`.
"""

from contextlib import AbstractContextManager
from importlib.util import find_spec

from bench.peers import Running, Site
from bench.peers.program import program


class WsprotoPair:
    name = "wsproto-pair"

    def missing(self, site: Site) -> str | None:  # noqa: ARG002
        return None if find_spec("wsproto") else "wsproto is not installed: pip install '.[bench]'"

    def running(self, site: Site) -> AbstractContextManager[Running]:
        return program("wsproto_pair", site)


PEER = WsprotoPair()
