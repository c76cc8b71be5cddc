"""The four documented examples, run by clients that are not ours, through the demo's relay."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from relay.demo.world import World, serve_world
from tests.e2e.requirements import needs
from tests.support import real_clock

_EXAMPLES = Path(__file__).parents[2] / "examples"
_PROVIDERS = ("openai", "google", "cartesia", "elevenlabs")


def with_world(client: Callable[[World], None]) -> None:
    """Run a client, which may block, against the demo's relay."""

    @real_clock
    async def run() -> None:
        async with trio.open_nursery() as nursery:
            world = await nursery.start(functools.partial(serve_world, http_port=0, https_port=0))
            await trio.to_thread.run_sync(client, world)
            nursery.cancel_scope.cancel()

    run()


def _run(command: list[str], world: World, key: Callable[[str], str]) -> str:
    """Run a client program; its keys are what ``key`` gives for each provider."""
    environment = {
        **os.environ,
        "RELAY_URL": world.secure_url,
        "RELAY_TOKEN": world.token,
        "ELEVENLABS_AGENT_ID": "demo-agent",
        "NODE_EXTRA_CA_CERTS": str(world.ca),
        "SSL_CERT_FILE": str(world.ca),
        **{f"{provider.upper()}_API_KEY": key(provider) for provider in _PROVIDERS},
    }
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=50, check=False
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert world.token not in output
    return output


@pytest.mark.parametrize("credential", ["own key", "gateway token"])
@pytest.mark.parametrize("provider", _PROVIDERS)
def test_node(provider: str, credential: str) -> None:
    """``ws`` on Node, over TLS."""
    node = needs(shutil.which("node"), "node")
    folder = _EXAMPLES / "node"
    needs(folder / "node_modules" if (folder / "node_modules/ws").exists() else None, "ws")

    def client(world: World) -> None:
        output = _run([node, str(folder / f"{provider}.mjs")], world, _key(world, credential))
        assert "closed with 1000" in output

    with_world(client)


@pytest.mark.parametrize("credential", ["own key", "gateway token"])
@pytest.mark.parametrize("provider", _PROVIDERS)
def test_python(provider: str, credential: str) -> None:
    """``websockets`` on Python, over TLS."""

    def client(world: World) -> None:
        program = _EXAMPLES / "python" / f"{provider}.py"
        output = _run([sys.executable, str(program)], world, _key(world, credential))
        assert "closed with 1000" in output

    with_world(client)


def _key(world: World, credential: str) -> Callable[[str], str]:
    """Where a provider's key goes: the key, or the gateway token in its place."""
    if credential == "own key":
        return lambda provider: world.keys[provider]
    return lambda _provider: world.token
