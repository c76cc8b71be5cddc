"""The failures that end a connection of Deepgram's."""

from __future__ import annotations

import pytest
import trio

from relay.doubles.deepgram_failure import Failure, receive_before
from relay.doubles.server import Connection, serve_connection
from tests.doubles.peer import Peer
from tests.support import trio_test


@pytest.mark.parametrize(
    ("code", "status"),
    [("MESSAGE-0000", 1003), ("DATA-0001", 1008), ("BIG-0000", 1009), ("NET-0001", 1011)],
)
def test_each_has_its_status(code: str, status: int) -> None:
    assert Failure(code, "why").status == status


@trio_test
async def test_a_message_is_awaited_until_the_deadline() -> None:
    seen: list[object] = []

    async def handle(connection: Connection) -> None:
        await connection.accept()
        deadline = trio.current_time() + 10
        seen.append(await receive_before(connection, deadline, "NET-0001", "why"))
        with pytest.raises(Failure, match="why"):
            await receive_before(connection, deadline, "NET-0001", "why")
        seen.append(trio.current_time() - deadline)

    ours, theirs = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve_connection, theirs, handle)
        peer = Peer(ours)
        await peer.request("/", [], [])
        assert (await peer.answer())[0] == 101
        await peer.send("hello")
    assert seen == ["hello", pytest.approx(0)]
