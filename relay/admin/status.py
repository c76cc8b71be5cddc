"""What the page has to know before anybody has logged in."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Cookie
from pydantic import BaseModel

from relay.admin.access import COOKIE, AccessOf, ControlOf

__all__ = ["router"]

router = APIRouter(prefix="/api", tags=["operations"])


class Status(BaseModel):
    """The relay in short, and who asks."""

    draining: bool
    """Whether it opens no more sessions."""
    has_token: bool
    """Whether there is an operator's token, so that anybody can log in."""
    logged_in: bool
    """Whether the request's cookie is that of a login that goes on."""


@router.get("/status")
async def status(
    control: ControlOf,
    access: AccessOf,
    cookie: Annotated[str | None, Cookie(alias=COOKIE, include_in_schema=False)] = None,
) -> Status:
    """Tell it to everybody, and nothing else."""
    admin = control.settings.admin
    has_token = admin is not None and admin.token_sha256 is not None
    return Status(
        draining=control.draining is not None,
        has_token=has_token,
        logged_in=has_token and cookie is not None and access.is_logged_in(cookie),
    )
