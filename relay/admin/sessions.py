"""Sessions: those that are open, those that were, and the end of one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from operator import attrgetter
from typing import Annotated, Any, Literal

import structlog
import trio
from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, Field

from relay.admin.access import ControlOf, address_of, may_change, may_read
from relay.admin.parameters import SessionId, TimeOfDay
from relay.admin.reading import in_thread
from relay.admin.rows import (
    Details,
    LiveRows,
    Rows,
    ended_details,
    ended_row,
    live_details,
    live_row,
)
from relay.latency import quantile
from relay.live_sessions import Glance, LiveState
from relay.protocol import closing
from relay.records.filter import Filter, searched
from relay.records.session_record import Outcome, to_json

__all__ = ["router"]

_WHOLE_ID = 36  # characters
_AT_ONCE = 100  # rows that are made before others have their turn
_log = structlog.get_logger()

router = APIRouter(prefix="/api/sessions", tags=["sessions"])

_Equal = Annotated[str | None, Query(max_length=256)]
_Part = Annotated[
    str, Query(max_length=256, description="Part of an id, token's name, model or address.")
]


Sort = Literal[
    "began_at",
    "gateway",
    "provider",
    "state",
    "duration",
    "messages_in",
    "messages_out",
    "bytes_in",
    "bytes_out",
    "added_latency",
]
_KEYS: Mapping[Sort, Callable[[Glance], Any]] = {
    "began_at": attrgetter("record.began_at"),
    "gateway": attrgetter("record.gateway"),
    "provider": attrgetter("record.provider"),
    "state": attrgetter("state"),
    "duration": attrgetter("duration"),
    "messages_in": attrgetter("messages_in"),
    "messages_out": attrgetter("messages_out"),
    "bytes_in": attrgetter("bytes_in"),
    "bytes_out": attrgetter("bytes_out"),
    "added_latency": lambda each: quantile(each.latency, 0.99) or 0.0,
}


class End(BaseModel):
    """Why a session is to end."""

    reason: Annotated[str, Field(min_length=1, max_length=123)] = "ended by the operator"
    """Told to the client with 1008; cut at 123 bytes (RFC 6455 5.5)."""


class Ended(BaseModel):
    """A session will end."""

    id: str


@router.get("/live", dependencies=[Depends(may_read)], response_model=LiveRows)
async def live(
    control: ControlOf,
    gateway: _Equal = None,
    provider: _Equal = None,
    state: LiveState | None = None,
    q: _Part = "",
    sort: Sort = "began_at",
    descending: bool = True,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
) -> Response:
    """Sessions that are open or being opened."""
    states, found, wanted = Counter[LiveState](), list[Glance](), q.casefold()
    for number, each in enumerate(control.live.glances(), 1):
        states[each.state] += 1
        if (
            (gateway is None or gateway == each.record.gateway)
            and (provider is None or provider == each.record.provider)
            and (state is None or state is each.state)
            and (not wanted or wanted in searched(each.record))
        ):
            found.append(each)
        if number % _AT_ONCE == 0:
            await trio.lowlevel.checkpoint()
    found.sort(key=_KEYS[sort], reverse=descending)
    head = {
        "now": to_json(datetime.now(UTC)),
        "total": states.total(),
        "matching": len(found),
        "states": {each.value: states[each] for each in LiveState},
    }
    pieces = _pieces(head, found[:limit])
    if min(limit, len(found)) <= _AT_ONCE:
        return Response(next(pieces), media_type="application/json")
    return StreamingResponse(_InTurns(pieces), media_type="application/json")


def _pieces(head: Mapping[str, object], glances: Sequence[Glance]) -> Iterator[str]:
    """A :class:`LiveRows`, in pieces: thousands of rows at once would keep sessions waiting."""
    piece = json.dumps(head).removesuffix("}") + ', "sessions": ['
    for start in range(0, len(glances) or 1, _AT_ONCE):
        rows = [live_row(each) for each in glances[start : start + _AT_ONCE]]
        end = "]}" if start + _AT_ONCE >= len(glances) else ""
        yield piece + json.dumps(rows)[1:-1] + end
        piece = ", "


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


@router.get("", dependencies=[Depends(may_read)], response_model=Rows)
async def past(
    control: ControlOf,
    gateway: _Equal = None,
    provider: _Equal = None,
    model: _Equal = None,
    token: _Equal = None,
    client_address: _Equal = None,
    outcome: Outcome | None = None,
    ended_by: Literal["client", "provider", "relay"] | None = None,
    since: TimeOfDay | None = None,
    until: TimeOfDay | None = None,
    q: _Part = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> JSONResponse:
    """Sessions that have ended, the newest first: of the store, or else the last hundred."""
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
        part=q or None,
    )
    history = control.history
    if history is None:
        recent = control.recent.last(wanted, limit) if control.recent is not None else []
        return JSONResponse({"sessions": [ended_row(each) for each in reversed(recent)]})

    def found() -> list[dict[str, object]]:
        return [ended_row(each) for each in reversed(history.summaries(wanted, limit))]

    return JSONResponse({"sessions": await in_thread(found)})


@router.get(
    "/{session_id}",
    dependencies=[Depends(may_read)],
    response_model=Details,
    responses={404: {"description": "There is none."}},
)
async def one(session_id: SessionId, control: ControlOf) -> JSONResponse:
    """One session, open or not, with its turns and its timeline.

    Of one that has ended the beginning of the id is enough, if no other begins so.
    """
    beginning = session_id.lower()
    found = control.live.find(beginning)
    if found is not None:
        return JSONResponse(live_details(*found))
    recent, history = control.recent, control.history
    # The store alone knows whether another one begins so, but a whole id is in memory earlier.
    record = None
    if recent is not None and (history is None or len(beginning) == _WHOLE_ID):
        record = recent.one(beginning)
    if record is None and history is not None:
        record = await in_thread(lambda: history.one(beginning))
    if record is None:
        raise HTTPException(404, "there is no session, or more than one, of such an id")
    return JSONResponse(ended_details(record))


@router.post(
    "/{session_id}/end",
    dependencies=[Depends(may_change)],
    status_code=202,
    responses={404: {"description": "No such session is open."}},
)
async def end(
    session_id: SessionId, request: Request, control: ControlOf, why: End | None = None
) -> Ended:
    """End a session: its client gets 1008 with the reason, or 403 if it has no 101 yet."""
    reason = (why or End()).reason
    if not control.live.end(session_id.lower(), closing.operator(reason)):
        raise HTTPException(404, "no session of that id is open")
    _log.info("session ended by the operator", session=session_id, client=address_of(request))
    return Ended(id=session_id.lower())
