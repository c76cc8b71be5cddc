"""Tests of relay.protocol.meters.reading."""

from __future__ import annotations

from decimal import Decimal

import pytest

from relay.protocol.meters.reading import (
    TooManyValuesError,
    count,
    elements,
    find,
    name,
    read_object,
    seconds,
    section,
    text,
)


@pytest.mark.parametrize(
    "message", [b"", b"[]", b"1", b"{", b"\xff", b'{"a":1e}', b"[" * 9000, b'{"a":' * 9000]
)
def test_what_is_no_object_is_none(message: bytes) -> None:
    assert read_object(message) is None


def test_numbers_are_exact() -> None:
    assert read_object(b'{"a": 0.1, "b": 1e400, "c": 2}') == {
        "a": Decimal("0.1"),
        "b": Decimal("1e400"),
        "c": 2,
    }
    assert read_object(b'{"a": %s}' % (b"1" * 5000)) is None  # Python bounds the digits


@pytest.mark.parametrize("value", [b"1,", b"[],", b"{},"])
def test_an_object_with_too_many_values_is_refused(value: bytes) -> None:
    with pytest.raises(TooManyValuesError):
        read_object(b'{"a":[' + value * 20_000 + b"1]}")


def test_members_are_found_in_camel_case_and_in_snake_case() -> None:
    value = {"fooBar": {"bazQux": 1}, "foo_baz": {"x": 2}}
    assert find(value, "fooBar", "bazQux") == 1
    assert find(value, "fooBaz", "x") == 2
    assert find(value, "fooBar", "bazQux", "deeper") is None
    assert find(value, "none") is None
    assert find([], "none") is None


def test_what_is_something_else_is_absent() -> None:
    value: dict[str, object] = {"a": {}, "b": [], "c": "", "d": 1, "e": True}
    assert section(value, "b") == {}
    assert elements(value, "a") == []
    assert text(value, "d") == ""
    assert name(value, "c") is None
    assert count(value, "e") == 0
    assert seconds(value, "e") is None
    assert seconds(value, "c") is None


@pytest.mark.parametrize("wrong", [-1, 10**13, Decimal("1.5"), "1"])
def test_counts_are_whole_and_bounded(wrong: object) -> None:
    assert count({"a": wrong}, "a") == 0
    assert count({"a": 7}, "a") == 7


def test_names_are_bounded() -> None:
    assert name({"a": "n" * 256}, "a") == "n" * 256
    assert name({"a": "n" * 257}, "a") is None


@pytest.mark.parametrize("wrong", ["", "\0", "a\nb", "\ud800", "\x1b[2J"])
def test_what_no_store_takes_is_no_name(wrong: str) -> None:
    assert name({"a": wrong}, "a") is None


@pytest.mark.parametrize(
    ("stated", "read"),
    [
        (3, "3"),
        (30, "30"),
        (Decimal("1.2500"), "1.25"),
        (Decimal("0.1234567"), "0.123457"),
        (Decimal("1e-400"), "0"),
        (-1, None),
        (Decimal("1e400"), None),
    ],
)
def test_times_are_bounded_and_exact_to_the_microsecond(
    stated: int | Decimal, read: str | None
) -> None:
    found = seconds({"a": stated}, "a")
    assert (None if found is None else str(found)) == read
