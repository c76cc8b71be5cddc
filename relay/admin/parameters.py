"""What stands in the paths and queries of several endpoints."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Path
from pydantic import AfterValidator, AwareDatetime

__all__ = ["SessionId", "TimeOfDay"]

_YEARS = range(1970, 9999)  # Unix time, and what can be reckoned with beyond


def _in_utc(moment: datetime) -> datetime:
    if moment.year not in _YEARS:
        raise ValueError("must be in the years from 1970 to 9998")
    return moment.astimezone(UTC)


TimeOfDay = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""With an offset, as UTC."""

SessionId = Annotated[str, Path(pattern="^[0-9a-fA-F-]{1,36}$", description="A session's id.")]
