"""Sessions that somebody always holds, so that there is something to look at."""

from __future__ import annotations

from collections.abc import Mapping

import trio

from relay.client import Closed, OpeningFailed, Rejected, open_websocket, split_url
from relay.demo.callers import CALLERS, Caller
from relay.demo.talk import Talk
from relay.demo.world import World
from relay.doubles.faults import NamedFault, parse_fault

__all__ = ["FAULTS", "FAULTS_IN_WORDS", "stay_live"]

FAULTS: Mapping[str, NamedFault] = {
    "assemblyai": parse_fault("late:4s"),
    "mistral": parse_fault("close:after=6,3000 insufficient_quota"),
}
"""By provider: what is wrong with some of them, so that not all that there is to see is well."""

FAULTS_IN_WORDS: Mapping[str, str] = {
    "assemblyai": "answers an opening only after 4 s",
    "mistral": "closes with 3000 insufficient_quota after 6 messages",
}
"""The same for whoever looks at them."""


async def stay_live(world: World, *, pace: float = 1.0) -> None:
    """Hold sessions until cancelled, each of them again and again.

    Args:
        world: Where.
        pace: What each time is multiplied by; 1 for the pace of people.
    """
    async with trio.open_nursery() as nursery:
        for caller in CALLERS:
            nursery.start_soon(_again_and_again, caller, world, pace)


async def _again_and_again(caller: Caller, world: World, pace: float) -> None:
    while True:
        for resource in caller.resources:
            await _call(caller, resource, world, pace)
            await trio.sleep(caller.again_after * pace)


async def _call(caller: Caller, resource: str, world: World, pace: float) -> None:
    """Hold one session; whatever becomes of it is what there is to see."""
    url = split_url(f"{world.plain_url}/{resource}")
    credential = ("cf-aig-authorization", world.token)
    try:
        async with await trio.open_tcp_stream(url.host, url.port) as stream:
            connection = await open_websocket(
                stream, url.authority, url.target, fields=[credential, *caller.fields]
            )
            await caller.talk(Talk(connection, pace))
            await connection.close()
    except (Rejected, OpeningFailed, Closed, OSError, trio.BrokenResourceError):
        return
