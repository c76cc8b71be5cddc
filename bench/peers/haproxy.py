"""HAProxy, where it is installed.

Set: one thread; 64 KiB buffers, as every peer has (the default is 16 KiB); timeouts of ten minutes,
as it warns about absent ones, and of an hour for an open session. Everything else is default;
without a `log` line it logs nothing.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from bench.peers import Running, Site
from bench.processes import free_port, running

_CONFIG = """
global
    nbthread 1
    tune.bufsize 65536

defaults
    mode http
    timeout connect 10m
    timeout client 10m
    timeout server 10m
    timeout tunnel 1h

frontend bench
    bind 127.0.0.1:{port}{listen_tls}
    default_backend echo

backend echo
    server echo 127.0.0.1:{echo}{dial_tls}
"""


class HaProxy:
    name = "haproxy"

    def missing(self, site: Site) -> str | None:  # noqa: ARG002
        return None if shutil.which("haproxy") else "haproxy is not installed"

    @contextmanager
    def running(self, site: Site) -> Iterator[Running]:
        executable = shutil.which("haproxy")
        assert executable
        port = free_port()
        config = site.folder / "haproxy.cfg"
        config.write_text(_config(site, port))
        with running([executable, "-db", "-f", config], port=port, folder=site.folder) as process:
            yield Running(port, "/", process)


def _config(site: Site, port: int) -> str:
    listen_tls = dial_tls = ""
    if site.tls:
        # One file with the certificate and its key.
        both = site.folder / "certificate-and-key.pem"
        both.write_bytes(site.tls.certificate.read_bytes() + site.tls.key.read_bytes())
        listen_tls = f" ssl crt {both}"
        dial_tls = (
            f" ssl verify required ca-file {site.tls.ca} verifyhost localhost sni str(localhost)"
        )
    return _CONFIG.format(port=port, echo=site.echo, listen_tls=listen_tls, dial_tls=dial_tls)


PEER = HaProxy()
