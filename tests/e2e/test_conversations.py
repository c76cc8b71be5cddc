"""The four documented examples with doubles of their providers, by every driver."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

import pytest
import trio

from relay.demo.conversations import Progress, State, converse
from relay.demo.examples import EXAMPLES, Example
from relay.demo.world import World
from relay.doubles import serve_double
from relay.protocol import Gateway, GatewayToken, Secret, by_name
from relay.settings import Listener, Settings
from relay.tls import ServerTls
from tests.certificates import authority, client_context, server_context, write_pem
from tests.e2e.drivers import in_every_driver, running
from tests.e2e.support import TOKEN
from tests.support import real_clock

_KEY = "key-of-the-double"


@pytest.mark.parametrize("lane", ["verbatim", "messages"])
@pytest.mark.parametrize("key", ["its own key", "the gateway's key"])
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: each.provider)
@in_every_driver
@real_clock
async def test_a_conversation(
    driver: str, example: Example, key: str, lane: str, tmp_path: Path
) -> None:
    provider = by_name()[example.provider]
    ca = tmp_path / "ca.pem"
    authority().cert_pem.write_to_path(ca)
    gateway = Gateway(
        "demo/main",
        tokens=(GatewayToken("demo", hashlib.sha256(TOKEN.encode()).digest()),),
        stored_key=lambda _provider, _alias: Secret(_KEY.encode()),
        messages_lane=lane == "messages",
    )
    serve = functools.partial(
        serve_double, provider.name, _KEY, ssl_context=server_context("localhost")
    )
    progress = Progress(provider.name)
    async with trio.open_nursery() as nursery:
        port = await nursery.start(serve)
        settings = Settings(
            listeners=(Listener("https", "127.0.0.1"),),
            gateways={gateway.name: gateway},
            providers=by_name((provider.at(f"wss://localhost:{port}"),)),
            trust={provider.name: client_context()},
            tls=ServerTls(*write_pem(tmp_path, "localhost", "127.0.0.1")),
        )
        async with running(driver, settings) as relayed:
            presented = _KEY if key == "its own key" else TOKEN
            world = World(0, relayed.ports[0], TOKEN, {provider.name: presented}, ca)
            await converse(example, world, progress, lambda: None)
        nursery.cancel_scope.cancel()
    assert (progress.state, progress.failure) == (State.DONE, "")
    assert progress.close_code == 1000
    assert progress.received.messages > 0
