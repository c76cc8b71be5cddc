"""Credentials in messages: which members go, and that nothing else changes."""

from __future__ import annotations

import json

import pytest

from relay.protocol import RemoteProtocolError
from relay.protocol.message_credentials import credential_filter

_MEMBERS = ("xi_api_key", "xi-api-key", "authorization")
_TOKEN = "rly_" + "a" * 43


def _filtered(message: str, *, keep_own: bool = False) -> str:
    (result,) = credential_filter(_MEMBERS, keep_own=keep_own)(message)
    assert isinstance(result, str)
    return result


@pytest.mark.parametrize(
    "message",
    [
        '{"text": " ",  "voice_settings":{"stability":1.50e1}}',
        '{"text":"xi_api_key"}',
        '{"voice": {"xi_api_key": "inside is no credential"}}',
        "",
        "[" * 100_000,
        '{"text": 1',
        '{"text": "a\\nb"} and more',
    ],
)
def test_a_message_without_a_credential_passes_as_it_came(message: str) -> None:
    assert _filtered(message) is message


def test_binary_messages_are_read_too() -> None:
    policy = credential_filter(_MEMBERS, keep_own=False)
    assert policy(b'{"xi_api_key": "k", "text": "caf\xc3\xa9"}') == (b'{"text": "caf\\u00e9"}',)
    for audio in (b"", b"\x00\x01\xff", b'{"text": "a"}'):
        assert policy(audio) == (audio,)


@pytest.mark.parametrize("member", [*_MEMBERS, "XI_API_KEY", "xi\\u005fapi_key"])
@pytest.mark.parametrize("value", ['"key"', f'"{_TOKEN}"', '"rly_x"', "null", "7", '{"a": 1}'])
def test_every_spelling_of_a_member_is_taken_out(member: str, value: str) -> None:
    message = f'{{"text": "a", "{member}": {value}, "n": 1.50e1}}'
    assert _filtered(message) == '{"text": "a", "n": 1.50e1}'


def test_a_member_that_stands_twice_is_taken_out_twice() -> None:
    assert _filtered('{"xi_api_key": "a", "t": [1, {"b": -0.0}], "xi_api_key": "b"}') == (
        '{"t": [1, {"b": -0.0}]}'
    )


def test_other_members_that_stand_twice_stay() -> None:
    assert _filtered('{"a": 1, "xi_api_key": "k", "a": "é"}') == '{"a": 1, "a": "\\u00e9"}'


@pytest.mark.parametrize("value", [_TOKEN, f"Bearer {_TOKEN}", "rly_short"])
def test_where_clients_may_bring_their_own_only_gateway_tokens_go(value: str) -> None:
    message = json.dumps({"text": "a", "xi_api_key": value})
    assert _filtered(message, keep_own=True) == '{"text": "a"}'
    own = json.dumps({"text": "a", "xi_api_key": "own"})
    assert _filtered(own, keep_own=True) is own


def test_half_a_surrogate_pair_is_a_value_like_any_other() -> None:
    message = '{"xi_api_key": "\\ud800", "text": "a"}'
    assert _filtered(message, keep_own=True) is message
    assert _filtered(message) == '{"text": "a"}'
    hidden = f'{{"xi_api_key": "\\ud800{_TOKEN}", "text": "\\udfff"}}'
    assert _filtered(hidden, keep_own=True) == '{"text": "\\udfff"}'


@pytest.mark.parametrize(
    "message",
    [
        f'{{"xi_api_key": "{_TOKEN}", "a": ' + "[" * 1100 + "]" * 1100 + "}",
        f'{{"xi_api_key": "{_TOKEN}", "a": [' + "0," * 70_000 + "0]}",
        f'{{"xi_api_key": "{_TOKEN}"}} x',
        f'[{{"authorization": "{_TOKEN}"}}]',
        f'{{"a": "{_TOKEN}", \\ }}',
        '["xi_api_key"]',
        '{"xi\\u005fapi_key": "k"} x',
        f'{{"XI_API_KEY": "{_TOKEN}", "a": "\xff"}}'.encode("latin-1"),
        f'{{"xi_api_key": "{_TOKEN}",}}'.encode("utf-16"),
        "xi_api_key",
        b"authorization",
    ],
)
def test_what_cannot_be_read_and_may_hold_a_credential_ends_the_session(
    message: str | bytes,
) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        credential_filter(_MEMBERS, keep_own=False)(message)
    assert caught.value.close_code_hint == 1008
    assert _TOKEN not in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32-be"])
def test_a_credential_is_found_in_every_encoding_of_json(encoding: str) -> None:
    message = f'{{"xi_api_key": "{_TOKEN}", "n": 1.50}}'.encode(encoding)
    assert credential_filter(_MEMBERS, keep_own=True)(message) == (b'{"n": 1.50}',)


def test_a_message_without_a_name_of_a_credential_is_not_parsed() -> None:
    message = '{"a": [' + "0," * 70_000 + "0]}"
    assert _filtered(message) == message
