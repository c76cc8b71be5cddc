"""``relay demo``: a relay, doubles of its providers, and the documented examples through both.

Everything is made afresh and stays on the loopback address. Logging is the caller's to configure:
log lines below WARNING would run into the table.
"""

from __future__ import annotations

from functools import partial

import trio
from rich.console import Console
from rich.text import Text

from relay.demo.conversations import Progress, State, converse
from relay.demo.examples import EXAMPLES
from relay.demo.snippets import print_snippets
from relay.demo.table import live_table
from relay.demo.world import World, serve_world

__all__ = ["demo"]


async def demo(*, once: bool, http_port: int, https_port: int, console: Console) -> bool:
    """Run the examples through a relay, one after the other, and show how it went.

    Args:
        once: Return then; else print how to connect, and serve until cancelled.
        http_port: Where the relay listens without TLS; a free port if it is taken, or 0.
        https_port: Where it listens with TLS, likewise.
        console: Where to print.

    Returns:
        Whether all conversations succeeded.
    """
    async with trio.open_nursery() as nursery:
        serve = partial(serve_world, http_port=http_port, https_port=https_port)
        world: World = await nursery.start(serve)
        _say(console, f"relay at {world.secure_url}", f"     and {world.plain_url}")
        conversations = [Progress(example.provider, example.authentication) for example in EXAMPLES]
        with live_table(console, conversations) as changed:
            for example, progress in zip(EXAMPLES, conversations, strict=True):
                await converse(example, world, progress, changed)
        succeeded = all(progress.state is State.DONE for progress in conversations)
        if not once:
            print_snippets(console, world)
            _say(console, "Serving until Ctrl-C.")
            await trio.sleep_forever()
        nursery.cancel_scope.cancel()
    return succeeded


def _say(console: Console, *lines: str) -> None:
    console.print(Text("\n".join(lines)), soft_wrap=True)
