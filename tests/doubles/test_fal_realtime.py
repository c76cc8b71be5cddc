"""fal's realtime inference."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import pytest

from relay.doubles import msgpack
from relay.doubles.picture import paint
from tests.doubles.peer import KEY, Peer, connect
from tests.support import trio_test


def session() -> AbstractAsyncContextManager[Peer]:
    return connect("fal", "/fal-ai/flux/realtime", headers=[("Authorization", f"Key {KEY}")])


@trio_test
async def test_each_input_is_answered_in_binary() -> None:
    async with session() as peer:
        for prompt, request_id in (("a cat", "one"), ("a dog", "two")):
            await peer.send(msgpack.pack({"prompt": prompt, "seed": 7, "request_id": request_id}))
            message = await peer.receive()
            assert isinstance(message, bytes)
            assert msgpack.unpack(message) == {
                "images": [
                    {
                        "content": paint(prompt),
                        "content_type": "image/png",
                        "width": 64,
                        "height": 64,
                    }
                ],
                "prompt": prompt,
                "seed": 7,
                "request_id": request_id,
            }


@trio_test
async def test_what_the_input_does_not_say_is_not_answered() -> None:
    async with session() as peer:
        await peer.send(msgpack.pack({"prompt": "a cat"}))
        message = await peer.receive()
        assert isinstance(message, bytes)
        output = msgpack.unpack(message)
        assert isinstance(output, dict)
        assert output["seed"] is None
        assert "request_id" not in output


@pytest.mark.parametrize(
    "message",
    [b"", b"\xc1", b"\x80", msgpack.pack(["prompt"]), msgpack.pack({"prompt": ""}), "{}"],
)
@trio_test
async def test_what_cannot_be_used_ends_the_connection(message: str | bytes) -> None:
    async with session() as peer:
        await peer.send(message)
        error = await peer.json()
        assert (error["type"], error["error"]) == ("x-fal-error", "INTERNAL_ERROR")
        assert error["reason"]
        assert await peer.close_frame() == (1000, "")
