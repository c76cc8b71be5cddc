"""The world of the SDKs: doubles of the providers with TLS, and ``relay serve`` before them."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import ssl
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import trio
import trustme

from relay.doubles import serve_double
from relay.gateway_token import new_token, token_hash
from tests.sdk.rows import Mode

__all__ = ["World", "WorldError", "serve_world"]

_READY_TIMEOUT = 20.0
_END_TIMEOUT = 10.0
_LISTENING = re.compile(rb"^listening on https://127\.0\.0\.1:(\d+)$", re.MULTILINE)

# A double knows one key, and Google's opens other methods with an ephemeral token than with a key.
_EPHEMERAL = {"google-ephemeral": "google"}

# Cloudflare's URL names an account and a gateway: for a stored key they are configured.
_PATHS = {"workers-ai": "/v1/account/gateway/workers-ai"}


class WorldError(Exception):
    """There is no world to test in; the text says why."""


@dataclass(frozen=True, slots=True)
class World:
    """Where the relay is, and with which credentials.

    Two gateways have the same token. ``acct/main`` has a stored key of every provider and takes no
    others; ``acct/own`` has none, so that what arrives there is the client's own. ``acct/open``
    wants no token and has no keys.
    """

    port: int
    token: str = field(repr=False)
    keys: Mapping[str, str] = field(repr=False)
    """By provider: the one key that its double accepts."""
    ca: Path
    """The trust root of the relay's certificate, in PEM."""
    log: Path
    """The relay's, in JSON; it lasts as long as the world."""

    def environment(self, provider: str, mode: Mode, port: int) -> dict[str, str]:
        """What a program is told: nothing else of this process's environment but its PATH.

        Args:
            provider: Whose key it gets.
            mode: How it authenticates.
            port: Where it finds the relay: the relay's port, or that of something before it.
        """
        gateway = {Mode.OWN: "own", Mode.NONE: "open"}.get(mode, "main")
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.ca.parent),
            "NO_PROXY": "localhost",
            "RELAY_URL": f"https://localhost:{port}/v1/acct/{gateway}",
            "RELAY_TOKEN": new_token() if mode is Mode.REFUSED else self.token,
            "PROVIDER_KEY": self.keys[provider],
            "SSL_CERT_FILE": str(self.ca),
            "NODE_EXTRA_CA_CERTS": str(self.ca),
        }


@asynccontextmanager
async def serve_world(providers: Iterable[str], log: Path) -> AsyncIterator[World]:
    """Run everything until the end of the block.

    Args:
        providers: Those that rows name.
        log: Where the relay's log is left for people. Worlds that run at the same time have a log
            each meanwhile.

    Raises:
        WorldError: The relay did not start.
    """
    with tempfile.TemporaryDirectory(prefix="relay-sdk-") as name:
        folder = Path(name)
        context = _write_certificates(folder)
        token = new_token()
        keys = {provider: _new_key(provider) for provider in providers}
        async with trio.open_nursery() as nursery:
            ports = {}
            for provider, key in keys.items():
                double = _EPHEMERAL.get(provider, provider)
                serve = partial(serve_double, double, key, ssl_context=context)
                ports[provider] = await nursery.start(serve)
            (folder / "relay.toml").write_text(_configuration(ports, token))
            own_log = folder / "relay.log"
            try:
                with trio.move_on_after(_READY_TIMEOUT) as waiting:
                    port = await nursery.start(partial(_serve_relay, folder, keys, own_log))
                if waiting.cancelled_caught:
                    raise WorldError(f"the relay does not listen; what it said is in {log}")
                yield World(port, token, keys, folder / "ca.pem", own_log)
            finally:
                shutil.copy(own_log, log)
            nursery.cancel_scope.cancel()


def _new_key(provider: str) -> str:
    prefix = "auth_tokens/" if provider in _EPHEMERAL else ""
    return prefix + secrets.token_urlsafe(24)


def _write_certificates(folder: Path) -> ssl.SSLContext:
    """Write the relay's files; return what the doubles serve with, the same certificate."""
    authority = trustme.CA(organization_name="relay SDK tests")
    certificate = authority.issue_cert("localhost", "127.0.0.1", "::1")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    certificate.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def _configuration(ports: Mapping[str, int], token: str) -> str:
    token_table = f'{{ name = "sdk", sha256 = "{token_hash(token)}" }}'
    lines = [
        "[server]",
        'listen = ["https://127.0.0.1:0"]',
        'tls = { certificate = "cert.pem", key = "key.pem" }',
        '[gateways."acct/own"]',
        f"tokens = [{token_table}]",
        '[gateways."acct/open"]',
        'authentication = "none"',
        '[gateways."acct/main"]',
        f"tokens = [{token_table}]",
        'client_credentials = "refused"',
        '[gateways."acct/main".stored_keys]',
        *(f'{provider} = {{ default = "env:{_variable(provider)}" }}' for provider in ports),
    ]
    for provider, port in ports.items():
        path = _PATHS.get(provider, "")
        lines += [
            f"[providers.{provider}]",
            f'url = "wss://localhost:{port}{path}"',
            'ca = "ca.pem"',
        ]
        if provider in _EPHEMERAL:
            lines.append(f'like = "{_EPHEMERAL[provider]}"')
    return "\n".join(lines) + "\n"


def _variable(provider: str) -> str:
    """Which variable of the environment holds a stored key."""
    return f"{provider.upper().replace('-', '_')}_KEY"


async def _serve_relay(
    folder: Path, keys: Mapping[str, str], log: Path, *, task_status: trio.TaskStatus[int]
) -> None:
    """Run ``relay serve`` until cancelled; ``task_status`` gets its port."""
    environment = os.environ | {_variable(provider): key for provider, key in keys.items()}
    command = [sys.executable, "-m", "relay", "serve", "--log-format", "json", "--config"]
    process = await trio.lowlevel.open_process(
        [*command, folder / "relay.toml"], env=environment, stderr=subprocess.PIPE
    )
    try:
        assert process.stderr is not None
        printed, listening = b"", False
        with log.open("wb", buffering=0) as file:
            async for chunk in process.stderr:
                file.write(chunk)
                printed = bytes(chunk) if listening else printed + chunk
                if not listening and (found := _LISTENING.search(printed)):
                    task_status.started(int(found[1]))
                    listening = True
        raise WorldError(f"the relay ended by itself: {printed.decode(errors='replace').strip()}")
    finally:
        process.terminate()
        with trio.move_on_after(_END_TIMEOUT, shield=True):
            await process.wait()
        if process.returncode is None:
            process.kill()
