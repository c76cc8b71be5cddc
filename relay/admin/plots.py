"""The last hour, in columns: what a plot takes."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from relay.admin.access import ControlOf, may_read
from relay.last_hour import STEP

__all__ = ["router"]

router = APIRouter(prefix="/api", tags=["plots"])

_Times = list[float | None]


class Refusals(BaseModel):
    """Of one kind."""

    by: str
    """``relay`` or ``provider``."""
    status: int
    code: int | None
    counts: list[int]


class FirstAudio(BaseModel):
    """From the beginning of a turn to its first audio: half, and 95 %, took no longer."""

    p50: _Times
    p95: _Times


class AddedLatency(BaseModel):
    """From the reading of a chunk to its writing, likewise."""

    p50: _Times
    p95: _Times
    p99: _Times


class Hour(BaseModel):
    """Steps, the oldest first. Times are seconds; None where there was nothing to time."""

    step: float
    at: list[float]
    """When each ended, in Unix time."""
    sessions: list[int]
    """Open at its end."""
    openings: list[int]
    ended: list[int]
    bytes_in: list[int]
    bytes_out: list[int]
    first_audio: FirstAudio
    added_latency: AddedLatency
    refusals: list[Refusals]


@router.get("/hour", dependencies=[Depends(may_read)])
async def hour(control: ControlOf) -> Hour:
    """What the relay did in the last hour, or since it began."""
    steps = [] if control.last_hour is None else list(control.last_hour.steps)
    columns: dict[str, Any] = {
        name: [getattr(each, name) for each in steps]
        for name in ("sessions", "openings", "ended", "bytes_in", "bytes_out")
    }
    kinds = sorted({kind for each in steps for kind in each.refusals}, key=str)
    return Hour(
        step=STEP,
        at=[each.ended_at for each in steps],
        first_audio=FirstAudio(
            p50=[each.first_audio[0] for each in steps],
            p95=[each.first_audio[1] for each in steps],
        ),
        added_latency=AddedLatency(
            p50=[each.added_latency[0] for each in steps],
            p95=[each.added_latency[1] for each in steps],
            p99=[each.added_latency[2] for each in steps],
        ),
        refusals=[
            Refusals(
                by=kind.by,
                status=kind.status,
                code=kind.code,
                counts=[each.refusals.get(kind, 0) for each in steps],
            )
            for kind in kinds
        ],
        **columns,
    )
