"""What was used and what it cost: by day, gateway and provider."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from fastapi import APIRouter, Depends, HTTPException
from pydantic import BaseModel

from relay.admin.access import ControlOf, may_read
from relay.admin.parameters import TimeOfDay
from relay.admin.reading import in_thread

__all__ = ["router"]

_DAYS = 30

router = APIRouter(prefix="/api", tags=["sessions"])


class Total(BaseModel):
    """What one gateway had of one provider in one day (UTC)."""

    day: date
    gateway: str
    provider: str
    sessions: int
    """Openings that led to none among them."""
    seconds: float
    """From their 101 to their end, in all."""
    cost: Decimal | None
    """In US dollars, as far as it is known; None if it is of none."""
    unpriced: int
    """Sessions of which it is not, or not wholly."""
    usage: dict[str, int | Decimal]
    """What is not zero."""


class Totals(BaseModel):
    """The newest day first."""

    days: list[Total]


@router.get(
    "/totals",
    dependencies=[Depends(may_read)],
    responses={404: {"description": "Nobody keeps sessions."}},
)
async def totals(
    control: ControlOf, since: TimeOfDay | None = None, until: TimeOfDay | None = None
) -> Totals:
    """Of the sessions that began in a span of time: if nothing else is said, in 30 days."""
    history = control.history
    if history is None:
        raise HTTPException(404, "nobody keeps sessions: [records] names no store")
    end = until or datetime.now(UTC)
    begin = since or end - timedelta(days=_DAYS)
    found = await in_thread(lambda: history.totals(begin, end))
    return Totals(
        days=[
            Total(
                day=each.day,
                gateway=each.gateway,
                provider=each.provider,
                sessions=each.sessions,
                seconds=each.seconds,
                cost=each.cost,
                unpriced=each.unpriced,
                usage=each.usage.counted(),
            )
            for each in found
        ]
    )
