"""Policies over any message: what they pass is safe to another JSON parser, too."""

from __future__ import annotations

import json
from collections.abc import Iterator

from relay.protocol.errors import RemoteProtocolError
from relay.protocol.json_pairs import read_pairs
from relay.protocol.message_credentials import credential_filter
from relay.protocol.message_models import model_filter
from relay.protocol.messages import Policy
from relay.protocol.providers.openai import LIVE_MODEL
from tests.fuzz.target import FuzzInput, Target, fuzz_input
from tests.protocol.handshakes import TOKEN

__all__ = ["TARGET"]

_MEMBERS = ("xi_api_key", "xi-api-key", "authorization")
_BINARY = 0


def check(raw: bytes) -> None:
    """The data is one message; the options choose its kind."""
    given = FuzzInput.read(raw)
    message: str | bytes = given.data
    if not given.has(_BINARY):
        try:
            message = given.data.decode()
        except UnicodeDecodeError:
            return  # no text message: the lane has failed it
    _check_pairs(message)
    _check_credentials(message, keep_own=True)
    _check_credentials(message, keep_own=False)
    _check_models(message)


def _apply(policy: Policy, message: str | bytes) -> str | bytes | None:
    """The message that takes its place; None if the session ends."""
    try:
        (passed,) = policy(message)
    except RemoteProtocolError as error:
        assert error.close_code_hint == 1008
        return None
    assert type(passed) is type(message)
    return passed


def _check_pairs(message: str | bytes) -> None:
    try:
        pairs = read_pairs(message)
    except RemoteProtocolError as error:
        assert error.close_code_hint == 1008
        return
    value = _loads(message)
    assert (pairs is None) is (not isinstance(value, dict))
    if pairs is not None:
        assert repr(json.loads(pairs.dump())) == repr(value)


def _check_credentials(message: str | bytes, *, keep_own: bool) -> None:
    passed = _apply(credential_filter(_MEMBERS, keep_own=keep_own), message)
    if passed is None:
        return
    value = _loads(passed)
    if not isinstance(value, dict):
        return
    for name, credential in value.items():
        if name.lower() in _MEMBERS:
            assert keep_own
            assert TOKEN not in str(credential)
    before = _loads(message)
    assert isinstance(before, dict)
    kept = {name: each for name, each in before.items() if name.lower() not in _MEMBERS}
    assert repr({k: v for k, v in value.items() if k.lower() not in _MEMBERS}) == repr(kept)


def _check_models(message: str | bytes) -> None:
    passed = _apply(model_filter(LIVE_MODEL, [("m", "gpt-*")], audio=True), message)
    if passed is None:
        return
    assert passed is message  # never rewritten
    path = LIVE_MODEL[0].member.split(".")
    models = list(_at(_loads(message), path))
    assert all(isinstance(each, str) and (each == "m" or each[:4] == "gpt-") for each in models)


def _at(value: object, path: list[str]) -> Iterator[object]:
    """What a parser that takes the last of equal members finds at a path, in lists too."""
    if isinstance(value, list):
        for each in value:
            yield from _at(each, path)
    elif not path:
        yield value
    elif isinstance(value, dict) and path[0] in value:
        yield from _at(value[path[0]], path[1:])


def _loads(message: str | bytes) -> object:
    try:
        return json.loads(message)
    except (ValueError, RecursionError):
        return None


_SEEDS = (
    b'{"text": " ", "xi_api_key": "K", "voice_settings": {"speed": 1.0, "x": [1, -0.5e3, null]}}',
    b'{"XI-API-KEY": "%b", "text": "a"}' % TOKEN.encode(),
    b'{"xi\\u005fapi_key": "K", "authorization": ["%b"]}' % TOKEN.encode(),
    b'{"type": "session.start", "session": {"model": "gpt-live"}}',
    b'{"type": "session.update", "session": {"model": "m", "MODEL": "gpt-x", "model": "other"}}',
    b'{"session": [{"model": "m"}], "type": "session.start"}',
    b'{"session": {"model": ["m", {"a": "xi_api_key"}]}}',
    b'["xi_api_key"]',
    b'{"a": "\\ud83d\\ude00\\ud800", "b": NaN, "c": Infinity, "d": true, "a": false}',
    b'\xef\xbb\xbf{"model": "m"}',
    '{"authorization": "K", "model": "m"}'.encode("utf-16-le"),
    '{"authorization": "K", "model": "m"}'.encode("utf-32"),
    b'"rly_"',
    b"[" * 140 + b"]" * 140,
)

TARGET = Target(
    "message_policies",
    check,
    seeds=tuple(fuzz_input(each, options=options) for each in _SEEDS for options in (0, 1)),
    words=(
        *(each.encode() for each in _MEMBERS),
        TOKEN.encode(),
        b"rly_",
        b'"session": {',
        b'"model": ',
        b'"type": ',
        b"\\u00",
        b'"gpt-',
        b"null",
        b"NaN",
        b'": "',
    ),
    max_size=300,
)
