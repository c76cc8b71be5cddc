"""The relay's log: structured, on stderr."""

from __future__ import annotations

import logging
import sys
import traceback
from contextlib import suppress
from functools import partial
from pathlib import Path

import structlog

__all__ = ["configure", "log_fault"]


def configure(level: str, *, json: bool) -> None:
    """Say what is logged, and how.

    Args:
        level: ``debug``, ``info``, ``warning`` or ``error``.
        json: One JSON object per line instead of text for people.
    """
    threshold = getattr(logging, level.upper())
    stream = sys.stderr  # None in a process that was started without it
    renderer: structlog.typing.Processor
    if json:
        renderer = structlog.processors.JSONRenderer(default=str)
    else:
        renderer = structlog.dev.ConsoleRenderer(colors=stream is not None and stream.isatty())
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.ReturnLoggerFactory()
        if stream is None
        else partial(_Logger, stream),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [_FromLibraries()]
    root.setLevel(threshold)


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


class _Logger(structlog.WriteLogger):
    """Writes lines while it can: that one cannot be written is no reason to end a session."""

    def msg(self, message: str) -> None:
        with suppress(OSError, ValueError):
            super().msg(message)

    log = debug = info = warn = warning = err = error = fatal = critical = exception = msg


class _FromLibraries(logging.Handler):
    """What libraries log by the standard module, such as Trio when descriptors run out.

    It becomes a line like any other, without the traceback that the module would print.
    """

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger().log(record.levelno, record.getMessage(), logger=record.name)
