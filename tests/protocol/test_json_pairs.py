from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.protocol.json_pairs import Pairs, read_pairs

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(value=st.dictionaries(st.text(), VALUES))
def test_an_object_is_written_as_it_was_read(value: dict[str, object]) -> None:
    pairs = read_pairs(json.dumps(value))
    assert pairs is not None
    assert json.loads(pairs.dump()) == value


def test_nothing_is_lost_or_rewritten() -> None:
    pairs = read_pairs('{"a": 1.50e1, "a": {"b": [-0, true]}, "c": 9007199254740993}')
    assert pairs is not None
    assert [name for name, _ in pairs] == ["a", "a", "c"]
    assert pairs.dump() == '{"a": 1.50e1, "a": {"b": [-0, true]}, "c": 9007199254740993}'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_bytes_are_read_too(encoding: str) -> None:
    assert read_pairs('{"a": "\u00e9"}'.encode(encoding)) == Pairs([("a", "\u00e9")])


@pytest.mark.parametrize(
    "message", ["", "a", "[]", '"a"', "1", "{", '{"a"}', b"\xff\x00", b"", "[" * 100_000]
)
def test_what_is_no_object_is_none(message: str | bytes) -> None:
    assert read_pairs(message) is None


@pytest.mark.parametrize(
    "end", ['\\"' * 500_000, "a" * 1_000_000 + "\\", '"' * 1_000_001, "\\" * 1_000_001]
)
def test_no_message_takes_long_to_read(end: str) -> None:
    """If the time grew with the square of the size, it would be hours and not milliseconds."""
    assert read_pairs('{"a": "' + end) is None
