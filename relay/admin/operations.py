"""Logging in and out, the configuration in force, and the drain."""

from __future__ import annotations

from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field, SecretStr
from starlette.background import BackgroundTask

from relay.admin.access import (
    AccessOf,
    ControlOf,
    address_of,
    cookie_of,
    login_of,
    may_change,
    may_read,
    token_is_known,
)
from relay.admin.configuration import configuration
from relay.admin.logins import LIFETIME

__all__ = ["router"]

_log = structlog.get_logger()
router = APIRouter(prefix="/api", tags=["operations"])


class Token(BaseModel):
    """What the operator knows."""

    token: Annotated[SecretStr, Field(max_length=256)]


class LoggedIn(BaseModel):
    """What the page has to send besides the cookie."""

    x_relay: str
    """The value of its field ``X-Relay``, for whatever the token is for."""


class Drain(BaseModel):
    """How to end."""

    restart: bool = False
    """Whether clients are told 1012, that they may come back at once, instead of 1001."""


class Draining(BaseModel):
    """No session opens any more."""

    draining: bool = True


@router.post("/login", dependencies=[Depends(token_is_known)])
async def login(body: Token, request: Request, answer: Response, access: AccessOf) -> LoggedIn:
    """Show the token, and get what stands for it for twelve hours: a cookie and a secret."""
    begun = access.log_in(body.token.get_secret_value(), address_of(request))
    _log.info("the operator logged in", client=address_of(request))
    _set_cookie(answer, request, begun.cookie, LIFETIME)
    return LoggedIn(x_relay=begun.page)


@router.post("/logout", status_code=204)
async def logout(request: Request, access: AccessOf) -> Response:
    """End what the cookie and the secret stand for."""
    known = login_of(request)
    if known is not None:
        access.log_out(known)
    answer = Response(status_code=204)
    _set_cookie(answer, request, "", 0)
    return answer


def _set_cookie(answer: Response, request: Request, value: str, lifetime: int) -> None:
    answer.set_cookie(
        cookie_of(request),
        value,
        max_age=lifetime,
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )


@router.get("/config", dependencies=[Depends(may_read)])
async def config(control: ControlOf) -> dict[str, Any]:
    """The configuration in force: names and limits, and nothing secret."""
    return configuration(control.settings)


@router.post("/drain", status_code=202, dependencies=[Depends(may_change)], response_model=Draining)
async def drain(request: Request, control: ControlOf, how: Drain | None = None) -> JSONResponse:
    """Open no more sessions, end those that are open, and then the relay.

    One that drains already goes on as it does.
    """
    restart = how is not None and how.restart

    async def begin() -> None:
        if control.draining is None:
            _log.info("drained by the operator", restart=restart, client=address_of(request))
            control.drain(restart=restart)

    # After the answer: with the last session this listener ends, too.
    return JSONResponse({"draining": True}, 202, background=BackgroundTask(begin))
