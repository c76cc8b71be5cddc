"""Tests of relay.protocol.meters.google_live."""

from __future__ import annotations

import base64
from collections.abc import Mapping

import pytest

from relay.protocol import Usage
from tests.protocol.meters.talk import Talk, dump

LIVE = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
MUSIC = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateMusic"
VERTEX = "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent"
SETUP = {"setup": {"model": "models/gemini-live"}}
COMPLETE = {"turnComplete": True}


def binary(document: Mapping[str, object]) -> bytes:
    return dump(document).encode()


def content(**members: object) -> bytes:
    return binary({"serverContent": members})


def audio(size: int = 30) -> dict[str, object]:
    data = base64.b64encode((bytes(range(256)) * (size // 256 + 1))[:size]).decode()
    return {"parts": [{"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": data}}]}


def metadata(prompt: int, response: int, said: str = "response") -> dict[str, object]:
    return {
        "promptTokenCount": prompt,
        f"{said}TokenCount": response,
        "totalTokenCount": prompt + response,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": prompt}],
        f"{said}TokensDetails": [{"modality": "AUDIO", "tokenCount": response}],
    }


def talk(path: str = LIVE) -> Talk:
    provider = "google-vertex-ai" if path == VERTEX else "google"
    return Talk(provider, path).client(SETUP).provider(binary({"setupComplete": {}}))


def counted(prompt: int, response: int) -> dict[str, int]:
    return {"input_text_tokens": prompt, "output_audio_tokens": response}


@pytest.mark.parametrize("path", [LIVE, VERTEX])
@pytest.mark.parametrize("said", ["response", "candidates"])
def test_turns_are_summed_and_json_is_binary(path: str, said: str) -> None:
    session = talk(path)
    for _ in range(2):
        session.provider(content(modelTurn=audio()), content(modelTurn=audio()))
        session.provider(content(generationComplete=True))
        session.provider(
            binary({"serverContent": COMPLETE, "usageMetadata": metadata(10, 20, said)})
        )
    usage = Usage(input_text_tokens=10, output_audio_tokens=20)
    assert session.turns() == [(3, 3, 6, False, usage), (7, 7, 10, False, usage)]
    assert session.meter.model == "gemini-live"
    assert session.talking() is False
    assert session.usage() == {"gemini-live": counted(20, 40)}


def test_usage_is_found_behind_60_kib_of_audio_and_before_it() -> None:
    session = talk()
    for _ in range(3):
        session.provider(content(modelTurn=audio(45_000)))
    late = {"serverContent": {"modelTurn": audio(45_000)}, "usageMetadata": metadata(1, 2)}
    session.provider(binary(late), content(**COMPLETE))
    session.provider(content(modelTurn=audio(45_000)), content(modelTurn=audio(45_000)))
    early = {"usageMetadata": metadata(3, 4), "serverContent": {"modelTurn": audio(45_000)}}
    session.provider(binary(early), content(**COMPLETE))
    assert [turn.first_audio for turn in session.meter.turns] == [3, 8]
    assert session.usage() == {"gemini-live": counted(4, 6)}


def test_of_values_that_are_repeated_within_a_turn_the_last_one_counts() -> None:
    session = talk()
    session.provider(binary({"usageMetadata": metadata(5, 0)}))
    session.provider(content(outputTranscription={"text": "Hi"}))
    session.provider(binary({"usageMetadata": metadata(5, 6)}))
    session.provider(binary({"usageMetadata": metadata(5, 9)}), content(**COMPLETE))
    assert session.usage() == {"gemini-live": counted(5, 9)}


def test_usage_that_follows_the_end_of_a_turn_is_its_own() -> None:
    session = talk()
    session.provider(content(modelTurn={"parts": [{"text": "Hi"}]}), content(**COMPLETE))
    session.provider(binary({"usageMetadata": metadata(1, 2)}))
    session.provider(binary({"usageMetadata": metadata(3, 4)}))  # of the coming one
    session.provider(binary({"toolCall": {"functionCalls": []}}), content(**COMPLETE))
    assert [turn.usage for turn in session.meter.turns] == [
        Usage(input_text_tokens=1, output_audio_tokens=2),
        Usage(input_text_tokens=3, output_audio_tokens=4),
    ]
    assert session.usage() == {"gemini-live": counted(4, 6)}


def test_a_turn_is_interrupted_once() -> None:
    session = talk().provider(content(modelTurn=audio()), content(interrupted=True))
    session.provider(binary({"serverContent": COMPLETE, "usageMetadata": metadata(1, 2)}))
    assert session.turns() == [
        (3, 3, 4, True, Usage(input_text_tokens=1, output_audio_tokens=2)),
    ]
    session.provider(content(**COMPLETE))
    assert session.usage() == {"gemini-live": counted(1, 2)}


def test_usage_of_a_turn_that_does_not_end_is_counted() -> None:
    session = talk().provider(content(modelTurn=audio()))
    session.provider(binary({"usageMetadata": metadata(1, 2)}))
    assert session.talking() is True
    assert session.usage() == {"gemini-live": counted(1, 2)}


def test_every_token_is_counted_once_in_its_modality() -> None:
    stated = {
        "promptTokenCount": 100,
        "cachedContentTokenCount": 30,
        "responseTokenCount": 50,
        "toolUsePromptTokenCount": 7,
        "thoughtsTokenCount": 9,
        "promptTokensDetails": [
            {"modality": "TEXT", "tokenCount": 40},
            {"modality": "AUDIO", "tokenCount": 35},
            {"modality": "VIDEO", "tokenCount": 15},
            {"modality": "NEW", "tokenCount": 5},
        ],
        "cacheTokensDetails": [
            {"modality": "TEXT", "tokenCount": 10},
            {"modality": "IMAGE", "tokenCount": 20},
        ],
        "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": 50}],
    }
    session = talk().provider(binary({"serverContent": COMPLETE, "usageMetadata": stated}))
    assert session.usage() == {
        "gemini-live": {
            "input_text_tokens": 50 - 10 + 7,
            "input_audio_tokens": 35,
            "cached_text_tokens": 10,
            "cached_image_tokens": 15,
            "output_audio_tokens": 50,
            "thoughts_tokens": 9,
        }
    }


def test_names_may_be_in_snake_case_and_messages_in_text() -> None:
    session = Talk("google", LIVE).client(binary(SETUP))
    session.provider({"server_content": {"model_turn": {"parts": [{"text": "Hi"}]}}})
    usage = {"prompt_token_count": 3, "response_token_count": 4}
    session.provider({"server_content": {"turn_complete": True}, "usage_metadata": usage})
    assert session.usage() == {"gemini-live": {"input_text_tokens": 3, "output_text_tokens": 4}}


def test_music_is_timed_and_not_metered() -> None:
    session = talk(MUSIC).provider(content(audioChunks=[{"data": "AAAA"}]), content())
    assert session.meter.first_audio == 3
    assert session.meter.model == "gemini-live"
    assert session.usage() is None
    assert session.meter.missing == "not metered"


@pytest.mark.parametrize("path", [LIVE, MUSIC])
def test_only_the_first_message_of_the_client_is_read(path: str) -> None:
    session = Talk("google", path)
    session.client({"setup": {}}, SETUP)
    assert session.meter.model is None
