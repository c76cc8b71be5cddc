"""What the tests of the demo share: a world of their own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import trio

from relay.demo.world import World, serve_world

__all__ = ["resource", "run_in_world"]

_REQUIRED = {  # what a provider wants of its own
    "assemblyai": "?sample_rate=16000",
    "fal": "/fal-ai/flux",
    "inworld": "?key=session&protocol=realtime",
    "workers-ai": "?model=@cf/deepgram/nova-3",
}


def resource(provider: str) -> str:
    """What follows a gateway's URL, for a session with a provider that its double accepts."""
    return provider + _REQUIRED.get(provider, "?model=m&agent_id=a")


def run_in_world(test: Callable[[World], Awaitable[None]]) -> None:
    """Run a test while a demo's world is served on free ports."""

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            serve = partial(serve_world, http_port=0, https_port=0)
            await test(await nursery.start(serve))
            nursery.cancel_scope.cancel()

    trio.run(main)
