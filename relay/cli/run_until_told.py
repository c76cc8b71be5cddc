"""How commands run that end by themselves, or by a signal."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Awaitable, Callable

import trio
import typer

__all__ = ["run_until_told"]


def run_until_told(run: Callable[[], Awaitable[bool]]) -> None:
    """Run a command until it returns or a signal ends it; exit with 1 if it returns False."""

    async def bounded() -> bool:
        succeeded = True
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_cancel_at_signal, signals, nursery.cancel_scope)
                succeeded = await run()
                nursery.cancel_scope.cancel()
        return succeeded

    if not trio.run(bounded):
        raise typer.Exit(1)


async def _cancel_at_signal(signals: AsyncIterator[int], everything: trio.CancelScope) -> None:
    await anext(signals)
    everything.cancel()
