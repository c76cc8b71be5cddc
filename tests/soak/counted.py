"""The relay's commands, but that SIGUSR1 has ``relay serve`` say how many Trio tasks it has.

With ``--portable`` in front of the command, sessions are carried by the portable pump.
"""

from __future__ import annotations

import gc
import signal
import sys
from unittest.mock import patch

import trio

from relay.cli import main
from relay.drivers.reactor import Reactor
from relay.server import Server

_run = Server.run


async def _counted(server: Server, *, task_status: trio.TaskStatus[Server]) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_report, server)
        await _run(server, task_status=task_status)
        nursery.cancel_scope.cancel()


async def _report(server: Server) -> None:
    with trio.open_signal_receiver(signal.SIGUSR1) as signals:
        async for _ in signals:
            gc.collect()
            root = trio.lowlevel.current_root_task()
            assert root is not None
            print(f"counted {_tasks_below(root)} {server.quotas.open}", file=sys.stderr, flush=True)  # noqa: T201


def _tasks_below(task: trio.lowlevel.Task) -> int:
    children = (child for nursery in task.child_nurseries for child in nursery.child_tasks)
    return 1 + sum(map(_tasks_below, children))


if __name__ == "__main__":
    portable = "--portable" in sys.argv
    if portable:
        sys.argv.remove("--portable")
    with (
        patch.object(Server, "run", _counted),
        patch.object(Reactor, "is_available", return_value=not portable and Reactor.is_available()),
    ):
        main()
