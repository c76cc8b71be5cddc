from __future__ import annotations

from collections.abc import Sequence

import pytest

from relay.protocol import MessageModel, RemoteProtocolError
from relay.protocol.message_models import model_filter
from relay.protocol.messages import Policy

LIVE = (MessageModel("session.model"),)
RESPONSES = (MessageModel("model", required_in="response.create"), MessageModel("response.model"))


def limited(*where: MessageModel, scopes: tuple[tuple[str, ...], ...] = (("good*",),)) -> Policy:
    return model_filter(where, scopes)


def passes(policy: Policy, message: str | bytes) -> bool:
    """Whether the message goes on as it is; if not, the session ends with 1008."""
    outcome: Sequence[str | bytes] | RemoteProtocolError
    try:
        outcome = policy(message)
    except RemoteProtocolError as error:
        outcome = error
    if isinstance(outcome, RemoteProtocolError):
        assert outcome.close_code_hint == 1008
        assert len(str(outcome)) <= 123
        return False
    assert outcome == (message,)
    return True


@pytest.mark.parametrize(
    "message",
    [
        '{"session": {"model": "good-1"}}',
        '{"type": "session.start", "session": {"x": 1, "model": "good"}}',
        b'{"session": {"model": "good"}}',
        '{"Session": {"MODEL": "good"}}',
        '{"session": [{"model": "good"}, {"model": "good-2"}]}',
        '{"session": {"model": "good", "model": "good"}}',
    ],
)
def test_a_first_message_may_name_an_allowed_model(message: str | bytes) -> None:
    assert passes(limited(*LIVE), message)


@pytest.mark.parametrize(
    "message",
    [
        '{"session": {"model": "evil"}}',
        b'{"session": {"model": "evil"}}',
        '{"session": {"model": "good", "model": "evil"}}',
        '{"session": {"model": "evil", "model": "good"}}',
        '{"session": {"model": "good"}, "session": {"model": "evil"}}',
        '{"session": {"model": "good", "Model": "evil"}}',
        '{"session": {"mod\\u0065l": "evil"}}',
        '{"session": [{"model": "good"}, {"model": "evil"}]}',
        '{"session": {"model": ["good", "evil"]}}',
        '{"session": {"model": {"name": "good"}}}',
        '{"session": {"model": null}}',
        '{"session": {"model": true}}',
        '{"session": {"model": "good\\u0000evil"}}',
        '{"session": {"model": "good evil"}}',
        '{"session": {"model": ""}}',
    ],
)
def test_another_model_ends_the_session_at_once_and_later(message: str | bytes) -> None:
    assert not passes(limited(*LIVE), message)
    policy = limited(*LIVE)
    assert passes(policy, '{"session": {"model": "good"}}')
    assert passes(policy, '{"type": "audio"}')
    assert not passes(policy, message)


@pytest.mark.parametrize(
    "message",
    [
        "{}",
        '{"model": "good"}',
        '{"session": "good"}',
        '{"session": {"x": {"model": "good"}}}',
        "[]",
        "good",
        "",
        b"",
        b"\x00\x01",
        '[{"session": {"model": "good"}}]',
    ],
)
def test_a_first_message_that_names_no_model_ends_the_session(message: str | bytes) -> None:
    assert not passes(limited(*LIVE), message)


def test_after_the_first_message_audio_passes_and_unreadable_text_does_not() -> None:
    policy = limited(*LIVE)
    assert passes(policy, '{"session": {"model": "good"}}')
    assert passes(policy, b"\x00\x01")
    assert passes(policy, "{}")
    assert not passes(policy, "// a dialect of JSON\n{}")


def test_some_messages_have_to_name_their_model_each_time() -> None:
    policy = limited(*RESPONSES)
    assert passes(policy, '{"type": "response.create", "model": "good"}')
    assert passes(policy, '{"type": "response.cancel"}')
    assert not passes(policy, '{"type": "response.create", "prompt": {"id": "p"}}')
    assert not passes(policy, '{"type": "response.create", "response": {"model": "good"}}')
    assert not passes(
        policy, '{"type": "response.create", "model": "good", "response": {"model": "x"}}'
    )


def test_a_model_has_to_fit_every_scope() -> None:
    policy = limited(*LIVE, scopes=(("a*",), ("*b", "c")))
    assert passes(policy, '{"session": {"model": "ab"}}')
    assert not passes(policy, '{"session": {"model": "a"}}')
    assert not passes(policy, '{"session": {"model": "c"}}')


def test_each_session_has_a_check_of_its_own() -> None:
    assert passes(limited(*LIVE), '{"session": {"model": "good"}}')
    assert not passes(limited(*LIVE), "{}")
