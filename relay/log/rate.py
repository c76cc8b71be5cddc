"""A limit on log lines that strangers cause."""

from __future__ import annotations

import structlog
import trio

__all__ = ["LogRate"]

_log = structlog.get_logger()


class LogRate:
    """Lets some lines pass each second, and says how many others there were.

    Args:
        what: What the others are, for the line that counts them.
        per_second: How many pass.
    """

    def __init__(self, what: str, per_second: int) -> None:
        self._what = what
        self._per_second = per_second
        self._second = 0
        self._passed = 0
        self._held_back = 0

    def may_log(self) -> bool:
        """Whether one more line may pass now."""
        second = int(trio.current_time())
        if second != self._second:
            if self._held_back:
                _log.warning(f"{self._what} not logged", count=self._held_back)
            self._second, self._passed, self._held_back = second, 0, 0
        if self._passed < self._per_second:
            self._passed += 1
            return True
        self._held_back += 1
        return False
