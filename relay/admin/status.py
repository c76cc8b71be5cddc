"""What the page has to know before anybody has logged in."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel

from relay.admin.access import AccessOf, ControlOf, login_of

__all__ = ["router"]

router = APIRouter(prefix="/api", tags=["operations"])


class Status(BaseModel):
    """The relay in short, and who asks."""

    draining: bool
    """Whether it opens no more sessions."""
    has_token: bool
    """Whether there is an operator's token, so that anybody can log in."""
    logged_in: bool
    """Whether the request's cookie and ``X-Relay`` are those of a login that goes on."""


@router.get("/status")
async def status(request: Request, control: ControlOf, access: AccessOf) -> Status:
    """Tell it to everybody, and nothing else."""
    admin = control.settings.admin
    has_token = admin is not None and admin.token_sha256 is not None
    login = login_of(request)
    return Status(
        draining=control.draining is not None,
        has_token=has_token,
        logged_in=has_token and login is not None and access.is_logged_in(login),
    )
