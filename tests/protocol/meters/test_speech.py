"""Tests of the meters that count the characters of what is to be spoken."""

from __future__ import annotations

import pytest

from relay.protocol import Usage
from tests.protocol.meters.talk import Message, Talk

STREAM = "/v1/text-to-speech/{voice}/stream-input"
MULTI = "/v1/text-to-speech/{voice}/multi-stream-input"
DIALOGUE = "/v1/text-to-dialogue/stream-input"


def characters(talk: Talk) -> dict[str | None, object]:
    return {model: used["input_characters"] for model, used in (talk.usage() or {}).items()}


def spoken(talk: Talk) -> list[tuple[float, float | None, float | None, bool]]:
    return [each[:4] for each in talk.turns()]


def test_cartesia_counts_by_the_model_of_each_message_and_a_context_is_a_turn() -> None:
    talk = Talk("cartesia", "/tts/websocket")
    request = {"model_id": "sonic-3", "context_id": "a", "transcript": "Hé 😀", "continue": True}
    talk.client(request, request | {"context_id": "b", "model_id": "sonic-2"})
    talk.provider({"type": "chunk", "context_id": "a", "data": "AA=="})
    talk.provider({"type": "chunk", "context_id": "b", "data": "AA=="})
    talk.client({"context_id": "a", "transcript": "", "continue": False})
    talk.provider({"type": "timestamps", "context_id": "a"}, {"type": "done", "context_id": "a"})
    assert talk.talking() is True
    talk.client({"context_id": "b", "cancel": True})
    talk.client(request | {"context_id": "c", "model_id": None})
    talk.provider({"type": "error", "context_id": "c", "message": "no"})
    assert spoken(talk) == [(1, 3, 7, False), (2, 4, 8, True), (9, None, 10, False)]
    assert characters(talk) == {"sonic-3": 8, "sonic-2": 4}
    assert talk.meter.model == "sonic-3"


def test_elevenlabs_counts_texts_that_are_not_blank() -> None:
    talk = Talk("elevenlabs", STREAM, b"model_id=eleven_flash_v2_5")
    talk.client({"text": " ", "voice_settings": {}}, {"text": "Hello there. "}, {"text": "Bye"})
    talk.provider(
        {"audio": "AAAA", "isFinal": None, "alignment": {"chars": ["H"]}},
        {"audio": "AAAA", "isFinal": None, "alignment": None},
        '{"audio": "AAAA", "isFinal": null}',
    )
    talk.client({"text": ""})
    assert talk.talking() is True
    talk.provider({"audio": None, "isFinal": True})
    assert spoken(talk) == [(2, 4, 8, False)]
    assert characters(talk) == {"eleven_flash_v2_5": 16}


def test_elevenlabs_ends_a_turn_with_its_first_audio_if_that_is_all() -> None:
    talk = Talk("elevenlabs", STREAM).client({"text": "Hi"})
    talk.provider({"audio": "AAAA", "isFinal": True})
    assert spoken(talk) == [(1, 2, 2, False)]


def test_elevenlabs_contexts_are_turns() -> None:
    talk = Talk("elevenlabs", MULTI, b"model_id=eleven_v3")
    talk.client({"text": "one", "context_id": "a"}, {"text": "three", "contextId": "b"})
    talk.provider({"audio": "AAAA", "contextId": "b"}, {"audio": "AAAA", "contextId": "a"})
    talk.client({"context_id": "b", "close_context": True})
    talk.provider({"isFinal": True, "contextId": "b"})
    assert spoken(talk) == [(1, 4, None, False), (2, 3, 6, False)]
    assert characters(talk) == {"eleven_v3": 8}


def test_elevenlabs_names_a_context_that_the_client_does_not() -> None:
    talk = Talk("elevenlabs", MULTI).client({"text": "one"})
    talk.provider({"audio": "AAAA", "contextId": "default"})
    assert spoken(talk) == [(1, 2, None, False)]


def test_elevenlabs_counts_the_lines_of_a_dialogue() -> None:
    talk = Talk("elevenlabs", DIALOGUE, b"model_id=eleven_v3")
    lines = [{"text": "One", "voice_id": "v"}, {"text": " "}, {"text": "Two"}]
    talk.client({"voices": ["v"], "inputs": lines}, {"flush": True})
    talk.provider({"audio": "AAAA"}, {"is_final_audio_for_turn": True}, {"is_final": True})
    assert spoken(talk) == [(1, 3, 4, False)]
    assert characters(talk) == {"eleven_v3": 6}


