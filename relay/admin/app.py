"""The application: its paths, and how it says that something is wrong."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from relay.admin import health, operations, plots, sessions, static, status, tail, totals
from relay.admin.access import Access, token_is_known
from relay.admin.control import Control
from relay.admin.gate import FAULT, Gate

__all__ = ["application"]


def application(control: Control) -> ASGIApp:
    """The application of the admin listener.

    Args:
        control: The relay that it shows and controls.
    """
    app = FastAPI(
        title="relay admin API",
        version=version("realtime-relay"),
        openapi_url=None,  # told below, as all else only where there is a token
        docs_url=None,  # these pages take their scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.control = control
    app.state.access = Access(control)
    app.include_router(static.router)
    app.include_router(status.router)
    app.include_router(health.router)
    app.include_router(sessions.router)
    app.include_router(plots.router)
    app.include_router(totals.router)
    app.include_router(tail.router)
    app.include_router(operations.router)
    app.exception_handler(HTTPException)(_refused)
    app.exception_handler(RequestValidationError)(_not_valid)
    app.exception_handler(Exception)(_faulted)

    @app.get("/openapi.json", dependencies=[Depends(token_is_known)], include_in_schema=False)
    async def openapi() -> dict[str, Any]:
        return app.openapi()

    return Gate(app, control)


async def _refused(_: Request, error: HTTPException) -> JSONResponse:
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


async def _not_valid(_: Request, error: RequestValidationError) -> JSONResponse:
    """Say what is wrong with a request, never what stood there: that may be a token."""
    problems = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
    return JSONResponse({"error": "; ".join(problems)}, 400)


async def _faulted(_: Request, _error: Exception) -> JSONResponse:
    """Answer as all else is answered; the gate gets the fault, too, and logs it."""
    return JSONResponse({"error": FAULT}, 500)
