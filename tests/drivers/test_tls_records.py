"""Records of TLS, read and written a message at a time."""

from __future__ import annotations

import os
import socket
import ssl
from contextlib import suppress

import pytest

from relay.drivers.tls_records import RECORD, Records
from relay.socket_stream import SocketStream
from tests.sockets import received_now, shake_hands, tcp_pair, tls_pair
from tests.support import trio_test

FULL = b"x" * RECORD
BIG = bytes(range(256)) * 8192  # 2 MiB, more than buffers take


def records(stream: SocketStream) -> Records:
    assert isinstance(stream.socket, ssl.SSLSocket)
    return Records(stream.socket)


async def close(*streams: SocketStream) -> None:
    for stream in streams:
        await stream.aclose()


@trio_test
async def test_what_has_come_is_read_as_one() -> None:
    """As much as there is room for, and no error when the last record is a full one."""
    ours, theirs = await tls_pair()
    ends = records(ours)
    with pytest.raises(ssl.SSLWantReadError):
        ends.receive(4 * RECORD)
    for written, read in (
        ([FULL, b"end"], [FULL + b"end"]),
        ([FULL, FULL], [FULL + FULL]),
        ([b"one", b"two"], [b"one", b"two"]),
        ([FULL] * 5, [FULL * 4, FULL]),
    ):
        for record in written:
            await theirs.send_all(record)
        assert [ends.receive(4 * RECORD) for _ in read] == read
        assert not ends.has_unread()
    await close(ours, theirs)


@trio_test
async def test_a_part_of_a_record_is_left_unread() -> None:
    ours, theirs = await tls_pair()
    ends = records(ours)
    await theirs.send_all(FULL)
    await theirs.send_all(FULL)
    assert ends.receive(RECORD + 100) == FULL + b"x" * 100
    assert ends.has_unread()
    assert ends.receive(RECORD) == b"x" * (RECORD - 100)
    assert not ends.has_unread()
    await close(ours, theirs)


@pytest.mark.parametrize("how", ["close_notify", "garbage"])
@trio_test
async def test_an_end_that_comes_with_data_is_told_next(how: str) -> None:
    """Of which the system says nothing: the bytes have been read."""
    ours, theirs = await tls_pair()
    ends = records(ours)
    await theirs.send_all(FULL)
    if how == "close_notify":
        await theirs.send_eof()
    else:
        os.write(theirs.socket.fileno(), b"\x17\x03\x03\x00\x20" + b"?" * 32)
    assert ends.receive(4 * RECORD) == FULL
    assert ends.has_unread()
    assert [ends.receive(4 * RECORD) for _ in range(2)] == [b"", b""]
    await close(ours, theirs)


@trio_test
async def test_how_much_of_a_write_has_gone_is_known() -> None:
    """By the record; what is left is sent from the same place on."""
    ours, theirs = await tls_pair(4096)
    ends = records(ours)
    unsent, received, partial_writes = memoryview(BIG), b"", 0
    while unsent:
        sent = 0
        with suppress(ssl.SSLWantWriteError):
            sent = ends.send(unsent)
            assert sent
        partial_writes += 0 < sent < len(unsent)
        unsent = unsent[sent:]
        received += received_now(theirs)
    received += received_now(theirs)
    assert partial_writes > 1
    assert received == BIG
    await close(ours, theirs)


@trio_test
async def test_tcp_holds_nothing_back_afterwards() -> None:
    """Whether all was taken or not."""
    ours, theirs = tcp_pair()
    await shake_hands(ours, theirs)
    ends = records(ours)
    data = BIG[:98304]
    assert ends.send(data) == len(data)
    assert ours.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_CORK) == 0
    with suppress(ssl.SSLWantWriteError):
        while ends.send(BIG):
            pass
    assert ours.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_CORK) == 0
    await close(ours, theirs)