@pytest.mark.parametrize(
    ("name", "path", "query"),
    [
        ("deepgram", "/v1/speak", b"model=aura-2"),
        ("workers-ai", "/v1/{account}/{gateway}/workers-ai", b"model=%40cf/deepgram/aura-1"),
    ],
)
def test_deepgram_counts_the_characters_of_speak(name: str, path: str, query: bytes) -> None:
    talk = Talk(name, path, query)
    talk.provider({"type": "Metadata", "model_name": "aura-2"})
    talk.client({"type": "Speak", "text": "Hello"}, {"type": "Flush"}, {"type": "Speak"})
    talk.provider(b"\0" * 10, b"\0" * 10, {"type": "Flushed"})
    talk.client({"type": "Speak", "text": "Bye"}, {"type": "Clear"})
    talk.provider({"type": "Cleared"})
    assert spoken(talk) == [(2, 5, 7, False), (8, None, 10, True)]
    assert list(characters(talk).values()) == [8]


def test_deepgrams_model_is_named_by_the_provider_where_the_query_does_not() -> None:
    assert (
        Talk("deepgram", "/v1/speak").provider({"type": "Metadata", "model_name": "m"}).meter.model
    )


@pytest.mark.parametrize(
    ("last", "count"),
    [({}, 8), ({"total_billable_character_count": 7}, 7)],
)
def test_deepgrams_flux_says_what_it_bills(last: dict[str, object], count: int) -> None:
    talk = Talk("deepgram", "/v2/speak").provider({"type": "Connected", "model_name": "flux"})
    talk.client({"type": "Speak", "text": "Hello"}, {"type": "Speak"})
    talk.provider(b"\0", {"type": "Flushed"})
    talk.client({"type": "Speak", "text": "Bye"})
    talk.provider({"type": "SpeechInterrupted"}, {"type": "SessionMetadata"} | last)
    assert spoken(talk) == [(2, 4, 5, False), (6, None, 7, True)]
    assert characters(talk) == {"flux": count}


def test_xai_counts_the_characters_of_deltas() -> None:
    talk = Talk("xai", "/v1/tts", b"model=grok-tts")
    talk.client({"type": "text.delta", "delta": "Hello"}, {"type": "text.delta"})
    talk.client({"type": "text.done"})
    talk.provider({"type": "audio.delta", "delta": "AA"}, {"type": "audio.done"})
    talk.client({"type": "text.delta", "delta": "Bye"}, {"type": "text.clear"})
    talk.provider({"type": "audio.clear"})
    assert spoken(talk) == [(1, 4, 5, False), (6, None, 8, True)]
    assert characters(talk) == {"grok-tts": 8}


def test_hume_counts_the_characters_of_texts() -> None:
    talk = Talk("hume", "/v0/tts/stream/input").client({"text": "Hello"}, {"flush": True})
    talk.provider({"type": "audio", "audio": "AA"}, {"type": "timestamp"})
    assert talk.meter.first_audio == 3
    assert talk.talking() is None
    assert characters(talk) == {None: 5}


def test_mistral_states_the_tokens_of_each_generation() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    talk = Talk("mistral", "/v1/audio/speech/realtime")
    talk.provider({"type": "session.created", "session": {"model": "voxtral-tts"}})
    for _ in range(2):
        talk.client({"type": "input_text.append", "text": "Hi"}, {"type": "input_text.flush"})
        talk.provider({"type": "speech.audio.delta", "audio_data": "AA"})
        talk.provider({"type": "speech.audio.done", "usage": usage})
    counted = Usage(input_text_tokens=3, output_audio_tokens=4)
    assert talk.turns() == [(2, 4, 5, False, counted), (6, 8, 9, False, counted)]
    assert talk.usage() == {"voxtral-tts": (counted + counted).counted()}


@pytest.mark.parametrize("message", ["no JSON", "[]", b"\x00", "{", '{"text": 1, "inputs": 2}'])
def test_what_is_no_text_counts_nothing(message: Message) -> None:
    for name, path in [("cartesia", "/tts/websocket"), ("elevenlabs", STREAM)]:
        assert Talk(name, path).client(message).usage() == {}
