"""Browsers can set no header: ``new WebSocket(url, protocols)`` in headless Chromium."""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from relay.demo.world import World
from tests.e2e.chromium import Page, chromium_path, open_page
from tests.e2e.requirements import needs
from tests.e2e.test_examples import with_world

_PAGE = Path(__file__).parents[2] / "examples/browser/index.html"

_CONNECT = """
new Promise((resolve) => {
  const ws = new WebSocket(%s, %s);
  let protocol = null;
  ws.onopen = () => { protocol = ws.protocol; ws.close(1000, "read"); };
  ws.onclose = ({ code, reason }) => resolve({ protocol, code, reason });
})
"""

_RESULT = """
new Promise((resolve) => {
  const look = () => document.body?.dataset.result
    ? resolve(document.body.dataset.result) : setTimeout(look, 20);
  look();
})
"""


def _spki(world: World) -> str:
    """The hash of the relay's public key, which Chromium is told to trust."""
    pem = ssl.get_server_certificate(("localhost", world.https_port), ca_certs=str(world.ca))
    key = x509.load_pem_x509_certificate(pem.encode()).public_key()
    encoded = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(encoded).digest()).decode()


def _connect(page: Page, url: str, protocols: list[str]) -> dict[str, Any]:
    result: dict[str, Any] = page.evaluate(_CONNECT % (json.dumps(url), json.dumps(protocols)))
    return result


def test_the_page_of_the_examples(tmp_path: Path) -> None:
    """Google, Cartesia and ElevenLabs, over TLS, with a key and with the gateway's."""
    program = needs(chromium_path(), "chromium")

    def client(world: World) -> None:
        with open_page(program, tmp_path / "profile", _spki(world)) as page:
            for provider in ("google", "cartesia", "elevenlabs"):
                for key in (world.keys[provider], world.token):
                    query = {
                        "run": provider,
                        "relay": world.secure_url,
                        "token": world.token,
                        "key": key,
                    }
                    page.goto(f"{_PAGE.as_uri()}?{urlencode(query)}")
                    result = json.loads(page.evaluate(_RESULT))
                    assert result["output"], result
                    assert result["protocol"] == "relay"
                    assert (result["provider"], result["code"]) == (provider, 1000)

    with_world(client)


def test_the_answered_subprotocol(tmp_path: Path) -> None:
    """An entry that is no secret, where one was offered; a page reads it in ``ws.protocol``."""
    program = needs(chromium_path(), "chromium")

    def client(world: World) -> None:
        entry = f"cf-aig-authorization.{world.token}"
        google = f"{world.secure_url}/google?api_key={world.keys['google']}"
        eleven = f"{world.secure_url}/elevenlabs?agent_id=a"
        key = f"xi-api-key.{world.keys['elevenlabs']}"
        openai = f"{world.secure_url}/openai?model=m"
        insecure = f"openai-insecure-api-key.{world.token}"
        with open_page(program, tmp_path / "profile", _spki(world)) as page:
            for url, offered, answered in (
                (google, [entry, "relay"], "relay"),
                (google, [entry], entry),  # nothing else was offered, and silence would fail it
                (eleven, [key, entry], entry),
                (eleven, [key, entry, "convai"], "convai"),
                (openai, ["realtime", insecure], "realtime"),
                (openai, ["realtime", insecure, "openai-beta.realtime-v1"], "realtime"),
            ):
                result = _connect(page, url, offered)
                assert (result["protocol"], result["code"]) == (answered, 1000), offered

    with_world(client)


@pytest.mark.parametrize("token", ["rly_unknown", "other"])
def test_a_refused_page_sees_1006(token: str, tmp_path: Path) -> None:
    """The refusal is an HTTP answer, which browsers do not show: no accept-then-close."""
    program = needs(chromium_path(), "chromium")

    def client(world: World) -> None:
        with open_page(program, tmp_path / "profile", _spki(world)) as page:
            url = f"{world.secure_url}/google?api_key=k"
            result = _connect(page, url, ["relay", f"cf-aig-authorization.{token}"])
            assert (result["protocol"], result["code"]) == (None, 1006)

    with_world(client)
