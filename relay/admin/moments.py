"""Times of day in queries."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime

__all__ = ["Moment"]

_YEARS = range(1970, 9999)  # Unix time, and what can be reckoned with beyond


def _in_utc(moment: datetime) -> datetime:
    if moment.year not in _YEARS:
        raise ValueError("must be in the years from 1970 to 9998")
    return moment.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A time of day with an offset, as UTC."""
