"""ElevenLabs' text to speech."""

from __future__ import annotations

import base64

import pytest

from relay.doubles.audio import tone
from tests.doubles.peer import KEY, Json, connect
from tests.support import trio_test

SINGLE = "/v1/text-to-speech/voice/stream-input"
MULTI = "/v1/text-to-speech/voice/multi-stream-input"
HEADERS = [("xi-api-key", KEY)]
OPENING = {"text": " ", "voice_settings": {"stability": 0.8, "similarity_boost": 0.8}}


@pytest.mark.parametrize(
    ("output_format", "rate"),
    [("pcm_16000", 16000), ("pcm_24000", 24000), ("ulaw_8000", 8000), ("mp3_44100_128", 44100)],
)
@trio_test
async def test_text_is_spoken_and_an_empty_text_ends(output_format: str, rate: int) -> None:
    target = f"{SINGLE}?model_id=m&output_format={output_format}"
    async with connect("elevenlabs", target, headers=HEADERS) as peer:
        await peer.send(OPENING)
        await peer.send({"text": "Hello there. ", "try_trigger_generation": True})
        spoken = await peer.json()
        assert spoken["isFinal"] is None
        assert "contextId" not in spoken
        assert base64.b64decode(spoken["audio"]) == tone(rate, 0.2)
        alignment = spoken["alignment"]
        assert "".join(alignment["chars"]) == "Hello there. "
        assert len(alignment["charStartTimesMs"]) == len(alignment["chars"])
        assert len(alignment["charDurationsMs"]) == len(alignment["chars"])
        assert alignment["charStartTimesMs"][0] == 0
        assert alignment["charStartTimesMs"] == sorted(alignment["charStartTimesMs"])
        await peer.send({"text": ""})
        assert await peer.json() == {"isFinal": True}
        assert await peer.close_frame() == (1000, "")


@trio_test
async def test_without_an_output_format_the_rate_is_that_of_the_default() -> None:
    async with connect("elevenlabs", SINGLE, headers=HEADERS) as peer:
        await peer.send({"text": "Hello"})
        assert base64.b64decode((await peer.json())["audio"]) == tone(44100, 0.1)


@pytest.mark.parametrize(
    "credential",
    [
        {"xi-api-key": KEY},
        {"xi_api_key": KEY},
        {"authorization": KEY},
        {"authorization": f"Bearer {KEY}"},
        {"single_use_token": KEY},
    ],
)
@trio_test
async def test_the_first_message_may_bring_the_credential(credential: Json) -> None:
    async with connect("elevenlabs", SINGLE) as peer:
        await peer.send(OPENING | credential)
        await peer.send({"text": "Hello"})
        assert (await peer.json())["audio"]


VIOLATIONS = {
    "no credential": (SINGLE, [], [OPENING], "needs_authorization"),
    "a wrong credential": (SINGLE, [], [OPENING | {"xi_api_key": "wrong"}], "invalid_api_key"),
    "a wrong credential beside the right one": (
        SINGLE,
        HEADERS,
        [OPENING | {"xi_api_key": "wrong"}],
        "invalid_api_key",
    ),
    "a wrong credential later": (
        SINGLE,
        HEADERS,
        [OPENING, {"text": " ", "authorization": "wrong"}],
        "invalid_api_key",
    ),
    "a credential that is no text": (
        SINGLE,
        [],
        [OPENING | {"xi_api_key": [KEY]}],
        "invalid_api_key",
    ),
    "a second context without a credential": (
        MULTI,
        [],
        [
            OPENING | {"context_id": "one", "xi_api_key": KEY},
            OPENING | {"context_id": "two"},
        ],
        "needs_authorization",
    ),
    "no text": (SINGLE, HEADERS, [{"flush": True}], "invalid_message"),
    "no JSON": (SINGLE, HEADERS, ["Hello"], "invalid_message"),
    "too many contexts": (
        MULTI,
        HEADERS,
        [OPENING | {"context_id": str(number)} for number in range(6)],
        "max_active_conversations",
    ),
}


@pytest.mark.parametrize(
    ("target", "headers", "messages", "error"), VIOLATIONS.values(), ids=VIOLATIONS
)
@trio_test
async def test_a_violation_is_told_and_ends_with_1008(
    target: str, headers: list[tuple[str, str]], messages: list[Json | str], error: str
) -> None:
    async with connect("elevenlabs", target, headers=headers) as peer:
        for message in messages:
            await peer.send(message)
        told = await peer.json()
        assert (told["error"], told["code"]) == (error, 1008)
        assert await peer.close_frame() == (1008, told["message"])


@trio_test
async def test_contexts_are_spoken_and_closed_apart() -> None:
    async with connect("elevenlabs", f"{MULTI}?output_format=pcm_8000", headers=HEADERS) as peer:
        for name in ("one", "two", "three"):
            await peer.send(OPENING | {"context_id": name})
        await peer.send({"text": "Hello", "context_id": "two"})
        spoken = await peer.json()
        assert spoken["contextId"] == "two"
        assert base64.b64decode(spoken["audio"]) == tone(8000, 0.1)
        await peer.send({"text": "", "context_id": "two"})  # keeps it open
        await peer.send({"context_id": "unknown", "close_context": True})
        await peer.send({"context_id": "two", "close_context": True})
        assert await peer.json() == {"isFinal": True, "contextId": "two"}
        await peer.send({"close_socket": True})
        ends = [await peer.json(), await peer.json()]
        assert {end["contextId"] for end in ends} == {"one", "three"}
        assert await peer.close_frame() == (1000, "")


@trio_test
async def test_every_context_may_bring_its_credential() -> None:
    async with connect("elevenlabs", MULTI) as peer:
        for name in ("one", "two"):
            await peer.send(OPENING | {"context_id": name, "xi_api_key": KEY})
            await peer.send({"text": "Hello", "context_id": name})
            assert (await peer.json())["contextId"] == name
