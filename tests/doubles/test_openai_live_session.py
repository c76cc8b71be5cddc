"""A Live session among its connections; what it says is tested with the endpoint."""

from __future__ import annotations

import trio

from relay.doubles.openai_live_session import Session
from relay.doubles.server import Closed, Connection
from tests.support import trio_test


class Listener(Connection):
    """The double's end of a connection whose client never says anything."""

    def __init__(self) -> None:
        self.heard: list[str | bytes] = []
        self.closed = False

    async def receive(self) -> str | bytes:
        return await trio.sleep_forever()

    async def send(self, message: str | bytes) -> None:
        self.heard.append(message)

    async def close(self, code: int | None = 1000, reason: str = "") -> None:
        assert (code, reason) == (1000, "")
        self.closed = True


class Vanished(Listener):
    """One whose client has gone, which nobody has read yet."""

    async def send(self, message: str | bytes) -> None:
        await super().send(message)
        raise Closed(1006, "")


@trio_test
async def test_one_that_vanished_keeps_nothing_from_the_others() -> None:
    owner, sideband = Vanished(), Listener()
    session = Session("OpenAI", owner)
    async with trio.open_nursery() as nursery:
        for connection in (owner, sideband):
            nursery.start_soon(session.follow, connection, session.take)
        await trio.testing.wait_all_tasks_blocked()
        assert session.id == ""
        await session.start({}, {"id": "live_1", "model": "m"})
        assert session.id == "live_1"
        await session.end("expired", None)
    assert '"session.started"' in str(sideband.heard[0])
    assert '"expired"' in str(sideband.heard[-1])
    assert owner.closed
    assert sideband.closed
