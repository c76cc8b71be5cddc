"""Doubles of the providers for tests of any runtime: they run on Trio, in a thread of their own."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from relay.doubles import Fault, Request, parse_fault, serve_double
from relay.testing.runtimes import on_trio

__all__ = ["RunningDouble", "StartDouble", "running_doubles"]


@dataclass(frozen=True)
class RunningDouble:
    """A double that serves on this machine, without TLS."""

    provider: str
    host: str
    port: int
    key: str
    """The one credential that it accepts."""
    requests: list[Request]
    """The opening handshakes that have arrived, before they were judged."""

    @property
    def url(self) -> str:
        """``ws://HOST:PORT``, to which the provider's native paths are appended."""
        return f"ws://{self.host}:{self.port}"


StartDouble = Callable[..., RunningDouble]
"""Starts a double: the provider's name, and as options its ``key`` and its ``fault``.

A fault is a :class:`~relay.doubles.faults.Fault`, or its line, such as ``drop:after=3``
(docs/faults.md). Unknown providers raise KeyError, unknown faults ValueError.
"""


@contextmanager
def running_doubles() -> Iterator[StartDouble]:
    """Doubles until the block is left; gives the function that starts one."""
    with on_trio() as run:

        def start(
            provider: str, *, key: str = "test-key", fault: Fault | str | None = None
        ) -> RunningDouble:
            requests: list[Request] = []
            serve = functools.partial(
                serve_double,
                provider,
                key,
                observe=requests.append,
                fault=parse_fault(fault) if isinstance(fault, str) else fault,
            )
            return RunningDouble(provider, "127.0.0.1", run(serve), key, requests)

        yield start
