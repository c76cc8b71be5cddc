"""A session as it runs: a line for each message that passes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import structlog
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from relay.admin.access import ControlOf, address_of, may_read
from relay.admin.parameters import SessionId
from relay.tail import ContentRefusedError, Tail, TooManyTailsError

__all__ = ["router"]

_log = structlog.get_logger()
_LINES = "application/x-ndjson"
router = APIRouter(prefix="/api/sessions", tags=["sessions"])


@router.get(
    "/{session_id}/tail",
    dependencies=[Depends(may_read)],
    response_class=StreamingResponse,
    responses={
        200: {"content": {_LINES: {}}, "description": "Lines of JSON until the session ends."},
        403: {"description": "Its gateway does not allow content."},
        404: {"description": "No such session is open, or not yet."},
        429: {"description": "There are too many tails."},
    },
)
async def tail(
    session_id: SessionId, request: Request, control: ControlOf, content: bool = False
) -> StreamingResponse:
    """Which messages pass in a session from now on, one a line: `at` (seconds since the 101),
    `from`, `kind`, `bytes`, and with `content` what texts say, without secrets.

    What is not read in time is missing, and `dropped` says how many messages that were. The last
    line is `ended`: how the session ended, in a sentence.
    """
    try:
        found = control.tail(session_id.lower(), content=content)
    except ContentRefusedError as refused:
        raise HTTPException(403, str(refused)) from None
    except TooManyTailsError as refused:
        raise HTTPException(429, str(refused)) from None
    if found is None:
        raise HTTPException(404, "no session of that id is open")
    if content:
        _log.info(
            "content read by the operator", session=session_id.lower(), client=address_of(request)
        )
    return _TailResponse(found)


class _TailResponse(StreamingResponse):
    """The lines of a tail. It is closed when they have been sent, or nobody reads them."""

    def __init__(self, tail: Tail) -> None:
        super().__init__(_Lines(tail), media_type=_LINES)
        self._tail = tail

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._tail.close()


class _Lines(AsyncIterator[str]):
    """Lines as they come. No async generator, as in :mod:`relay.admin.sessions`."""

    def __init__(self, tail: Tail) -> None:
        self._tail = tail

    async def __anext__(self) -> str:
        lines = await self._tail.take()
        if not lines:
            raise StopAsyncIteration
        return "".join(f"{json.dumps(line)}\n" for line in lines)
