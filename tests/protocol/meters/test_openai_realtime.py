"""Tests of relay.protocol.meters.openai_realtime."""

from __future__ import annotations

from decimal import Decimal

import pytest

from relay.protocol import Usage
from tests.protocol.meters.talk import Talk

SESSION = {"type": "session.created", "session": {"model": "gpt-realtime", "type": "realtime"}}
USAGE = {
    "total_tokens": 150,
    "input_tokens": 100,
    "output_tokens": 50,
    "input_token_details": {
        "text_tokens": 60,
        "audio_tokens": 40,
        "image_tokens": 0,
        "cached_tokens": 30,
        "cached_tokens_details": {"text_tokens": 20, "audio_tokens": 10, "image_tokens": 0},
    },
    "output_token_details": {"text_tokens": 10, "audio_tokens": 40},
}
COUNTED = Usage(
    input_text_tokens=40,
    input_audio_tokens=30,
    cached_text_tokens=20,
    cached_audio_tokens=10,
    output_text_tokens=10,
    output_audio_tokens=40,
)


def created(key: str = "resp_1") -> dict[str, object]:
    return {"type": "response.created", "response": {"id": key, "usage": None}}


def delta(key: str = "resp_1", kind: str = "response.output_audio.delta") -> dict[str, object]:
    return {"type": kind, "event_id": "event_1", "response_id": key, "delta": "UklGRg=="}


def done(
    key: str = "resp_1", status: str = "completed", usage: object = USAGE
) -> dict[str, object]:
    return {"type": "response.done", "response": {"id": key, "status": status, "usage": usage}}


def transcribed(usage: object) -> dict[str, object]:
    kind = "conversation.item.input_audio_transcription.completed"
    return {"type": kind, "item_id": "item_1", "transcript": "Hello", "usage": usage}


@pytest.mark.parametrize("kind", ["response.output_audio.delta", "response.audio.delta"])
def test_usage_is_summed_over_responses_and_cached_tokens_are_counted_once(kind: str) -> None:
    talk = Talk("openai", "/v1/realtime", b"model=gpt-realtime")
    talk.provider(SESSION, created(), delta(kind=kind), delta(kind=kind), done())
    talk.provider(created("resp_2"), delta("resp_2", kind), done("resp_2"))
    assert talk.turns() == [(2, 3, 5, False, COUNTED), (6, 7, 8, False, COUNTED)]
    assert [turn.model for turn in talk.meter.turns] == ["gpt-realtime"] * 2
    assert talk.meter.first_message == 1
    assert talk.meter.first_audio == 3
    assert talk.usage() == {"gpt-realtime": (COUNTED + COUNTED).counted()}
    assert talk.meter.missing is None


def test_a_response_that_was_cancelled_was_interrupted_and_is_counted() -> None:
    talk = Talk("azure-openai", "/openai/realtime", b"api-version=1&deployment=voice")
    talk.provider(created(), delta())
    assert talk.talking() is True
    talk.provider(done(status="cancelled"))
    assert talk.talking() is False
    assert talk.turns() == [(1, 2, 3, True, COUNTED)]
    assert talk.meter.model == "voice"


def test_the_audio_of_each_of_two_responses_that_run_at_once_is_told_apart() -> None:
    talk = Talk("openai", "/v1/realtime")
    talk.provider(created("resp_1"), created("resp_2"), delta("resp_1"), delta("resp_1"))
    talk.provider(delta("resp_2"))
    assert [each[1] for each in talk.turns()] == [3, 5]


def test_a_response_that_began_before_this_connection_joined_is_counted() -> None:
    talk = Talk("openai", "/v1/realtime", b"call_id=rtc_1")
    assert talk.provider(done()).turns() == [(1, None, 1, False, COUNTED)]
    assert talk.usage() == {None: COUNTED.counted()}


@pytest.mark.parametrize(
    "session",
    [
        {"audio": {"input": {"transcription": {"model": "whisper-1"}}}},
        {"input_audio_transcription": {"model": "whisper-1"}},
    ],
)
def test_a_transcription_is_of_its_own_model_in_tokens_or_in_seconds(
    session: dict[str, object],
) -> None:
    talk = Talk("openai", "/v1/realtime")
    talk.provider(
        SESSION,
        {"type": "session.updated", "session": {"model": "gpt-realtime"} | session},
        transcribed({"type": "duration", "seconds": 1.25}),
        transcribed({"type": "duration", "seconds": 2}),
        transcribed(
            {
                "type": "tokens",
                "total_tokens": 22,
                "input_tokens": 17,
                "input_token_details": {"text_tokens": 2, "audio_tokens": 15},
                "output_tokens": 5,
            }
        ),
    )
    assert talk.usage() == {
        "whisper-1": {
            "input_audio_seconds": Decimal("3.25"),
            "input_text_tokens": 2,
            "input_audio_tokens": 15,
            "output_text_tokens": 5,
        }
    }
    assert talk.meter.model == "gpt-realtime"


def test_a_session_that_only_transcribes_is_named_by_what_transcribes() -> None:
    config = {"audio": {"input": {"transcription": {"model": "gpt-4o-transcribe"}}}}
    talk = Talk("openai", "/v1/realtime", b"intent=transcription")
    talk.provider({"type": "session.created", "session": {"type": "transcription"} | config})
    talk.provider(transcribed({"type": "tokens", "input_tokens": 9, "output_tokens": 1}))
    assert talk.usage() == {"gpt-4o-transcribe": {"input_text_tokens": 9, "output_text_tokens": 1}}


def test_a_completed_response_without_usage_leaves_it_unknown() -> None:
    talk = Talk("xai", "/v1/realtime").provider(created(), done(usage=None))
    assert talk.usage() is None
    assert talk.meter.missing == "not reported"


@pytest.mark.parametrize("status", ["cancelled", "failed"])
def test_a_response_that_came_to_nothing_owes_no_usage(status: str) -> None:
    talk = Talk("inworld", "/v1/realtime").provider(created(), done(status=status, usage=None))
    assert talk.usage() == {}


def test_a_response_may_name_its_model() -> None:
    talk = Talk("azure-openai", "/voice-live/realtime", b"model=phi4")
    ended = {"id": "resp_1", "status": "completed", "usage": USAGE, "model": "gpt-4o"}
    talk.provider(created(), {"type": "response.done", "response": ended})
    assert talk.usage() == {"gpt-4o": COUNTED.counted()}
