"""All rows, in the order in which they are printed."""

from __future__ import annotations

from tests.reliability import (
    buffering,
    clocks,
    dead_peers,
    deaths,
    descriptors,
    logs,
    memory,
    neighbours,
    openings,
    overload,
    stopping,
)

__all__ = ["ROWS"]

ROWS = (
    *memory.ROWS,
    *buffering.ROWS,
    *neighbours.ROWS,
    *deaths.ROWS,
    *dead_peers.ROWS,
    *stopping.ROWS,
    *overload.ROWS,
    *descriptors.ROWS,
    *openings.ROWS,
    *logs.ROWS,
    *clocks.ROWS,
)
