"""How long the steps of an opening took."""

from __future__ import annotations

import trio

__all__ = ["Stopwatch"]


class Stopwatch:
    """Begins to run when it is made."""

    def __init__(self) -> None:
        self._began = self._lap_began = trio.current_time()
        self.seconds: dict[str, float] = {}
        """What each step took, in their order; for one that was done again, what it took in all."""

    @property
    def elapsed(self) -> float:
        """Seconds since it was made."""
        return trio.current_time() - self._began

    def lap(self, step: str) -> None:
        """Say that a step has ended, and the next begins."""
        now = trio.current_time()
        self.seconds[step] = self.seconds.get(step, 0.0) + now - self._lap_began
        self._lap_began = now
