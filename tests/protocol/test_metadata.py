"""Tests of relay.protocol.metadata."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.protocol.metadata import is_metadata, read_metadata, wants_record
from relay.protocol.secret import Secret

TOKEN = "rly_" + "A" * 43


def read(value: bytes | str, *secrets: bytes) -> dict[str, object]:
    line = value if isinstance(value, bytes) else value.encode()
    return dict(read_metadata([(b"cf-aig-metadata", line)], [Secret(each) for each in secrets]))


def test_a_flat_object_is_read() -> None:
    value = {"team": "voice", "user": 12345, "beta": True, "share": 0.5, "name": "José"}
    assert read(json.dumps(value)) == value
    assert read(json.dumps(value, ensure_ascii=False)) == value


def test_the_first_five_entries_count_and_the_last_of_equal_names() -> None:
    assert list(read('{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6}')) == ["a", "b", "c", "d", "e"]
    assert read('{"a":1,"a":2}') == {"a": 2}


@pytest.mark.parametrize(
    "value",
    [
        *("", "x", "1", "null", "[]", '["a"]', '[["a", 1]]', '"text"', "{", '{"a":}'),
        *('{"a":null}', '{"a":{}}', '{"a":{"b":1}}', '{"a":[]}', '{"a":1,"b":null}'),
        *('{"a":NaN}', '{"a":Infinity}', '{"a":1e999}', '{"a":9223372036854775808}', '{"":1}'),
        *('{"a":"\\u0000"}', '{"a":"\\ud800"}', '{"\\n":1}'),
        *('{"cf.a":1}', json.dumps({"a": "x" * 257}), json.dumps({"a" * 257: 1})),
        *(b'{"a":"\xff"}', "[" * 5000, '{"a":' + "9" * 5000 + "}"),
    ],
)
def test_what_cannot_be_metadata_is_none_and_no_refusal(value: bytes | str) -> None:
    assert read(value) == {}


def test_a_repeated_line_is_none() -> None:
    line = (b"cf-aig-metadata", b'{"a":1}')
    assert read_metadata([line, line], []) == {}
    assert read_metadata([], []) == {}


def test_no_credential_gets_into_a_record() -> None:
    assert read(json.dumps({"a": TOKEN})) == {}
    assert read(json.dumps({"a": "sk-1/2"}), b"sk-1/2") == {}
    assert read(json.dumps({"a": "sk-1"}), b"sk-2") == {"a": "sk-1"}
    assert read('{"a":"rl\\u0079_%s"}' % ("A" * 43)) == {}
    assert read('{"a":"s\\u006b-1"}', b"sk-1") == {}


@pytest.mark.parametrize("value", [b"false", b"False", b"FALSE"])
def test_a_client_can_ask_for_no_record(value: bytes) -> None:
    assert not wants_record([(b"cf-aig-collect-log", value)])
    assert not wants_record([(b"cf-aig-collect-log", b"true"), (b"cf-aig-collect-log", value)])


def test_otherwise_there_is_one() -> None:
    assert wants_record([])
    assert wants_record([(b"cf-aig-collect-log", b"true"), (b"x", b"false")])


@given(st.binary(max_size=200))
def test_law_any_bytes_give_a_few_entries_that_can_be_ones(value: bytes) -> None:
    metadata = read_metadata([(b"cf-aig-metadata", value)], [])
    assert len(metadata) <= 5
    assert all(is_metadata(name, each) for name, each in metadata.items())
