"""Every driver of the core: the server's two, and those of examples/embedding. One suite for all.

What the examples leave out, and why, stands in docs/embedding.md.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from types import ModuleType
from typing import Any

import pytest
import trio
import uvloop

from relay.drivers.reactor import Reactor
from relay.server import Server
from relay.settings import Settings
from tests.docs.snippets import ROOT, snippets

__all__ = [
    "DRIVERS",
    "GUIDE",
    "OURS",
    "Running",
    "example",
    "guide",
    "in_every_driver",
    "running",
    "with_the_guide",
]

GUIDE = ROOT / "docs" / "embedding.md"
OURS = ("fast", "portable")
"""Those of the server, which also logs and keeps records."""
DRIVERS = (*OURS, "asyncio", "uvloop", "threads")
in_every_driver = pytest.mark.parametrize("driver", DRIVERS)
with_the_guide = pytest.mark.parametrize("driver", [*DRIVERS, "guide"])
"""And with the relay that the guide builds, which is less than the examples are."""

_EXAMPLES = ROOT / "examples" / "embedding"


@dataclass
class Running:
    """A relay that serves."""

    ports: list[int]
    """Of the listeners, in their order."""
    drain: Callable[[], Awaitable[None]]
    """Have it end its sessions, and wait until they have ended."""


@functools.cache
def example(name: str) -> ModuleType:
    """A program of examples/embedding, as a module: from its folder, as Python runs it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(_EXAMPLES)
        return importlib.import_module(name)


def guide() -> ModuleType:
    """The guide's snippets as one module; a traceback gives the page's lines."""
    module = ModuleType("guide")
    for snippet in snippets(GUIDE.relative_to(ROOT).as_posix(), "python"):
        exec(snippet.compiled(), vars(module))  # noqa: S102 - what a reader would run
    return module


@asynccontextmanager
async def running(
    driver: str, settings: Settings, captures: Path | None = None
) -> AsyncIterator[Running]:
    """A relay by that driver; what is left of its sessions is cut off when the block is left.

    Args:
        driver: One of :data:`DRIVERS`.
        settings: What it runs by.
        captures: Where captures of its sessions go, by asyncio's driver.
    """
    if driver in OURS:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Reactor, "is_available", lambda: driver == "fast")
            async with trio.open_nursery() as nursery:
                server, ended = Server(settings), trio.Event()

                async def run(task_status: trio.TaskStatus[Server]) -> None:
                    await server.run(task_status=task_status)
                    ended.set()

                async def drain() -> None:
                    server.drain()
                    await ended.wait()

                await nursery.start(run)
                yield Running([each.port for each in server.addresses], drain)
                nursery.cancel_scope.cancel()
        return
    with _no_faults():
        relay: _ThreadsRelay | _AsyncioRelay
        if driver == "threads":
            relay = _ThreadsRelay(settings)
        else:
            relay = _AsyncioRelay(driver, settings, captures)
        ports = await trio.to_thread.run_sync(relay.start)
        try:
            yield Running(ports, functools.partial(trio.to_thread.run_sync, relay.drain))
        finally:
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(relay.stop)


class _Handler(logging.Handler):
    """Keeps errors."""

    def __init__(self, kept: list[logging.LogRecord]) -> None:
        super().__init__(logging.ERROR)
        self._kept = kept

    def emit(self, record: logging.LogRecord) -> None:
        self._kept.append(record)


@contextmanager
def _no_faults() -> Iterator[None]:
    """Nothing that is logged meanwhile may be an error: of a driver, or of what it runs on."""
    faults: list[logging.LogRecord] = []
    handler = _Handler(faults)
    loggers = [logging.getLogger(name) for name in ("relay", "asyncio")]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
    assert [each.getMessage() for each in faults] == []


def _its_settings(settings: Settings) -> Any:
    return example("settings").Settings(
        settings.gateways,
        settings.providers,
        settings.trust,
        limits=settings.limits,
        timeouts=settings.timeouts,
    )


class _AsyncioRelay:
    """The one on asyncio's streams, in a thread with a loop of its own."""

    def __init__(self, driver: str, settings: Settings, captures: Path | None) -> None:
        self._captures = captures
        self._is_guide = driver == "guide"
        self._run = uvloop.run if driver == "uvloop" else asyncio.run
        self._settings = settings
        self._started: SimpleQueue[list[int] | BaseException] = SimpleQueue()
        self._thread = threading.Thread(target=self._serve)
        self._loop: asyncio.AbstractEventLoop
        self._relay: Any
        self._stop: asyncio.Event

    def start(self) -> list[int]:
        self._thread.start()
        ports = self._started.get()
        assert isinstance(ports, list), ports
        return ports

    def drain(self) -> None:
        asyncio.run_coroutine_threadsafe(self._relay.drain(), self._loop).result()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _serve(self) -> None:
        try:
            self._run(self._main())
        except BaseException as error:
            self._started.put(error)
            raise

    async def _main(self) -> None:
        settings = self._settings
        if self._is_guide:
            self._relay = _GuideRelay(settings)
        elif self._captures is not None:
            self._relay = example("capture").Relay(_its_settings(settings), self._captures)
        else:
            self._relay = example("asyncio_relay").Relay(_its_settings(settings))
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        servers = []
        for listener in settings.listeners:
            secure = listener.scheme == "https" and settings.tls is not None
            tls = settings.tls.context() if secure and settings.tls else None
            servers.append(await self._relay.listen(listener.host, listener.port, tls))
        self._started.put([each.sockets[0].getsockname()[1] for each in servers])
        await self._stop.wait()
        for server in servers:
            server.close()
        tasks = list(self._relay.sessions)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _GuideRelay:
    """The one that docs/embedding.md builds."""

    def __init__(self, settings: Settings) -> None:
        module: Any = guide()
        module.gateways, module.providers = settings.gateways, settings.providers
        module.limits, module.timeouts = settings.limits, settings.timeouts
        module.trust = settings.trust["openai"]
        self.listen = module.serve
        self.sessions: set[asyncio.Task[None]] = module.sessions


class _ThreadsRelay:
    """The one of blocking sockets."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._relay = example("threads_relay").Relay(_its_settings(settings))

    def start(self) -> list[int]:
        ports = []
        for listener in self._settings.listeners:
            secure = listener.scheme == "https" and self._settings.tls is not None
            tls = self._settings.tls.context() if secure and self._settings.tls else None
            ports.append(self._relay.listen(listener.host, listener.port, tls))
        return ports

    def drain(self) -> None:
        self._relay.drain()

    def stop(self) -> None:
        self._relay.close()
