"""Records as JSON, a line each: for log collectors, and for those who want no database."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from relay.records.writer import SinkError
from relay.session_record import SessionRecord, to_json

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
        """Append them.

        Raises:
            SinkError: That failed; a part of them may be there.
        """
        lines = "".join(
            json.dumps(to_json(record), separators=(",", ":")) + "\n" for record in records
        )
        try:
            if self._path is None:
                sys.stdout.write(lines)
                sys.stdout.flush()
            else:
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(lines)
        except OSError as error:
            raise SinkError(error.strerror or str(error)) from None

    def close(self) -> None:
        """Nothing is held open."""
