"""``relay demo``: a relay, doubles of its providers, and the documented examples through both.

Everything is made afresh and stays on the loopback address. Logging is the caller's to configure:
log lines below WARNING would run into the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import trio
from rich.console import Console
from rich.text import Text

from relay.demo.conversations import Progress, State, converse
from relay.demo.examples import EXAMPLES
from relay.demo.live import FAULTS, FAULTS_IN_WORDS, stay_live
from relay.demo.snippets import print_snippets
from relay.demo.table import live_table
from relay.demo.world import World, serve_world
from relay.doubles.faults import NamedFault

__all__ = ["demo"]


async def demo(
    *,
    once: bool,
    http_port: int,
    https_port: int,
    admin_port: int,
    console: Console,
    live: bool = False,
    faults: Mapping[str, NamedFault] | None = None,
) -> bool:
    """Run the examples through a relay, one after the other, and show how it went.

    Args:
        once: Return then; else print how to connect, and serve until cancelled.
        http_port: Where the relay listens without TLS; a free port if it is taken, or 0.
        https_port: Where it listens with TLS, likewise.
        admin_port: Where it listens for the operator, likewise, unless it returns at once.
        console: Where to print.
        live: Whether to hold some sessions while it serves.
        faults: By provider, what its double does wrong. Its example is not run: it would fail, and
            might take its time.

    Returns:
        Whether all conversations succeeded.
    """
    async with trio.open_nursery() as nursery:
        faults = faults or {}
        serve = partial(
            serve_world,
            http_port=http_port,
            https_port=https_port,
            admin_port=None if once else admin_port,
            faults={**FAULTS, **faults} if live else faults,
        )
        world: World = await nursery.start(serve)
        _say(console, f"relay at {world.secure_url}", f"     and {world.plain_url}")
        for fault, providers in _by_fault(faults).items():
            _say(console, f"{fault} at {', '.join(providers)}:", f"     {fault.summary}")
        examples = [example for example in EXAMPLES if example.provider not in faults]
        conversations = [Progress(example.provider, example.authentication) for example in examples]
        with live_table(console, conversations) as changed:
            for example, progress in zip(examples, conversations, strict=True):
                await converse(example, world, progress, changed)
        succeeded = all(progress.state is State.DONE for progress in conversations)
        if not once:
            print_snippets(console, world)
            _say(console, *_where_to_look(world), *(_what_fails(faults) if live else ()))
            _say(console, "Serving until Ctrl-C.")
            if live:
                await stay_live(world)
            await trio.sleep_forever()
        nursery.cancel_scope.cancel()
    return succeeded


def _by_fault(faults: Mapping[str, NamedFault]) -> Mapping[NamedFault, list[str]]:
    """The providers that have each fault."""
    providers: dict[NamedFault, list[str]] = {}
    for provider, fault in faults.items():
        providers.setdefault(fault, []).append(provider)
    return providers


def _where_to_look(world: World) -> list[str]:
    """The page, and the same in a terminal."""
    return [
        f"page  {world.admin_url}/   token {world.admin_token}",
        f"also  export RELAY_ADMIN_TOKEN={world.admin_token}",
        f"      relay top --url {world.admin_url}",
        f"      relay tail --url {world.admin_url} SESSION",
    ]


def _what_fails(faults: Mapping[str, NamedFault]) -> list[str]:
    """What is wrong with the doubles that only the live sessions need so.

    Args:
        faults: Those that were asked for, which are said already.
    """
    return [
        f"The double of {provider} {words} ({FAULTS[provider]})."
        for provider, words in FAULTS_IN_WORDS.items()
        if provider not in faults
    ]


def _say(console: Console, *lines: str) -> None:
    console.print(Text("\n".join(lines)), soft_wrap=True)
