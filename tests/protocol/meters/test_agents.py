"""Tests of the meters of what is paid by the time that a session takes."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.protocol.meters.talk import Talk

AGENT = "/v1/convai/conversation"


def spoken(talk: Talk) -> list[tuple[float, float | None, float | None, bool]]:
    return [each[:4] for each in talk.turns()]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("elevenlabs", AGENT),
        ("deepgram", "/v1/agent/converse"),
        ("hume", "/v0/evi/chat"),
        ("assemblyai", "/v1/ws"),
        ("assemblyai", "/v3/ws"),
    ],
)
def test_the_time_is_the_sessions_as_the_clock_has_it(name: str, path: str) -> None:
    talk = Talk(name, path)
    talk.now = 12.3456
    assert talk.usage() == {None: {"session_seconds": Decimal("12.346")}}


def test_an_agent_of_elevenlabs_goes_on_until_the_user_speaks() -> None:
    talk = Talk("elevenlabs", AGENT, b"agent_id=a")
    talk.provider({"type": "conversation_initiation_metadata"}, {"type": "ping"})
    audio = {"type": "audio", "audio_event": {"audio_base_64": "AAAA"}}
    talk.provider({"type": "agent_response"}, audio, audio, {"type": "interruption"})
    talk.provider({"type": "agent_response"}, audio, {"type": "user_transcript"})
    assert spoken(talk) == [(3, 4, 6, True), (7, 8, 9, False)]
    assert talk.talking() is None


def test_an_agent_of_deepgram_has_the_model_that_thinks() -> None:
    think = {"provider": {"type": "open_ai", "model": "gpt-4o-mini"}}
    talk = Talk("deepgram", "/v1/agent/converse")
    talk.client({"type": "Settings", "agent": {"think": think}}, b"audio")
    talk.provider(
        {"type": "ConversationText", "role": "user"},
        {"type": "ConversationText", "role": "assistant"},
        {"type": "AgentStartedSpeaking"},
        b"audio",
        b"audio",
        {"type": "AgentAudioDone"},
        {"type": "AgentStartedSpeaking"},
    )
    assert talk.talking() is True
    talk.provider({"type": "UserStartedSpeaking"})
    assert talk.talking() is False
    assert spoken(talk) == [(4, 6, 8, False), (9, None, 10, True)]
    assert talk.usage() == {"gpt-4o-mini": {"session_seconds": Decimal(10)}}


def test_an_agent_of_deepgram_may_name_the_model_by_its_id() -> None:
    talk = Talk("deepgram", "/v1/agent/converse")
    talk.client({"type": "Settings", "agent": {"think": {"provider": {"model_id": "m"}}}})
    assert talk.meter.model == "m"


def test_humes_assistant_speaks_in_turns() -> None:
    talk = Talk("hume", "/v0/evi/chat/{chat}/connect")
    audio = {"type": "audio_output", "data": "AAAA"}
    talk.provider({"type": "assistant_message"}, {"type": "assistant_message"}, audio)
    talk.provider({"type": "assistant_end"}, {"type": "assistant_message"}, audio)
    talk.provider({"type": "user_interruption"}, {"type": "assistant_end"})
    assert spoken(talk) == [(1, 3, 4, False), (5, 6, 7, True)]


def test_assemblyais_agent_speaks_in_turns() -> None:
    talk = Talk("assemblyai", "/v1/ws")
    for status in ("completed", "interrupted"):
        talk.provider({"type": "reply.started", "reply_id": "r"})
        talk.provider({"type": "reply.audio", "data": "AAAA"})
        talk.provider({"type": "reply.done", "status": status})
    assert spoken(talk) == [(1, 2, 3, False), (4, 5, 6, True)]


def test_assemblyai_states_how_long_a_session_was() -> None:
    talk = Talk("assemblyai", "/v3/ws", b"sample_rate=16000")
    talk.provider({"type": "Begin", "configuration": {"model": "universal"}}, {"type": "Turn"})
    ended = {"type": "Termination", "audio_duration_seconds": 3, "session_duration_seconds": 5}
    assert talk.provider(ended).usage() == {"universal": {"session_seconds": Decimal(5)}}
