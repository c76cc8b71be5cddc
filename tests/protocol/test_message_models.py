from __future__ import annotations

from collections.abc import Sequence

import pytest

from relay.protocol import MessageModel, RemoteProtocolError
from relay.protocol.message_models import model_filter
from relay.protocol.messages import Policy

LIVE = (MessageModel("session.model"),)
RESPONSES = (MessageModel("model", required_in="response.create"), MessageModel("tools.model"))


def limited(
    *where: MessageModel,
    scopes: tuple[tuple[str, ...], ...] = (("good*",),),
    audio: bool = False,
) -> Policy:
    return model_filter(where, scopes, audio=audio)


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
        '{"session": {"model": "good"}, "\\u017fession": {"model": "evil"}}',
        '{"session": [{"model": "good"}, {"model": "evil"}]}',
        '{"session": {"model": ["good", "evil"]}}',
        '{"session": {"model": {"name": "good"}}}',
        '{"session": {"model": null}}',
        '{"session": {"model": true}}',
        '{"session": "good"}',
        '{"session": ["good"]}',
        '{"session": 1}',
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
        '{"session": null}',
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


UNREADABLE = [
    "// a dialect of JSON\n{}",
    '{"session": {"model": "evil"}, "a": "\t"}',
    '{"session": {"model": "evil"}} x',
    '[{"session": {"model": "evil"}}]',
]


@pytest.mark.parametrize("message", [*UNREADABLE, *map(str.encode, UNREADABLE), b'{"a": "\xff"}'])
def test_what_cannot_be_read_ends_the_session(message: str | bytes) -> None:
    policy = limited(*LIVE)
    assert passes(policy, '{"session": {"model": "good"}}')
    assert passes(policy, "{}")
    assert not passes(policy, message)


def test_where_binary_messages_are_audio_they_pass_after_the_first_message() -> None:
    policy = limited(*LIVE, audio=True)
    assert not passes(policy, b"\x00\x01")
    assert passes(policy, '{"session": {"model": "good"}}')
    assert passes(policy, b"\x00\x01")
    assert not passes(policy, "audio")


@pytest.mark.parametrize(
    "message",
    [
        '{"a": ' + "[" * 200 + "]" * 200 + "}",
        '{"a": ' * 200 + "1" + "}" * 200,
        '{"a": [' + "0," * 70_000 + "0]}",
        '{"a": [' + "{}" * 70_000 + "]}",
        '{"a": ' + "[" * 60_000 + "]" * 60_000 + "}",
    ],
)
def test_a_message_that_costs_too_much_ends_the_session(message: str) -> None:
    policy = limited(*LIVE)
    assert passes(policy, '{"session": {"model": "good"}}')
    assert not passes(policy, message)


def test_large_strings_and_many_brackets_in_them_cost_nothing() -> None:
    policy = limited(*LIVE)
    assert passes(policy, '{"session": {"model": "good"}, "audio": "' + "A" * 10_000_000 + '"}')
    assert passes(policy, '{"text": "' + '[{\\"' * 10_000 + '"}')


@pytest.mark.parametrize("kind", ['{"a": 1}', "[1]", "null", "1", '""', '["session.start"]'])
def test_a_type_may_be_anything(kind: str) -> None:
    policy = limited(MessageModel("session.model", required_in="session.start"))
    assert passes(policy, f'{{"type": {kind}, "session": {{"model": "good"}}}}')
    allowed = "session.start" not in kind
    assert passes(policy, f'{{"type": {kind}}}') is allowed


def test_the_first_message_has_to_name_it_at_the_first_place() -> None:
    where = (MessageModel("session.model"), MessageModel("session.audio.model"))
    assert not passes(limited(*where), '{"session": {"audio": {"model": "good"}}}')
    policy = limited(*where)
    assert passes(policy, '{"session": {"model": "good"}}')
    assert passes(policy, '{"session": {"audio": {"model": "good"}}}')
    assert not passes(policy, '{"session": {"audio": {"model": "evil"}}}')


def test_some_messages_have_to_name_their_model_each_time() -> None:
    policy = limited(*RESPONSES)
    assert passes(policy, '{"type": "response.create", "model": "good"}')
    assert passes(policy, '{"type": "response.cancel"}')
    assert not passes(policy, '{"type": "response.create", "prompt": {"id": "p"}}')
    assert not passes(policy, '{"type": "response.create", "tools": [{"model": "good"}]}')
    assert not passes(
        policy, '{"type": "response.create", "model": "good", "tools": [{"model": "x"}]}'
    )


def test_a_model_has_to_fit_every_scope() -> None:
    policy = limited(*LIVE, scopes=(("a*",), ("*b", "c")))
    assert passes(policy, '{"session": {"model": "ab"}}')
    assert not passes(policy, '{"session": {"model": "a"}}')
    assert not passes(policy, '{"session": {"model": "c"}}')


def test_each_session_has_a_check_of_its_own() -> None:
    assert passes(limited(*LIVE), '{"session": {"model": "good"}}')
    assert not passes(limited(*LIVE), "{}")
