"""What log lines look like: those of the relay, and those of libraries."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

from relay.log.lines import LogLines

__all__ = ["configure"]


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
    processors: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        renderer,
    ]

    def dropped(lines: int) -> str:
        event: Any = {"event": "log lines could not be written", "lines": lines}
        for process in processors:
            event = process(None, "warning", event)
        return str(event)

    logger = structlog.ReturnLogger() if stream is None else _Logger(LogLines(stream, dropped))
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=lambda *_: logger,
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [_FromLibraries()]
    root.setLevel(threshold)


class _Logger:
    """What structlog gives lines to: the same, whatever their level."""

    def __init__(self, lines: LogLines) -> None:
        self._lines = lines

    def msg(self, line: str) -> None:
        self._lines.write(line)

    log = debug = info = warn = warning = err = error = fatal = critical = exception = msg


class _FromLibraries(logging.Handler):
    """What libraries log by the standard module, such as Trio when descriptors run out.

    It becomes a line like any other, without the traceback that the module would print.
    """

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger().log(record.levelno, record.getMessage(), logger=record.name)
