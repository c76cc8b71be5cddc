"""Portkey's gateway (open source), its `/v1/realtime` with the echo as an Azure AI Foundry.

That is the one kind of provider whose host it lets a client choose for a WebSocket.

Set: no console and no log stream (`--headless`, `NODE_ENV`). Everything else is default. It has no
setting for TLS towards the client, nor for its address: it listens on all of them. It parses each
event from the provider as JSON, so it is given nothing else.

`python -m bench.peers.portkey` makes its environment; that needs Node and npm.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from bench.peers import Running, Site
from bench.peers.environments import environment, make, missing
from bench.processes import free_port, running

_NAME = "portkey"
_PROGRAM = (
    environment(_NAME) / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
)


class Portkey:
    name = _NAME

    def missing(self, site: Site) -> str | None:
        if site.tls:
            return "it does not speak TLS towards the client"
        if not shutil.which("node"):
            return "node is not installed"
        return missing(_NAME, _PROGRAM)

    @contextmanager
    def running(self, site: Site) -> Iterator[Running]:
        node = shutil.which("node")
        assert node
        port = free_port()
        with running(
            [node, _PROGRAM, f"--port={port}", "--headless"],
            port=port,
            folder=site.folder,
            environment={"NODE_ENV": "production"},
        ) as process:
            fields = (
                "x-portkey-provider: azure-ai",
                f"x-portkey-azure-foundry-url: http://127.0.0.1:{site.echo}",
                "Authorization: Bearer none",
            )
            yield Running(port, "/v1/realtime", process, fields=fields, json=True)


PEER = Portkey()

if __name__ == "__main__":
    npm = shutil.which("npm")
    if npm is None:
        raise SystemExit("npm is not installed")
    make(
        _NAME,
        [npm, "install", "--prefix", ".", "--no-audit", "--no-fund", "@portkey-ai/gateway"],
    )
