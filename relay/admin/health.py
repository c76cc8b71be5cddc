"""What load balancers and Prometheus ask, without a token."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException
from fastapi.responses import PlainTextResponse, Response

from relay.admin.access import ControlOf
from relay.metrics import CONTENT_TYPE_LATEST

__all__ = ["router"]

router = APIRouter(tags=["health and metrics"])


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", response_class=PlainTextResponse)
async def healthz() -> str:
    """Whether the process lives."""
    return "ok\n"


@router.head("/readyz", include_in_schema=False)
@router.get(
    "/readyz", response_class=PlainTextResponse, responses={503: {"description": "It drains."}}
)
async def readyz(control: ControlOf) -> PlainTextResponse:
    """Whether sessions may open."""
    if control.draining is None:
        return PlainTextResponse("ok\n")
    return PlainTextResponse("draining\n", 503)


@router.head("/metrics", include_in_schema=False)
@router.get(
    "/metrics",
    response_class=PlainTextResponse,
    responses={404: {"description": "Nothing is counted."}},
)
async def metrics(control: ControlOf) -> Response:
    """Everything that is counted, as Prometheus reads it."""
    if control.metrics is None:
        raise HTTPException(404, "nothing is counted")
    return Response(control.metrics.exposition(), media_type=CONTENT_TYPE_LATEST)
