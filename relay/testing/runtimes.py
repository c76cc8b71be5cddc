"""Subjects that are coroutines: each runs in a thread of its own while a test asks it.

A subject may block its loop, or heed no cancellation: then its thread is given up, so that a test
of it fails and does not hang.
"""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import trio

from relay.testing.subject import Address, Fidelity, Front, Subject

__all__ = ["asyncio_subject", "on_trio", "trio_subject"]

_T = TypeVar("_T")
_PATIENCE = 10.0


def asyncio_subject(
    start: Callable[[Address], Awaitable[asyncio.AbstractServer]],
    *,
    target: str = "/",
    fields: tuple[str, ...] = (),
    fidelity: Fidelity = Fidelity.MESSAGES,
    patience: float = _PATIENCE,
) -> Subject:
    """A subject that runs on asyncio.

    Args:
        start: Starts it, given the origin's address, and returns its server, which listens. All of
            its tasks are cancelled at the end.
        target: As in :class:`~relay.testing.subject.Front`.
        fields: Likewise.
        fidelity: Likewise.
        patience: Seconds for it to listen, and at the end for its tasks to end; TimeoutError is
            raised by the subject if they do not do.
    """

    @contextmanager
    def subject(origin: Address) -> Iterator[Front]:
        loop = asyncio.new_event_loop()
        loop.set_exception_handler(lambda *_: None)  # what a subject loses is the laws' to find
        thread = threading.Thread(target=loop.run_forever, name="subject", daemon=True)
        thread.start()

        def run(coroutine: Coroutine[Any, Any, _T], otherwise: str) -> _T:
            future = asyncio.run_coroutine_threadsafe(coroutine, loop)
            return _result(future, patience, otherwise)

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
            server, address = run(
                listen(),
                "the subject does not listen: start has to return its server, not to serve",
            )
            yield Front(address, target, fields, fidelity)
        finally:
            run(end(server), "the subject does not end: it blocks, or heeds no cancellation")
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
    patience: float = _PATIENCE,
) -> Subject:
    """A subject that runs on Trio.

    Args:
        run: Serves until it is cancelled. It is given the origin's address, and tells the
            ``task_status`` its own ``(host, port)`` once it listens.
        target: As in :class:`~relay.testing.subject.Front`.
        fields: Likewise.
        fidelity: Likewise.
        patience: Seconds for it to listen, and at the end for its tasks to end; TimeoutError is
            raised by the subject if they do not do.
    """

    @contextmanager
    def subject(origin: Address) -> Iterator[Front]:
        with on_trio(patience) as start:
            host, port = start(functools.partial(run, origin))
            yield Front(Address(host, port), target, fields, fidelity)

    return subject


@contextmanager
def on_trio(
    patience: float = _PATIENCE,
) -> Iterator[Callable[[Callable[..., Awaitable[Any]]], Any]]:
    """Trio in a thread of its own, until the block is left; then all that runs there is cancelled.

    Gives a function that starts a task as ``nursery.start`` does, and returns what the task told
    its ``task_status``. What a task raises is raised at the end of the block.

    Args:
        patience: Seconds for a task to start, and at the end for all of them to end.

    Raises:
        TimeoutError: They do not.
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

    thread = threading.Thread(target=run, name="trio", daemon=True)
    thread.start()
    ready.wait()
    token, nursery = inside[0]

    def start(task: Callable[..., Awaitable[Any]]) -> Any:
        told: Future[Any] = Future()

        async def begin() -> None:
            try:
                told.set_result(await nursery.start(task))
            except Exception as error:  # noqa: BLE001 - raised again, in the other thread
                told.set_exception(error)

        token.run_sync_soon(nursery.start_soon, begin)
        return _result(
            told, patience, "the task has not started: it told its task_status nothing, or blocks"
        )

    try:
        yield start
    finally:
        with suppress(trio.RunFinishedError):  # a task has failed
            token.run_sync_soon(nursery.cancel_scope.cancel)
        thread.join(patience)
    if thread.is_alive():
        raise TimeoutError(f"{patience:g} s have passed, and not all tasks have ended: one blocks")
    if failed:
        raise failed[0]


def _result(future: Future[_T], patience: float, otherwise: str) -> _T:
    """What comes of something in another thread.

    Raises:
        TimeoutError: Nothing, in so many seconds; ``otherwise`` says what that means.
    """
    try:
        return future.result(patience)
    except TimeoutError:
        if future.done():  # its own
            raise
        raise TimeoutError(f"{patience:g} s have passed, and {otherwise}") from None
