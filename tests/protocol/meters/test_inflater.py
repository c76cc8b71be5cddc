"""Tests of relay.protocol.meters.inflater."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.protocol.meters.inflater import MAX_INFLATED, CompressedError, Inflater


class Deflater:
    """A sender of compressed messages (RFC 7692 7.2.1)."""

    def __init__(self, *, takeover: bool, window: int = 15) -> None:
        self._takeover = takeover
        self._window = window
        self._deflate = zlib.compressobj(wbits=-window)

    def message(self, payload: bytes) -> bytes:
        out = self._deflate.compress(payload) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        if not self._takeover:
            self._deflate = zlib.compressobj(wbits=-self._window)
        return out.removesuffix(b"\0\0\xff\xff")


@pytest.mark.parametrize("takeover", [True, False])
@pytest.mark.parametrize("window", [9, 15])
@given(
    messages=st.lists(st.binary(max_size=200) | st.just(b"abc" * 50_000), max_size=5),
    cut=st.integers(1, 400),
)
def test_messages_come_out_as_they_were(
    takeover: bool,
    window: int,
    messages: list[bytes],
    cut: int,
) -> None:
    deflater, inflater = Deflater(takeover=takeover, window=window), Inflater(takeover=takeover)
    for payload in messages:
        sent = deflater.message(payload)
        out = b"".join(
            inflater.receive(sent[at : at + cut], last=False) for at in range(0, len(sent), cut)
        )
        assert out + inflater.receive(b"", last=True) == payload


def test_a_message_that_grows_too_large_is_given_up_in_bounded_memory() -> None:
    sent = Deflater(takeover=True).message(bytes(MAX_INFLATED))
    assert len(Inflater(takeover=True).receive(sent, last=True)) == MAX_INFLATED
    sent = Deflater(takeover=True).message(bytes(MAX_INFLATED + 1))
    with pytest.raises(CompressedError):
        Inflater(takeover=True).receive(sent, last=True)


def test_each_message_may_be_as_large() -> None:
    deflater, inflater = Deflater(takeover=True), Inflater(takeover=True)
    for _ in range(3):
        sent = deflater.message(bytes(MAX_INFLATED // 2))
        assert len(inflater.receive(sent, last=True)) == MAX_INFLATED // 2


def test_what_is_no_deflate_is_given_up() -> None:
    with pytest.raises(CompressedError):
        Inflater(takeover=True).receive(b"\xff" * 10, last=True)


def test_a_final_block_is_given_up_only_where_messages_refer_to_those_before() -> None:
    final = zlib.compressobj(wbits=-15)
    sent = final.compress(b"payload") + final.flush()
    with pytest.raises(CompressedError):
        Inflater(takeover=True).receive(sent, last=True)
    inflater = Inflater(takeover=False)
    assert inflater.receive(sent, last=True) == b"payload"
    assert inflater.receive(sent, last=True) == b"payload"
