"""Reading the store for an operator, while sessions go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import structlog
import trio
from fastapi import HTTPException

__all__ = ["in_thread"]

_TIMEOUT = 15.0  # seconds
_THREADS = 2
_limiter = trio.CapacityLimiter(_THREADS)
_log = structlog.get_logger()
_T = TypeVar("_T")


async def in_thread(read: Callable[[], _T]) -> _T:
    """Read it in a thread.

    Raises:
        HTTPException: 503 if it cannot be read in time, or at all.
    """
    from relay.records.store import StoreError  # noqa: PLC0415 - SQLAlchemy loads slowly

    with trio.move_on_after(_TIMEOUT):
        try:
            return await trio.to_thread.run_sync(read, abandon_on_cancel=True, limiter=_limiter)
        except StoreError as error:
            _log.error("the store cannot be read", error=str(error))
            raise HTTPException(503, "the store cannot be read: the log says why") from None
    raise HTTPException(503, "the store does not answer in time")
