"""Sessions: those that are open, those that were, and the end of one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Annotated, Literal, TypeVar

import structlog
import trio
from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import AwareDatetime, BaseModel, Field

from relay.admin.access import ControlOf, address_of, may_change, may_read
from relay.admin.control import Control, History
from relay.admin.rows import Details, Rows, details, row
from relay.protocol import closing
from relay.session_record import Outcome, SessionRecord

__all__ = ["router"]

_AT_ONCE = 100  # rows that are made before others have their turn
_STORE_TIMEOUT = 15.0  # seconds
_THREADS = 2  # that read the store
_limiter = trio.CapacityLimiter(_THREADS)
_log = structlog.get_logger()
_T = TypeVar("_T")

router = APIRouter(prefix="/api/sessions", tags=["sessions"])

_Equal = Annotated[str | None, Query(max_length=256)]
_Id = Annotated[str, Path(pattern="^[0-9a-fA-F-]{1,36}$", description="A session's id.")]


class End(BaseModel):
    """Why a session is to end."""

    reason: Annotated[str, Field(min_length=1, max_length=123)] = "ended by the operator"
    """Told to the client with 1008; cut at 123 bytes (RFC 6455 5.5)."""


class Ended(BaseModel):
    """A session will end."""

    id: str


@router.get("/live", dependencies=[Depends(may_read)], response_model=Rows)
async def live(control: ControlOf) -> StreamingResponse:
    """Sessions that are open."""
    pieces = _InTurns(_pieces(control.live_sessions()))
    return StreamingResponse(pieces, media_type="application/json")


def _pieces(records: Iterable[SessionRecord]) -> Iterator[str]:
    """A :class:`Rows`, in pieces: thousands of rows at once would keep sessions waiting."""
    piece = '{"sessions":['
    for number, record in enumerate(records):
        if number and number % _AT_ONCE == 0:
            yield piece
            piece = ""
        piece += ("," if number else "") + json.dumps(row(record, live=True))
    yield piece + "]}"


class _InTurns(AsyncIterator[str]):
    """Pieces, and between them a turn for everybody else.

    No async generator: one whose reader is cut off is left to the garbage collector, and warns.
    """

    def __init__(self, pieces: Iterator[str]) -> None:
        self._pieces = pieces

    async def __anext__(self) -> str:
        await trio.lowlevel.checkpoint()
        try:
            return next(self._pieces)
        except StopIteration:
            raise StopAsyncIteration from None


@router.get(
    "",
    dependencies=[Depends(may_read)],
    response_model=Rows,
    responses={404: {"description": "Nobody keeps sessions."}},
)
async def past(
    control: ControlOf,
    gateway: _Equal = None,
    provider: _Equal = None,
    model: _Equal = None,
    token: _Equal = None,
    client_address: _Equal = None,
    outcome: Outcome | None = None,
    ended_by: Literal["client", "provider", "relay"] | None = None,
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> JSONResponse:
    """Sessions that have ended, the newest first, as the store has them."""
    from relay.records.store import Filter  # noqa: PLC0415 - SQLAlchemy loads slowly

    wanted = Filter(
        gateway=gateway,
        provider=provider,
        model=model,
        token=token,
        client_address=client_address,
        outcome=outcome,
        ended_by=ended_by,
        since=since,
        until=until,
    )
    history = _history(control)

    def found() -> list[dict[str, object]]:
        return [row(each, live=False) for each in reversed(history.last(wanted, limit))]

    return JSONResponse({"sessions": await _in_thread(found)})


@router.get(
    "/{session_id}",
    dependencies=[Depends(may_read)],
    response_model=Details,
    responses={404: {"description": "There is none."}},
)
async def one(session_id: _Id, control: ControlOf) -> JSONResponse:
    """One session, open or not, with its turns and its timeline.

    Of one that has ended the beginning of the id is enough, if no other begins so.
    """
    record = control.find_session(session_id.lower())
    if record is not None:
        return JSONResponse(details(record, live=True))
    history = control.history
    if history is not None:
        record = await _in_thread(lambda: history.one(session_id.lower()))
    if record is None:
        raise HTTPException(404, "there is no session, or more than one, of such an id")
    return JSONResponse(details(record, live=False))


@router.post(
    "/{session_id}/end",
    dependencies=[Depends(may_change)],
    status_code=202,
    responses={404: {"description": "No such session is open."}},
)
async def end(
    session_id: _Id, request: Request, control: ControlOf, why: End | None = None
) -> Ended:
    """End a session: its client gets 1008 with the reason."""
    reason = (why or End()).reason
    if not control.end_session(session_id.lower(), closing.policy(reason)):
        raise HTTPException(404, "no session of that id is open")
    _log.info("session ended by the operator", session=session_id, client=address_of(request))
    return Ended(id=session_id.lower())


def _history(control: Control) -> History:
    if control.history is None:
        raise HTTPException(404, "nobody keeps sessions: [records] names no store")
    return control.history


async def _in_thread(read: Callable[[], _T]) -> _T:
    """Read the store while sessions go on.

    Raises:
        HTTPException: 503 if it cannot be read in time, or at all.
    """
    from relay.records.store import StoreError  # noqa: PLC0415

    with trio.move_on_after(_STORE_TIMEOUT):
        try:
            return await trio.to_thread.run_sync(read, abandon_on_cancel=True, limiter=_limiter)
        except StoreError as error:
            _log.error("the store cannot be read", error=str(error))
            raise HTTPException(503, "the store cannot be read: the log says why") from None
    raise HTTPException(503, "the store does not answer in time")
