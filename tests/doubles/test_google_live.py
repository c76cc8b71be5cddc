"""The Gemini Live conversation."""

from __future__ import annotations

import base64
import json
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from relay.doubles.audio import tone
from tests.doubles.peer import KEY, Json, Peer, connect
from tests.support import trio_test

TARGET = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
SECOND_OF_AUDIO = base64.b64encode(bytes(32000)).decode()
BLOB = {"data": SECOND_OF_AUDIO, "mimeType": "audio/pcm;rate=16000"}
HALF_A_BLOB = {**BLOB, "data": base64.b64encode(bytes(16000)).decode()}


def opened() -> AbstractAsyncContextManager[Peer]:
    return connect("google", f"{TARGET}?key={KEY}")


async def set_up(peer: Peer, **members: object) -> None:
    await peer.send({"setup": {"model": "models/gemini-live", **members}})
    assert await peer.receive() == b'{"setupComplete":{}}'


async def turn(peer: Peer) -> list[Json]:
    """The messages of one turn, all of which must be binary."""
    messages: list[Json] = []
    while not messages or not messages[-1]["serverContent"].get("turnComplete"):
        message = await peer.receive()
        assert isinstance(message, bytes)
        messages.append(json.loads(message))
    return messages


def parts(messages: list[Json]) -> list[Any]:
    return [
        part
        for message in messages
        for part in message["serverContent"].get("modelTurn", {}).get("parts", [])
    ]


def check_usage(usage: Json) -> None:
    assert usage["totalTokenCount"] == usage["promptTokenCount"] + usage["responseTokenCount"]
    for side in ("prompt", "response"):
        details = usage[f"{side}TokensDetails"]
        assert usage[f"{side}TokenCount"] == sum(detail["tokenCount"] for detail in details)


@pytest.mark.parametrize(
    ("config", "turns"),
    [
        (
            {"generationConfig": {"responseModalities": ["TEXT"]}},
            {"clientContent": {"turns": [{"parts": [{"text": "Hi"}]}], "turnComplete": True}},
        ),
        (
            {"generation_config": {"response_modalities": ["TEXT"]}},
            {"client_content": {"turns": [{"parts": [{"text": "Hi"}]}], "turn_complete": True}},
        ),
    ],
    ids=["camelCase", "snake_case"],
)
@trio_test
async def test_a_turn_in_text(config: Json, turns: Json) -> None:
    async with opened() as peer:
        await set_up(peer, **config)
        await peer.send(turns)
        messages = await turn(peer)
        said = parts(messages)
        assert len(said) > 1
        assert "".join(part["text"] for part in said).endswith("It heard: Hi")
        assert messages[-2] == {"serverContent": {"generationComplete": True}}
        usage = messages[-1]["usageMetadata"]
        check_usage(usage)
        assert [d["modality"] for d in usage["responseTokensDetails"]] == ["TEXT"]


@trio_test
async def test_a_turn_in_audio() -> None:
    async with opened() as peer:
        await set_up(peer)
        content = {"turns": [{"parts": [{"text": "Hi"}]}], "turnComplete": True}
        await peer.send({"clientContent": content})
        messages = await turn(peer)
        blobs = [part["inlineData"] for part in parts(messages)]
        assert len(blobs) > 1
        assert {blob["mimeType"] for blob in blobs} == {"audio/pcm;rate=24000"}
        assert b"".join(base64.b64decode(blob["data"]) for blob in blobs) == tone(24000)
        usage = messages[-1]["usageMetadata"]
        check_usage(usage)
        assert usage["responseTokensDetails"] == [{"modality": "AUDIO", "tokenCount": 15}]
        assert not any("outputTranscription" in m["serverContent"] for m in messages)


@trio_test
async def test_turns_are_collected_until_one_is_complete() -> None:
    async with opened() as peer:
        await set_up(peer, generationConfig={"responseModalities": ["TEXT"]})
        await peer.send({"clientContent": {"turns": [{"parts": [{"text": "one "}]}]}})
        await peer.send({"clientContent": {"turns": [{"parts": [{"text": "two"}]}]}})
        await peer.send({"clientContent": {"turnComplete": True}})
        said = "".join(part["text"] for part in parts(await turn(peer)))
        assert said.endswith("It heard: one two")


REALTIME: dict[str, list[Json]] = {
    "text": [{"text": "Hi"}],
    "a second of audio": [{"audio": HALF_A_BLOB}, {"audio": HALF_A_BLOB}],
    "media chunks": [{"mediaChunks": [BLOB]}],
    "the end of the stream": [{"audio": HALF_A_BLOB}, {"audioStreamEnd": True}],
    "the end of an activity": [{"activityStart": {}}, {"audio": BLOB}, {"activityEnd": {}}],
    "snake_case": [
        {"media_chunks": [{"data": SECOND_OF_AUDIO, "mime_type": "audio/pcm;rate=16000"}]}
    ],
}


@pytest.mark.parametrize("inputs", REALTIME.values(), ids=REALTIME)
@trio_test
async def test_realtime_input_ends_a_turn_once(inputs: list[Json]) -> None:
    async with opened() as peer:
        await set_up(peer)
        for realtime in inputs:
            await peer.send({"realtimeInput": realtime})
        check_usage((await turn(peer))[-1]["usageMetadata"])
        # A second turn answers the next input, not what is left of the first.
        await peer.send({"realtime_input": {"text": "four"}})
        usage = (await turn(peer))[-1]["usageMetadata"]
        assert usage["promptTokensDetails"] == [{"modality": "TEXT", "tokenCount": 1}]


@trio_test
async def test_transcriptions_come_where_the_setup_asks_for_them() -> None:
    async with opened() as peer:
        await set_up(peer, inputAudioTranscription={}, outputAudioTranscription={})
        await peer.send({"realtimeInput": {"audio": BLOB}})
        contents = [message["serverContent"] for message in await turn(peer)]
        assert contents[0] == {"inputTranscription": {"text": "1.0 seconds of audio"}}
        said = [c["outputTranscription"]["text"] for c in contents if "outputTranscription" in c]
        assert "".join(said).endswith("It heard: some audio")


@trio_test
async def test_a_tool_response_is_answered() -> None:
    async with opened() as peer:
        await set_up(peer)
        await peer.send({"toolResponse": {"functionResponses": []}})
        assert parts(await turn(peer))


@pytest.mark.parametrize(
    "message",
    [
        {"clientContent": {"turnComplete": True}},
        {"setup": {}},
        {"setup": "x"},
        "not JSON",
        b"\xff",
    ],
)
@trio_test
async def test_a_first_message_that_is_no_setup_ends_with_1007(message: Json | str | bytes) -> None:
    async with opened() as peer:
        await peer.send(message)
        code, reason = await peer.close_frame()
        assert code == 1007
        assert reason


@pytest.mark.parametrize("message", [{"response.create": {}}, {"clientContent": 1}, "not JSON"])
@trio_test
async def test_a_later_message_that_cannot_be_used_ends_with_1007(message: Json | str) -> None:
    async with opened() as peer:
        await set_up(peer)
        await peer.send(message)
        code, reason = await peer.close_frame()
        assert code == 1007
        assert reason.startswith("Invalid JSON payload received")
