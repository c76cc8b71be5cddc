"""Tests of relay.protocol.meters.session_meter."""

from __future__ import annotations

import pytest

from relay.protocol.meters.openai_realtime import OpenAIRealtime
from tests.protocol.meters.talk import Talk

CREATED = {"type": "response.created", "response": {"id": "resp_1"}}


def test_nothing_was_used_of_a_session_in_which_nothing_happened() -> None:
    meter = Talk("openai", "/v1/realtime", b"model=gpt%2Drealtime&model=other").end()
    assert meter.usage == ()
    assert meter.missing is None
    assert (meter.turns, meter.dropped_turns, meter.dropped_models, meter.unread) == ([], 0, 0, 0)
    assert (meter.first_message, meter.first_audio, meter.talking) == (None, None, False)
    assert meter.model == "gpt-realtime"


def test_the_path_names_the_model_before_the_query() -> None:
    assert Talk("openai", "/v1/realtime", b"model=a", model="b").meter.model == "b"
    assert Talk("openai", "/v1/realtime", b"model=").meter.model is None


def test_a_meter_that_raises_ends_its_own_work_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(OpenAIRealtime, "from_provider", fail)
    talk = Talk("openai", "/v1/realtime").provider(CREATED, CREATED)
    assert talk.usage() is None
    assert talk.meter.missing == "failed"
    assert talk.meter.talking is None


def test_a_meter_that_raises_at_the_end_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(OpenAIRealtime, "finish", fail)
    assert Talk("openai", "/v1/realtime").end().missing == "failed"


def test_of_an_endpoint_without_a_meter_nothing_is_known_but_sizes() -> None:
    meter = Talk("fal", "/{model*}").client({"prompt": "x"}).end()
    assert meter.usage is None
    assert meter.missing == "not metered"
    assert meter.talking is None
    assert meter.inbound.largest_message == 14


def test_a_response_that_is_cut_short_is_owed() -> None:
    talk = Talk("openai", "/v1/realtime")
    assert not talk.meter.owes
    talk.provider({"type": "response.created", "response": {"id": "r"}})
    assert talk.end().owes
    talk.provider({"type": "response.done", "response": {"id": "r", "usage": {"input_tokens": 1}}})
    assert not talk.end().owes
    spoken = Talk("deepgram", "/v1/speak").client({"type": "Speak", "text": "Hello"})
    assert not spoken.end().owes
