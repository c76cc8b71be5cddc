"""JSON as the doubles read and write it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.doubles.messages import (
    decoded,
    dump,
    elements,
    member,
    number,
    parse,
    reply,
    section,
    text,
)


def nested(depth: int) -> str:
    return '{"a":' * depth + "1" + "}" * depth


@pytest.mark.parametrize(
    "message",
    [
        "",
        "finalize",
        "[1]",
        '"text"',
        "{",
        b"\xff\x00",
        '{"a":NaN}',
        '{"a":1e999}',
        '{"a":' + "9" * 5000 + "}",
        nested(101),
        "[" * 200_000,
    ],
)
def test_what_is_no_plain_json_object_is_none(message: str | bytes) -> None:
    assert parse(message) is None


@pytest.mark.parametrize(
    ("message", "value"),
    [('{"a":[1,2.5,null]}', {"a": [1, 2.5, None]}), (b'{"a":"\xc3\xbc"}', {"a": "ü"})],
)
def test_a_json_object_is_parsed(message: str | bytes, value: object) -> None:
    assert parse(message) == value


def test_a_hundred_levels_are_not_too_many() -> None:
    assert parse(nested(99)) is not None


@given(st.recursive(st.none() | st.text() | st.integers(), st.lists))
def test_members_of_anything_can_be_asked_for(value: object) -> None:
    assert member(value, "a") is None
    assert section(value, "a") == {}
    assert elements(value, "a") == []
    assert text(value, "a") == ""
    assert number(value, "a") is None
    assert decoded(value, "a") is None


def test_the_first_of_several_names_is_taken() -> None:
    assert member({"turn_complete": True}, "turnComplete", "turn_complete") is True
    assert text({"mimeType": "a", "mime_type": "b"}, "mimeType", "mime_type") == "a"


def test_members_of_another_type_count_as_absent() -> None:
    value: dict[str, object] = {"a": True}
    assert section(value, "a") == {}
    assert elements(value, "a") == []
    assert text(value, "a") == ""
    assert number(value, "a") is None
    assert decoded(value, "a") is None


def test_members_of_the_right_type_are_taken() -> None:
    assert section({"a": {"b": 1}}, "a") == {"b": 1}
    assert elements({"a": [1]}, "a") == [1]
    assert number({"a": 7}, "a") == 7
    assert decoded({"a": "AP8="}, "a") == b"\x00\xff"
    assert decoded({"a": "++//"}, "a") == decoded({"a": "--__"}, "a") == b"\xfb\xef\xff"


@pytest.mark.parametrize("data", ["AP8", "?", "é"])
def test_what_is_no_base64_is_not_decoded(data: str) -> None:
    assert decoded({"a": data}, "a") is None


@given(st.text())
def test_any_string_survives_a_dump(words: str) -> None:
    assert json.loads(dump({"a": words}).encode("ascii")) == {"a": words}


def test_half_a_surrogate_pair_can_be_sent_back() -> None:
    assert dump(parse('{"a":"\\ud83d"}')) == '{"a":"\\ud83d"}'


def test_a_reply_names_what_was_heard_in_several_pieces() -> None:
    pieces = reply("OpenAI", "Tell me a joke")
    assert "".join(pieces) == "This is a double of OpenAI. It heard: Tell me a joke"
    assert len(pieces) > 5
    assert len("".join(reply("OpenAI", "x" * 10_000))) < 300
    assert "".join(reply("OpenAI", "")).endswith("It heard: nothing")
