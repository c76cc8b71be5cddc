"""Who may open Vertex AI's Live API, and in what it differs from the Gemini API."""

from __future__ import annotations

import pytest

from tests.doubles.peer import KEY, connect, refusal
from tests.support import trio_test

PATH = "/ws/google.cloud.aiplatform.{version}.LlmBidiService/BidiGenerateContent"
LIVE = PATH.format(version="v1beta1")
BEARER = ("Authorization", f"Bearer {KEY}")
MODELS = [
    "publishers/google/models/gemini-live",
    "projects/p/locations/us-central1/publishers/google/models/gemini-live",
    "projects/p/models/gemini-live",
]


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
@pytest.mark.parametrize("header", [BEARER, ("x-goog-api-key", KEY)])
@pytest.mark.parametrize("model", MODELS)
@trio_test
async def test_every_slot_opens_with_every_name_of_a_model(
    version: str, header: tuple[str, str], model: str
) -> None:
    target = PATH.format(version=version)
    async with connect("google-vertex-ai", target, headers=[header]) as peer:
        await peer.send({"setup": {"model": model}})
        assert (await peer.json())["setupComplete"]["sessionId"]


@trio_test
async def test_a_turn_counts_candidates() -> None:
    async with connect("google-vertex-ai", LIVE, headers=[BEARER]) as peer:
        generation = {"responseModalities": ["TEXT"]}
        await peer.send({"setup": {"model": MODELS[0], "generationConfig": generation}})
        await peer.json()
        turns = [{"role": "user", "parts": [{"text": "Hello"}]}]
        await peer.send({"client_content": {"turns": turns, "turn_complete": True}})
        said = ""
        while True:
            message = await peer.json()
            if "usageMetadata" in message:
                break
            for part in message["serverContent"].get("modelTurn", {}).get("parts", []):
                said += part["text"]
        assert said == "This is a double of Vertex AI. It heard: Hello"
        usage = message["usageMetadata"]
        assert usage["promptTokenCount"] == 2
        assert usage["candidatesTokenCount"] == (len(said) + 3) // 4
        assert usage["candidatesTokensDetails"] == [
            {"modality": "TEXT", "tokenCount": usage["candidatesTokenCount"]}
        ]
        assert "responseTokenCount" not in usage


@pytest.mark.parametrize(
    "model", ["", "gemini-live", "models/gemini-live", "projects/models/gemini-live"]
)
@trio_test
async def test_another_name_of_a_model_ends_the_session(model: str) -> None:
    async with connect("google-vertex-ai", LIVE, headers=[BEARER]) as peer:
        await peer.send({"setup": {"model": model}})
        code, reason = await peer.close_frame()
        assert code == 1007
        assert "model" in reason


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("", []),
        (f"?key={KEY}", []),
        ("", [("Authorization", f"Token {KEY}")]),
        ("", [("Authorization", "Bearer wrong")]),
        ("", [BEARER, ("x-goog-api-key", "wrong")]),
    ],
)
@trio_test
async def test_refusals(query: str, headers: list[tuple[str, str]]) -> None:
    answer = await refusal("google-vertex-ai", f"{LIVE}{query}", headers=headers)
    assert answer[0] == 401
    assert answer[1]["error"]["status"] == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    "path",
    [
        PATH.format(version="v1alpha"),
        LIVE.replace("/Bidi", ".Bidi"),
        "/ws/google.ai.generativelanguage.v1.GenerativeService.BidiGenerateContent",
    ],
)
@trio_test
async def test_an_unknown_path_is_not_found(path: str) -> None:
    status, body = await refusal("google-vertex-ai", path, headers=[BEARER])
    assert (status, body["error"]["status"]) == (404, "NOT_FOUND")
