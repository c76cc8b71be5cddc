"""MessagePack, against examples that follow from its specification."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.doubles.msgpack import Malformed, pack, unpack

EXAMPLES: list[tuple[bytes, object]] = [
    (b"\xc0", None),
    (b"\xc2", False),
    (b"\xc3", True),
    (b"\x07", 7),
    (b"\x7f", 127),
    (b"\xff", -1),
    (b"\xe0", -32),
    (b"\xcc\xff", 255),
    (b"\xcd\x01\x00", 256),
    (b"\xce\x00\x01\x00\x00", 65536),
    (b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", 2**64 - 1),
    (b"\xd0\x80", -128),
    (b"\xd1\x80\x00", -32768),
    (b"\xd2\xff\xff\xff\xfe", -2),
    (b"\xd3\x80\x00\x00\x00\x00\x00\x00\x00", -(2**63)),
    (b"\xca\x3f\x80\x00\x00", 1.0),
    (b"\xcb\x3f\xb9\x99\x99\x99\x99\x99\x9a", 0.1),
    (b"\xa0", ""),
    (b"\xa5hello", "hello"),
    (b"\xd9\x02\xc3\xa9", "\u00e9"),
    (b"\xda\x00\x01a", "a"),
    (b"\xdb\x00\x00\x00\x01a", "a"),
    (b"\xc4\x02\xff\x00", b"\xff\x00"),
    (b"\xc5\x00\x01\xff", b"\xff"),
    (b"\xc6\x00\x00\x00\x00", b""),
    (b"\x92\x01\x90", [1, []]),
    (b"\xdc\x00\x01\xc0", [None]),
    (b"\xdd\x00\x00\x00\x00", []),
    (b"\x82\xa1a\x01\xa1b\x81\xa1c\xc4\x01x", {"a": 1, "b": {"c": b"x"}}),
    (b"\xde\x00\x01\xa1a\x01", {"a": 1}),
    (b"\xdf\x00\x00\x00\x00", {}),
]


@pytest.mark.parametrize(("data", "value"), EXAMPLES)
def test_examples(data: bytes, value: object) -> None:
    found = unpack(data)
    assert found == value
    assert type(found) is type(value)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(VALUES)
def test_what_was_packed_is_unpacked(value: object) -> None:
    assert unpack(pack(value)) == value


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        b"\xd4\x01\x00",  # an extension
        b"\xa5hell",
        b"\xcd\x01",
        b"\xdd\xff\xff\xff\xff",  # four thousand million elements, none there
        b"\xdf\xff\xff\xff\xff",
        b"\xa1\xff",
        b"\x81\x01\x01",
        b"\x01\x01",
        b"\x91" * 5000 + b"\x01",
    ],
)
def test_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        unpack(data)


@given(st.binary())
def test_any_bytes_are_a_value_or_malformed(data: bytes) -> None:
    with contextlib.suppress(Malformed):
        unpack(data)


@pytest.mark.parametrize(
    ("value", "error"), [(object(), TypeError), ({1, 2}, TypeError), (2**64, struct.error)]
)
def test_what_has_no_form(value: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        pack(value)
