"""Google's realtime music."""

from __future__ import annotations

import base64
import json
from contextlib import AbstractAsyncContextManager

import pytest

from relay.doubles.audio import to_stereo, tone
from tests.doubles.peer import KEY, Json, Peer, connect
from tests.support import trio_test

TARGET = "/ws/google.ai.generativelanguage.v1alpha.GenerativeService.BidiGenerateMusic"


def opened() -> AbstractAsyncContextManager[Peer]:
    return connect("google", f"{TARGET}?key={KEY}")


@pytest.mark.parametrize("style", ["camelCase", "snake_case"])
@trio_test
async def test_play_is_answered_with_music_of_the_prompts(style: str) -> None:
    camel = style == "camelCase"
    prompts = {"weightedPrompts": [{"text": "techno", "weight": 1.0}]}
    async with opened() as peer:
        await peer.send({"setup": {"model": "models/lyria"}})
        assert await peer.receive() == b'{"setupComplete":{}}'
        await peer.send({"clientContent" if camel else "client_content": prompts})
        config = "musicGenerationConfig" if camel else "music_generation_config"
        await peer.send({config: {"bpm": 90}})
        await peer.send({"playbackControl" if camel else "playback_control": "PLAY"})
        music = b""
        for _ in range(6):
            message = await peer.receive()
            assert isinstance(message, bytes)
            (chunk,) = json.loads(message)["serverContent"]["audioChunks"]
            assert chunk["mimeType"] == "audio/l16;rate=48000;channels=2"
            assert chunk["sourceMetadata"] == {
                "clientContent": prompts,
                "musicGenerationConfig": {"bpm": 90},
            }
            music += base64.b64decode(chunk["data"])
        assert music == to_stereo(tone(48000))


@pytest.mark.parametrize("control", ["PAUSE", "STOP", "RESET_CONTEXT"])
@trio_test
async def test_other_controls_are_taken(control: str) -> None:
    async with opened() as peer:
        await peer.send({"setup": {"model": "models/lyria"}})
        await peer.receive()
        await peer.send({"playbackControl": control})
        await peer.send({"playbackControl": "PLAY"})
        message = await peer.receive()
        assert isinstance(message, bytes)
        assert "audioChunks" in json.loads(message)["serverContent"]


@pytest.mark.parametrize("message", [{"playbackControl": "DANCE"}, {"clientContent": 1}, "x"])
@trio_test
async def test_what_cannot_be_used_ends_with_1007(message: Json | str) -> None:
    async with opened() as peer:
        await peer.send({"setup": {"model": "models/lyria"}})
        await peer.receive()
        await peer.send(message)
        assert (await peer.close_frame())[0] == 1007
