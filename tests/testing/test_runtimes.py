"""A subject that does not start or does not end fails its test, and does not hang it."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

import pytest
import trio
import trio.testing

from relay.testing.runtimes import asyncio_subject, trio_subject
from relay.testing.subject import Address

ORIGIN = Address("127.0.0.1", 9)


async def listening() -> asyncio.Server:
    return await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)


def test_one_that_serves_instead_of_returning_its_server() -> None:
    async def start(_: Address) -> asyncio.Server:
        server = await listening()
        await server.serve_forever()
        return server

    subject = asyncio_subject(start, patience=0.1)
    with pytest.raises(TimeoutError, match="start has to return its server"), subject(ORIGIN):
        pass


def test_one_whose_start_times_out_by_itself() -> None:
    async def start(_: Address) -> asyncio.Server:
        raise TimeoutError("the database")

    with pytest.raises(TimeoutError, match=r"^the database$"), asyncio_subject(start)(ORIGIN):
        pass


def test_one_that_heeds_no_cancellation() -> None:
    released = threading.Event()
    tasks = []

    async def stubborn() -> None:
        while not released.is_set():
            with suppress(asyncio.CancelledError, TimeoutError):
                await asyncio.wait_for(asyncio.Event().wait(), 0.05)

    async def start(_: Address) -> asyncio.Server:
        tasks.append(asyncio.create_task(stubborn()))
        return await listening()

    subject = asyncio_subject(start, patience=0.1)
    with pytest.raises(TimeoutError, match="heeds no cancellation"), subject(ORIGIN):
        pass
    released.set()


def test_one_that_blocks_its_loop() -> None:
    released, blocked = threading.Event(), threading.Event()

    def block() -> None:
        blocked.set()
        released.wait()

    async def start(_: Address) -> asyncio.Server:
        asyncio.get_running_loop().call_later(0, block)
        return await listening()

    subject = asyncio_subject(start, patience=0.1)
    with pytest.raises(TimeoutError, match="it blocks"), subject(ORIGIN):
        blocked.wait()
    released.set()


def test_one_on_trio_that_does_not_say_where_it_listens() -> None:
    async def run(_: Address, **_status: object) -> None:
        await trio.sleep_forever()

    subject = trio_subject(run, patience=0.1)
    with pytest.raises(TimeoutError, match="told its task_status nothing"), subject(ORIGIN):
        pass


def test_one_on_trio_that_blocks() -> None:
    released, blocked = threading.Event(), threading.Event()

    async def run(_: Address, *, task_status: trio.TaskStatus[tuple[str, int]]) -> None:
        task_status.started(("127.0.0.1", 1))
        await trio.testing.wait_all_tasks_blocked()  # so that it is known to have started
        blocked.set()
        released.wait()

    subject = trio_subject(run, patience=0.2)
    with pytest.raises(TimeoutError, match="one blocks"), subject(ORIGIN):
        blocked.wait()
    released.set()


def test_one_on_trio_that_cannot_start() -> None:
    async def run(_: Address, **_status: object) -> None:
        raise OSError("no port is free")

    with pytest.raises(OSError, match="no port is free"), trio_subject(run)(ORIGIN):
        pass
