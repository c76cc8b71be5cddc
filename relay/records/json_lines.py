"""Records as JSON, a line each: for log collectors, and for those who want no database."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from relay.records.session_record import SessionRecord, to_json
from relay.records.writer import RejectedError, SinkError

__all__ = ["JsonLines"]


class JsonLines:
    """Writes lines to a file, or to stdout.

    The file is opened for each batch, so another program may rotate it.

    Args:
        path: The file; None for stdout.
    """

    name = "json_lines"

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def write(self, records: Sequence[SessionRecord]) -> None:
        """Append them, whole lines or none.

        Raises:
            RejectedError: stdout does not take them; what has gone out cannot be taken back.
            SinkError: That failed.
            TypeError, ValueError: One of them is no JSON (RFC 8259); none is written.
        """
        lines = "".join(
            json.dumps(to_json(record), separators=(",", ":"), allow_nan=False) + "\n"
            for record in records
        ).encode()
        try:
            if self._path is None:
                _write(sys.stdout.fileno(), lines)
            else:
                _append(self._path, lines)
        except OSError as error:
            why = error.strerror or str(error)
            if self._path is None:
                raise RejectedError(why, len(records)) from None
            raise SinkError(why) from None

    def close(self) -> None:
        """Nothing is held open."""


def _append(path: Path, lines: bytes) -> None:
    """Append to a file, or leave it as it was."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
    try:
        size = os.fstat(file).st_size
        try:
            _write(file, lines)
        except OSError:
            with suppress(OSError):  # no regular file
                os.ftruncate(file, size)
            raise
    finally:
        os.close(file)


def _write(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]
