"""This relay, as it comes: nothing of its configuration that bears on speed is set.

Two peers: the verbatim lane, which is the default, and `lane = "messages"`, in which a wsproto pair
decodes and encodes every message. They log errors only, as every peer does; a third, not in the
list, logs its sessions too, as it does by default.

Two more carry audio in the form of OpenAI's, with nothing that looks at it, and with records,
meters and metrics: what those cost is the difference. One that is not in the list has records and
meters, but no admin listener, for bench.watching.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench.peers import Running, Site
from bench.peers.environments import ROOT
from bench.processes import OUTPUT, free_port, running
from relay.gateway_token import new_token, token_hash

_CONFIG = """
[server]
listen = ["127.0.0.1:{port}"]
{listen_tls}

[gateways."bench/main"]
authentication = "none"
{lane}

{records}
{admin}

[providers.local]
like = "{like}"
url = "{scheme}://localhost:{echo}"
{dial_tls}
"""


_ADMIN = """
[admin]
listen = "127.0.0.1:{port}"
token_sha256 = "{token_sha256}"
"""

ADMIN_TOKEN = new_token()
"""Opens the admin listeners of all relays of a run."""


@dataclass(frozen=True, slots=True)
class Relay:
    name: str
    lane: str = ""
    log_level: str = "error"
    audio: bool = False
    records: bool = False
    admin: bool = False

    def missing(self, site: Site) -> str | None:  # noqa: ARG002
        return None

    @contextmanager
    def running(self, site: Site) -> Iterator[Running]:
        port = free_port()
        admin = free_port() if self.admin else None
        config = site.folder / "relay.toml"
        config.write_text(self._config(site, port, admin))
        command = [sys.executable, "-m", "relay", "serve", "--config", str(config)]
        with running(
            [*command, "--log-level", self.log_level, "--log-format", "json"],
            port=admin or port,  # it listens there last
            folder=site.folder,
            environment={"PYTHONPATH": str(ROOT)},
        ) as process:
            yield Running(
                port,
                "/v1/bench/main/local?model=gpt-realtime",
                process,
                fields=("Authorization: Bearer bench",),
                audio=self.audio,
                output=site.folder / OUTPUT,
                admin=admin,
            )

    def _config(self, site: Site, port: int, admin: int | None) -> str:
        listen_tls = dial_tls = ""
        if site.tls:
            listen_tls = (
                f'tls = {{ certificate = "{site.tls.certificate}", key = "{site.tls.key}" }}'
            )
            dial_tls = f'ca = "{site.tls.ca}"'
        return _CONFIG.format(
            port=port,
            listen_tls=listen_tls,
            lane=f'lane = "{self.lane}"' if self.lane else "",
            records="[records]" if self.records else "",
            admin=""
            if admin is None
            else _ADMIN.format(port=admin, token_sha256=token_hash(ADMIN_TOKEN)),
            like="openai" if self.audio else "elevenlabs",
            scheme="wss" if site.tls else "ws",
            echo=site.echo,
            dial_tls=dial_tls,
        )


VERBATIM = Relay("relay")
MESSAGES = Relay("relay-messages", "messages")
LOGGING = Relay("relay", log_level="info")
AUDIO = Relay("relay-audio", audio=True)
RECORDED = Relay("relay-recorded", audio=True, records=True, admin=True)
UNWATCHED = Relay("relay-records", audio=True, records=True)
