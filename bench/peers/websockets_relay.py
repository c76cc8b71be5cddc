"""The asyncio side of `websockets`, as a relay of messages.

There is nothing to set; the program is `bench.programs.websockets_relay`.
"""

from contextlib import AbstractContextManager
from importlib.util import find_spec

from bench.peers import Running, Site
from bench.peers.program import program


class WebsocketsRelay:
    name = "websockets"

    def missing(self, site: Site) -> str | None:  # noqa: ARG002
        return (
            None
            if find_spec("websockets")
            else "websockets is not installed: pip install '.[bench]'"
        )

    def running(self, site: Site) -> AbstractContextManager[Running]:
        return program("websockets_relay", site)


PEER = WebsocketsRelay()
