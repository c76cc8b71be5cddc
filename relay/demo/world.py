"""The world of the demo: a certificate authority, doubles of the providers, and a relay."""

from __future__ import annotations

import re
import secrets
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import trio
import trustme

from relay.doubles import DOUBLES, Fault, serve_double
from relay.gateway_token import new_token, token_hash
from relay.protocol import Gateway, GatewayToken, Provider, Secret, by_name
from relay.records.settings import RecordSettings
from relay.server import Server
from relay.settings import AdminSettings, Listener, Settings
from relay.tls import ServerTls, client_context

__all__ = ["World", "serve_world"]

_ADDRESS = "127.0.0.1"
_GATEWAY = "demo/main"


@dataclass(frozen=True, slots=True)
class World:
    """What there is to connect to, and with which credentials."""

    http_port: int
    https_port: int
    token: str = field(repr=False)
    """A token of the gateway."""
    keys: Mapping[str, str] = field(repr=False)
    """By provider: what its double accepts as a credential. The gateway has them stored."""
    ca: Path
    """The trust root of the relay's certificate, in PEM; it lasts as long as the world."""
    admin_url: str = ""
    """The admin listener; empty if there is none."""
    admin_token: str = field(default="", repr=False)
    """The operator's token."""

    @property
    def secure_url(self) -> str:
        """The gateway, over TLS."""
        return f"wss://localhost:{self.https_port}/v1/{_GATEWAY}"

    @property
    def plain_url(self) -> str:
        """The gateway without TLS: for browsers, which do not know the trust root."""
        return f"ws://{_ADDRESS}:{self.http_port}/v1/{_GATEWAY}"

    @property
    def page_url(self) -> str:
        """A page on the loopback address: from elsewhere, browsers may not connect to it."""
        return f"http://{_ADDRESS}:{self.http_port}/healthz"


async def serve_world(
    *,
    http_port: int,
    https_port: int,
    admin_port: int | None = None,
    faults: Mapping[str, Fault] | None = None,
    task_status: trio.TaskStatus[World] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run everything until cancelled.

    Args:
        http_port: Where the relay listens without TLS, or a free port if that cannot be had.
        https_port: Where it listens with TLS, likewise.
        admin_port: Where it listens for the operator, likewise; it then remembers sessions, as long
            as the world lasts. None for nowhere.
        faults: By provider, what its double does wrong.
        task_status: Gets the world, once everything listens.

    Raises:
        OSError: No port can be had.
    """
    with tempfile.TemporaryDirectory(prefix="relay-demo-") as name:
        files = _write_files(Path(name))
        catalogue = by_name()
        token = new_token()
        keys = {provider: secrets.token_urlsafe(24) for provider in DOUBLES}
        async with trio.open_nursery() as nursery:
            providers = []
            for provider, key in keys.items():
                fault = (faults or {}).get(provider)
                serve = partial(serve_double, provider, key, ssl_context=files.context, fault=fault)
                port = await nursery.start(serve)
                url = f"wss://localhost:{port}{_account_path(catalogue[provider])}"
                providers.append(catalogue[provider].at(url))
            settings = _settings(files, tuple(providers), keys, token, http_port, https_port)
            admin_token = "" if admin_port is None else new_token()
            if admin_port is not None:
                settings = _for_operator(settings, Path(name), admin_port, admin_token)
            server = await _start_relay(nursery, settings)
            ports = {listener.scheme: listener.port for listener in server.addresses}
            admin_url = str(server.admin_addresses[0]) if server.admin_addresses else ""
            world = World(
                ports["http"], ports["https"], token, keys, files.ca, admin_url, admin_token
            )
            task_status.started(world)


def _account_path(provider: Provider) -> str:
    """The path of the operator's account, where the provider's URL has one; else nothing."""
    path = provider.endpoints[0].path if provider.endpoints[0].names_account else ""
    return re.sub(r"[{}]", "", path)


@dataclass(frozen=True, slots=True)
class _Files:
    ca: Path
    tls: ServerTls
    """The relay's certificate."""
    context: ssl.SSLContext
    """The doubles' certificate, which is the same one."""


def _write_files(folder: Path) -> _Files:
    """Make a certificate authority and a certificate; their keys leave with the folder."""
    authority = trustme.CA(organization_name="relay demo")
    certificate = authority.issue_cert("localhost", "127.0.0.1", "::1")
    ca, chain, key = folder / "ca.pem", folder / "relay.pem", folder / "relay-key.pem"
    authority.cert_pem.write_to_path(ca)
    certificate.cert_chain_pems[0].write_to_path(chain)
    certificate.private_key_pem.write_to_path(key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return _Files(ca, ServerTls(chain, key), context)


def _settings(
    files: _Files,
    providers: tuple[Provider, ...],
    keys: Mapping[str, str],
    token: str,
    http_port: int,
    https_port: int,
) -> Settings:
    stored = {(provider, "default"): Secret(key.encode()) for provider, key in keys.items()}
    gateway = Gateway(
        name=_GATEWAY,
        tail_content=True,
        tokens=(GatewayToken("demo", bytes.fromhex(token_hash(token))),),
        stored_key=lambda provider, alias: stored.get((provider, alias)),
    )
    trust = client_context(files.ca)
    return Settings(
        listeners=(
            Listener("https", _ADDRESS, https_port),
            Listener("http", _ADDRESS, http_port),
        ),
        gateways={_GATEWAY: gateway},
        providers=by_name(providers),
        trust={provider.name: trust for provider in providers},
        tls=files.tls,
    )


def _for_operator(settings: Settings, folder: Path, port: int, token: str) -> Settings:
    """The same with an admin listener, and a store for what it shows."""
    from relay.records.store import check_url  # noqa: PLC0415 - SQLAlchemy loads slowly

    listener = Listener("http", _ADDRESS, port)
    return replace(
        settings,
        records=RecordSettings(check_url("sqlite:sessions.db", folder)),
        admin=AdminSettings(listener, bytes.fromhex(token_hash(token))),
    )


async def _start_relay(nursery: trio.Nursery, settings: Settings) -> Server:
    """Start a relay; a listener that cannot have its port gets a free one."""
    while True:
        server = Server(settings)
        try:
            await nursery.start(server.run)
        except OSError as error:
            settings = _with_free_port(settings, error)
        else:
            return server


def _with_free_port(settings: Settings, error: OSError) -> Settings:
    """Settings in which the listener that failed has any port.

    Raises:
        OSError: It is that error, and another port would not help.
    """

    def freed(listener: Listener) -> Listener:
        return replace(listener, port=0) if str(listener) == error.filename else listener

    admin = settings.admin
    changed = replace(
        settings,
        listeners=tuple(freed(each) for each in settings.listeners),
        admin=None if admin is None else replace(admin, listener=freed(admin.listener)),
    )
    if changed == settings:
        raise error
    return changed
