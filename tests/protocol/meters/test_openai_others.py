"""Tests of the meters of OpenAI's other endpoints: Live, Responses, translations."""

from __future__ import annotations

import base64
from decimal import Decimal

import pytest

from tests.protocol.meters.talk import Talk


def live_usage(seconds: float) -> dict[str, object]:
    return {"type": "session.usage.updated", "usage": {"seconds": seconds}}


def response(kind: str, key: str = "resp_1", **members: object) -> dict[str, object]:
    return {"type": f"response.{kind}", "response": {"id": key, "model": "gpt-5", **members}}


def test_live_usage_is_cumulative_and_the_last_value_counts() -> None:
    talk = Talk("openai", "/v1/live/sessions")
    talk.client({"type": "session.start", "session": {"model": "gpt-live"}})
    talk.provider(
        {"type": "session.started", "session": {"model": "gpt-live"}},
        {"type": "session.output_audio.delta", "delta": "AAAA"},
        live_usage(1.5),
        live_usage(4.25),
        {"type": "session.closed", "reason": "close_requested", "usage": {"seconds": 5.0}},
    )
    assert talk.meter.first_audio == 3
    assert talk.talking() is None
    assert talk.usage() == {"gpt-live": {"session_seconds": Decimal(5)}}


def test_live_counts_the_tokens_of_delegated_responses_by_their_model() -> None:
    usage = {"input_tokens": 3, "output_tokens": 4}
    talk = Talk("azure-openai", "/openai/v1/live")
    talk.provider(
        {"type": "session.started", "session": {"model": "gpt-live"}},
        {"type": "response.event", "event": response("in_progress", usage=None)},
        {"type": "response.event", "event": response("completed", usage=usage)},
        {"type": "response.event", "event": {"type": "response.failed", "response": {}}},
        live_usage(2),
    )
    assert talk.usage() == {
        "gpt-live": {"session_seconds": Decimal(2)},
        "gpt-5": {"input_text_tokens": 3, "output_text_tokens": 4},
    }


def test_a_sideband_of_a_live_session_is_not_metered() -> None:
    talk = Talk("openai", "/v1/live/sessions/{session}/attach").provider(live_usage(3))
    assert talk.usage() is None
    assert talk.meter.missing == "not metered"
    assert talk.meter.first_message == 1


@pytest.mark.parametrize("kind", ["completed", "incomplete", "failed"])
def test_responses_state_usage_at_their_end_and_may_run_at_once(kind: str) -> None:
    usage = {"input_tokens": 3, "output_tokens": 4}
    talk = Talk("openai", "/v1/responses")
    talk.provider(response("created"), response("created", "resp_2"))
    talk.provider({"type": "response.output_text.delta", "delta": "Hi"})
    assert talk.talking() is True
    talk.provider(response(kind, usage=usage), response(kind, "resp_2", usage=usage))
    assert talk.talking() is False
    assert [each[:4] for each in talk.turns()] == [(1, None, 4, False), (2, None, 5, False)]
    assert talk.meter.model == "gpt-5"
    assert talk.usage() == {"gpt-5": {"input_text_tokens": 6, "output_text_tokens": 8}}


@pytest.mark.parametrize(("kind", "missing"), [("completed", "not reported"), ("failed", None)])
def test_a_response_that_failed_owes_no_usage(kind: str, missing: str | None) -> None:
    talk = Talk("xai", "/v1/responses").provider(response("created"), response(kind, usage=None))
    assert talk.end().missing == missing


def test_translations_are_counted_by_the_audio_that_the_client_sent() -> None:
    talk = Talk("openai", "/v1/realtime/translations", b"model=gpt-realtime-translate")
    audio = base64.b64encode(bytes(4800)).decode()  # a tenth of a second
    append = {"type": "session.input_audio_buffer.append", "audio": audio}
    talk.client({"type": "session.update"}, append, append, append)
    talk.provider({"type": "session.created", "session": {"model": "gpt-realtime-translate"}})
    talk.provider({"type": "session.output_audio.delta", "delta": audio})
    assert talk.meter.first_audio == 6
    assert talk.usage() == {"gpt-realtime-translate": {"input_audio_seconds": Decimal("0.3")}}
