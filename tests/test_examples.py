"""The programs in ``examples/python``, when they are refused; e2e runs those that are not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from relay.demo.world import World
from tests.demo.support import run_in_world

_FOLDER = Path(__file__).parent.parent / "examples" / "python"
_by_provider = pytest.mark.parametrize("provider", ["openai", "google", "cartesia", "elevenlabs"])


def _run(provider: str, *, token: str | None = None, key: str | None = None) -> tuple[int, str]:
    """The exit code of an example and all that it printed; the world's credentials by default."""
    outcomes: list[subprocess.CompletedProcess[bytes]] = []

    async def test(world: World) -> None:
        environment = {
            **os.environ,
            "PYTHONWARNINGS": "error",
            "RELAY_URL": world.secure_url,
            "RELAY_TOKEN": token or world.token,
            f"{provider.upper()}_API_KEY": key or world.keys[provider],
            "ELEVENLABS_AGENT_ID": "demo-agent",
            "SSL_CERT_FILE": str(world.ca),
            "NO_PROXY": "localhost",
        }
        outcomes.append(
            await trio.run_process(
                [sys.executable, _FOLDER / f"{provider}.py"],
                env=environment,
                capture_stdout=True,
                stderr=subprocess.STDOUT,
                check=False,
            )
        )

    run_in_world(test)
    (outcome,) = outcomes
    return outcome.returncode, outcome.stdout.decode()


@_by_provider
def test_a_refused_example_says_why(provider: str) -> None:
    code, printed = _run(provider, token="rly_unknown")
    assert code == 1
    assert printed.startswith("refused with 401: ")
    assert "this gateway token is not valid" in printed
    assert "Traceback" not in printed


def test_a_key_that_the_provider_does_not_know_is_its_refusal() -> None:
    code, printed = _run("google", key="wrong")
    assert code == 1
    # Not always first: the client's reading thread may have logged a race with its own end.
    assert "refused with 400: " in printed
    assert "API key not valid" in printed
