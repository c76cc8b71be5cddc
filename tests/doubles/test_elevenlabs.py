"""Who may open ElevenLabs' endpoints."""

from __future__ import annotations

import pytest

from tests.doubles.peer import KEY, connect, refusal
from tests.support import trio_test

AGENT = "/v1/convai/conversation?agent_id=mine"
TTS = "/v1/text-to-speech/voice/stream-input?model_id=m"
MULTI = "/v1/text-to-speech/voice/multi-stream-input?model_id=m"
DIALOGUE = "/v1/text-to-dialogue/stream-input?model_id=eleven_v3"
MULTI_DIALOGUE = "/v1/text-to-dialogue/multi-stream-input?model_id=eleven_v3"
SCRIBE = "/v1/speech-to-text/realtime?model_id=scribe_v2_realtime"
HEADER = ("xi-api-key", KEY)


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        (AGENT, [HEADER]),
        (f"{AGENT}&conversation_signature={KEY}", []),
        ("/v1/convai/conversation?agent_id=public", []),
        ("/v1/convai/conversation?agent_id=public", [HEADER]),
        (TTS, [HEADER]),
        (TTS, []),  # the first message may bring the credential
        (f"{TTS}&authorization={KEY}", []),
        (f"{TTS}&single_use_token={KEY}", []),
        (MULTI, [HEADER]),
        (DIALOGUE, [HEADER]),
        (DIALOGUE, []),
        (DIALOGUE, [("Authorization", f"Bearer {KEY}")]),
        (f"{DIALOGUE}&single_use_token={KEY}", []),
        (MULTI_DIALOGUE, [HEADER]),
        (SCRIBE, [HEADER]),
        (f"{SCRIBE}&token={KEY}", []),
    ],
)
@trio_test
async def test_every_slot_opens(target: str, headers: list[tuple[str, str]]) -> None:
    async with connect("elevenlabs", target, headers=headers) as peer:
        assert peer.subprotocol is None


@trio_test
async def test_a_browsers_entries_open_an_agent_and_convai_is_answered() -> None:
    async with connect("elevenlabs", AGENT, subprotocols=["convai", f"bearer.{KEY}"]) as peer:
        assert peer.subprotocol == "convai"


@pytest.mark.parametrize(
    ("target", "headers", "subprotocols", "status", "name"),
    [
        (AGENT, [], [], 403, "needs_authorization"),
        (f"{AGENT}&token={KEY}", [], [], 403, "needs_authorization"),
        (AGENT, [], [f"xi-api-key.{KEY}"], 403, "needs_authorization"),
        (AGENT, [("xi-api-key", "wrong")], [], 401, "invalid_api_key"),
        (AGENT, [], ["convai", "bearer.wrong"], 401, "invalid_api_key"),
        (
            "/v1/convai/conversation?agent_id=public",
            [("xi-api-key", "wrong")],
            [],
            401,
            "invalid_api_key",
        ),
        (TTS, [("xi-api-key", "wrong")], [], 401, "invalid_api_key"),
        (f"{MULTI}&authorization=wrong", [], [], 401, "invalid_api_key"),
        (DIALOGUE, [("xi-api-key", "wrong")], [], 401, "invalid_api_key"),
        (f"{MULTI_DIALOGUE}&single_use_token=wrong", [], [], 401, "invalid_api_key"),
        (SCRIBE, [], [], 403, "needs_authorization"),
        (f"{SCRIBE}&authorization={KEY}", [], [], 403, "needs_authorization"),
        (f"{SCRIBE}&token=wrong", [], [], 401, "invalid_api_key"),
    ],
)
@trio_test
async def test_refusals(
    target: str, headers: list[tuple[str, str]], subprotocols: list[str], status: int, name: str
) -> None:
    answer = await refusal("elevenlabs", target, headers=headers, subprotocols=subprotocols)
    assert (answer[0], answer[1]["detail"]["status"]) == (status, name)
    assert answer[1]["detail"]["message"]


@pytest.mark.parametrize(
    "path", ["/", "/v1/text-to-speech/voice", "/v1/text-to-speech//stream-input", "/v1/convai"]
)
@trio_test
async def test_an_unknown_path_is_not_found(path: str) -> None:
    assert await refusal("elevenlabs", path, headers=[HEADER]) == (
        404,
        {"detail": "Not Found"},
    )
