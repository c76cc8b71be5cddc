"""Subjects that are coroutines: each runs in a thread of its own while a test asks it."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import trio

from relay.testing.subject import Address, Fidelity, Front, Subject

__all__ = ["asyncio_subject", "on_trio", "trio_subject"]


def asyncio_subject(
    start: Callable[[Address], Awaitable[asyncio.AbstractServer]],
    *,
    target: str = "/",
    fields: tuple[str, ...] = (),
    fidelity: Fidelity = Fidelity.MESSAGES,
) -> Subject:
    """A subject that runs on asyncio.

    Args:
        start: Starts it, given the origin's address, and returns its server, which listens. All of
            its tasks are cancelled at the end.
        target: As in :class:`~relay.testing.subject.Front`.
        fields: Likewise.
        fidelity: Likewise.
    """

    @contextmanager
    def subject(origin: Address) -> Iterator[Front]:
        loop = asyncio.new_event_loop()
        loop.set_exception_handler(lambda *_: None)  # what a subject loses is the laws' to find
        thread = threading.Thread(target=loop.run_forever, name="subject")
        thread.start()

        async def listen() -> tuple[asyncio.AbstractServer, Address]:
            server = await start(origin)
            host, port = server.sockets[0].getsockname()[:2]  # type: ignore[attr-defined]
            return server, Address(host, port)

        async def end(server: asyncio.AbstractServer | None) -> None:
            if server is not None:
                server.close()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for _ in range(3):  # for the ends of connections that they have closed
                await asyncio.sleep(0)

        server = None
        try:
            server, address = asyncio.run_coroutine_threadsafe(listen(), loop).result()
            yield Front(address, target, fields, fidelity)
        finally:
            asyncio.run_coroutine_threadsafe(end(server), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    return subject


def trio_subject(
    run: Callable[..., Awaitable[Any]],
    *,
    target: str = "/",
    fields: tuple[str, ...] = (),
    fidelity: Fidelity = Fidelity.MESSAGES,
) -> Subject:
    """A subject that runs on Trio.

    Args:
        run: Serves until it is cancelled. It is given the origin's address, and tells the
            ``task_status`` its own ``(host, port)`` once it listens.
        target: As in :class:`~relay.testing.subject.Front`.
        fields: Likewise.
        fidelity: Likewise.
    """

    @contextmanager
    def subject(origin: Address) -> Iterator[Front]:
        with on_trio() as start:
            host, port = start(functools.partial(run, origin))
            yield Front(Address(host, port), target, fields, fidelity)

    return subject


@contextmanager
def on_trio() -> Iterator[Callable[[Callable[..., Awaitable[Any]]], Any]]:
    """Trio in a thread of its own, until the block is left; then all that runs there is cancelled.

    Gives a function that starts a task as ``nursery.start`` does, and returns what the task told
    its ``task_status``. What a task raises is raised at the end of the block.
    """
    ready = threading.Event()
    failed: list[BaseException] = []
    inside: list[tuple[trio.lowlevel.TrioToken, trio.Nursery]] = []

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            inside.append((trio.lowlevel.current_trio_token(), nursery))
            ready.set()
            await trio.sleep_forever()

    def run() -> None:
        try:
            trio.run(main)
        except BaseException as error:  # noqa: BLE001 - raised again, in the other thread
            failed.append(error)

    thread = threading.Thread(target=run, name="trio")
    thread.start()
    ready.wait()
    token, nursery = inside[0]
    try:
        yield lambda task: trio.from_thread.run(nursery.start, task, trio_token=token)
    finally:
        with suppress(trio.RunFinishedError):  # a task has failed
            trio.from_thread.run_sync(nursery.cancel_scope.cancel, trio_token=token)
        thread.join()
    if failed:
        raise failed[0]
