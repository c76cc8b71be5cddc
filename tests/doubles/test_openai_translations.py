"""OpenAI's realtime translation."""

from __future__ import annotations

import base64
from contextlib import AbstractAsyncContextManager

from relay.doubles.audio import tone
from tests.doubles.peer import KEY, Peer, connect
from tests.support import trio_test

HALF_A_SECOND = base64.b64encode(bytes(24000)).decode()


def session() -> AbstractAsyncContextManager[Peer]:
    headers = [("Authorization", f"Bearer {KEY}")]
    return connect("openai", "/v1/realtime/translations?model=gpt-translate", headers=headers)


@trio_test
async def test_a_session_from_created_to_closed() -> None:
    async with session() as peer:
        created = await peer.json()
        assert created["type"] == "session.created"
        assert created["session"]["model"] == "gpt-translate"
        assert isinstance(created["session"]["expires_at"], int)
        changes = {"audio": {"output": {"language": "fr"}}}
        await peer.send({"type": "session.update", "session": changes})
        assert (await peer.json())["session"]["audio"]["output"] == {"language": "fr"}
        for elapsed_ms in (500, 1000):
            await peer.send({"type": "session.input_audio_buffer.append", "audio": HALF_A_SECOND})
            heard, said, audio = [await peer.json() for _ in range(3)]
            assert heard["type"] == "session.input_transcript.delta"
            assert said["type"] == "session.output_transcript.delta"
            assert audio["type"] == "session.output_audio.delta"
            assert base64.b64decode(audio["delta"]) == tone(24000, 0.5)
            assert audio["elapsed_ms"] == elapsed_ms
        await peer.send({"type": "session.close"})
        assert (await peer.json())["type"] == "session.closed"
        assert await peer.close_frame() == (1000, "")


@trio_test
async def test_what_cannot_be_used_is_an_error_and_the_session_goes_on() -> None:
    async with session() as peer:
        await peer.json()
        await peer.send({"type": "response.create"})
        error = (await peer.json())["error"]
        assert (error["code"], error["param"]) == ("invalid_value", "type")
        await peer.send({"type": "session.input_audio_buffer.append", "audio": "?"})
        assert (await peer.json())["error"]["param"] == "audio"
        await peer.send("not JSON")
        assert (await peer.json())["type"] == "error"
        await peer.send({"type": "session.update"})
        assert (await peer.json())["type"] == "session.updated"
