"""Sessions whose client goes in the middle of a response: what a test of lingering plays."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from trio.testing import wait_all_tasks_blocked

from relay.protocol import Timeouts
from relay.protocol.frames import TEXT
from relay.protocol.usage import Usage
from relay.records.session_record import SessionRecord
from relay.testing.frames import Frame, close
from tests.played_session import PlayedSession, open_session
from tests.support import VERBATIM, Peer, Variant

__all__ = [
    "CREATED",
    "DELTA",
    "DONE",
    "MINE",
    "MINUTE",
    "USED",
    "answering",
    "end_provider",
    "hear_out",
    "leave",
    "leave_inside_frame",
    "live",
    "result",
    "used",
]

MINUTE = Timeouts(linger=60)
MINE = close(4001, "heard enough")


def event(kind: str, **members: object) -> Frame:
    return Frame(TEXT, json.dumps({"type": kind, **members}).encode())


CREATED = event("response.created", response={"id": "resp_1"})
DELTA = event("response.output_audio.delta", response_id="resp_1", delta="A" * 2000)
DONE = event(
    "response.done",
    response={
        "id": "resp_1",
        "status": "completed",
        "usage": {
            "input_token_details": {"text_tokens": 5, "audio_tokens": 0},
            "output_token_details": {"text_tokens": 0, "audio_tokens": 7},
        },
    },
)
USED = Usage(input_text_tokens=5, output_audio_tokens=7)


@asynccontextmanager
async def answering(
    variant: Variant = VERBATIM, timeouts: Timeouts = MINUTE, **setting: Any
) -> AsyncIterator[PlayedSession]:
    """A session whose provider has begun a response, of which the client has had the beginning.

    It ends with the block.
    """
    async with open_session(variant, timeouts=timeouts, **setting) as play:
        await play.provider.send(CREATED, DELTA)
        assert await play.client.receive() == CREATED
        assert await play.client.receive() == DELTA
        yield play
        await play.ended.wait()


def result(play: PlayedSession) -> SessionRecord:
    """The record of the session, which has ended."""
    (record,) = play.records
    return record


def used(play: PlayedSession) -> list[Usage]:
    """What was used, by model."""
    return [work.usage for work in result(play).usage or ()]


def live(play: PlayedSession) -> SessionRecord:
    """The record of the session, which is open, as far as it has got."""
    (seen,) = play.server.glances()
    found = play.server.live.find(seen.record.id)
    assert found is not None
    return found[1]


async def leave(play: PlayedSession) -> None:
    """The client closes, is answered, and ends."""
    await play.client.send(MINE)
    assert await play.client.receive() == MINE
    assert await play.client.receive_rest() == b""  # the server ends first (RFC 6455 7.1.1)
    await play.client.end()


async def end_provider(provider: Peer, told: Frame) -> None:
    """The provider gets its Close, answers it and ends."""
    assert await provider.answer_close() == told
    await provider.end()


async def hear_out(play: PlayedSession, *, told: Frame = MINE) -> None:
    """The response ends; so does the session, with this Close for the provider."""
    await play.provider.send(DONE)
    await end_provider(play.provider, told)


async def leave_inside_frame(play: PlayedSession) -> bytes:
    """The client closes with a frame half received; the rest, which the provider has to send."""
    frame = play.provider.encode(DELTA)
    await play.provider.stream.send_all(frame[:1000])
    assert await play.client.receive_bytes(1000) == frame[:1000]
    await play.client.send(MINE)
    await wait_all_tasks_blocked()
    return frame[1000:]
