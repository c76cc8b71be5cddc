"""What is logged of a fault of the relay's own."""

from __future__ import annotations

import traceback
from pathlib import Path

import structlog

__all__ = ["log_fault"]


def log_fault(log: structlog.typing.FilteringBoundLogger, error: BaseException) -> None:
    """Log where a fault of ours happened; not its words, which can hold bytes of a peer."""
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            log_fault(log, each)
        return
    calls = list(traceback.walk_tb(error.__traceback__))  # reads no source, as extract_tb would
    where = ""
    if calls:
        frame, line = calls[-1]
        where = f"{Path(frame.f_code.co_filename).name}:{line}"
    log.error("fault", error=type(error).__name__, where=where)
