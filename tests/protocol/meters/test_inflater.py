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


@given(
    before=st.binary(min_size=1, max_size=200),
    messages=st.lists(st.sampled_from([b"abc" * 20, b"xyz" * 30, b"0123456789"]), max_size=5),
)
def test_one_that_joined_shows_as_nul_what_refers_to_messages_it_has_not_seen(
    before: bytes, messages: list[bytes]
) -> None:
    deflater, inflater = Deflater(takeover=True), Inflater(takeover=True, joined=True)
    deflater.message(before + b"abc" * 20 + b"0123456789")
    for payload in messages:
        out = inflater.receive(deflater.message(payload), last=True)
        assert len(out) == len(payload)
        assert all(found in {0, sent} for found, sent in zip(out, payload, strict=True))


def test_one_that_joined_reads_everything_once_nothing_refers_to_before() -> None:
    deflater, inflater = Deflater(takeover=True), Inflater(takeover=True, joined=True)
    deflater.message(b"hello, world" * 3)
    assert 0 in inflater.receive(deflater.message(b"hello, world"), last=True)
    between = bytes(range(1, 256)) * 300
    assert inflater.receive(deflater.message(between), last=True) == between
    assert inflater.receive(deflater.message(b"hello, world"), last=True) == b"hello, world"
