"""How long the steps of an opening took."""

from __future__ import annotations

import trio

__all__ = ["Stopwatch"]


class Stopwatch:
    """Begins to run when it is made."""

    def __init__(self) -> None:
        self._lap_began = trio.current_time()
        self.milliseconds: dict[str, float] = {}
        """What each step took, as ``step_ms``, in their order; for one that was done again, what
        it took in all."""

    def lap(self, step: str) -> None:
        """Say that a step has ended, and the next begins."""
        now = trio.current_time()
        before = self.milliseconds.get(f"{step}_ms", 0.0)
        self.milliseconds[f"{step}_ms"] = round(before + (now - self._lap_began) * 1000, 3)
        self._lap_began = now
