"""fal's HTTP over WebSocket."""

from __future__ import annotations

import base64
import json
from contextlib import AbstractAsyncContextManager

import pytest

from relay.doubles.audio import speech
from relay.doubles.picture import paint
from tests.doubles.peer import KEY, Json, Peer, connect
from tests.support import trio_test


def session() -> AbstractAsyncContextManager[Peer]:
    return connect("fal", "/fal-ai/flux/dev", headers=[("Authorization", f"Key {KEY}")])


async def exchange(peer: Peer, payload: Json | str) -> tuple[Json, list[str | bytes], Json]:
    """Send a request; the start, the body's messages and the end of its response."""
    await peer.send(payload)
    start = await peer.json()
    assert start["type"] == "start"
    body: list[str | bytes] = []
    while True:
        message = await peer.receive()
        if isinstance(message, str):
            document = json.loads(message)
            if document.get("type") == "end":
                return start, body, document
        body.append(message)


@trio_test
async def test_two_requests_on_one_connection() -> None:
    async with session() as peer:
        ids = set()
        for prompt in ("a cat", "a dog"):
            start, (body,), end = await exchange(peer, {"prompt": prompt, "seed": 7})
            assert start["status"] == end["status"] == 200
            assert start["request_id"] == end["request_id"]
            assert start["headers"]["Content-Type"] == "application/json"
            assert end["time_to_first_byte_seconds"] >= 0
            ids.add(start["request_id"])
            output = json.loads(body)
            assert (output["prompt"], output["seed"]) == (prompt, 7)
            (image,) = output["images"]
            head, _, data = image["url"].partition(",")
            assert head == "data:image/png;base64"
            assert base64.b64decode(data) == paint(prompt)
        assert len(ids) == 2


@trio_test
async def test_a_text_is_spoken_in_binary_messages() -> None:
    async with session() as peer:
        start, body, end = await exchange(peer, {"text": "Hello there"})
        assert start["headers"]["Content-Type"] == "audio/pcm;rate=24000"
        assert end["status"] == 200
        assert len(body) == 2
        assert b"".join(part for part in body if isinstance(part, bytes)) == speech(24000, ["", ""])


@pytest.mark.parametrize("payload", ["not JSON", {}, {"prompt": 1}, {"text": " "}])
@trio_test
async def test_what_cannot_be_used_gets_422_and_the_connection_stays(payload: Json | str) -> None:
    async with session() as peer:
        start, (body,), end = await exchange(peer, payload)
        assert start["status"] == end["status"] == 422
        (detail,) = json.loads(body)["detail"]
        assert (detail["loc"], detail["type"]) == (["body", "prompt"], "missing")
        start, _, _ = await exchange(peer, {"prompt": "\ud83d"})
        assert start["status"] == 200
