"""The relay as a subject of its own laws, with each driver and each lane."""

from __future__ import annotations

from dataclasses import replace

import structlog
import trio

from relay.protocol import Origin, by_name
from relay.server import Server
from relay.settings import Listener
from relay.testing.runtimes import trio_subject
from relay.testing.subject import Address, Fidelity, Subject
from tests.played_session import CREDENTIAL, TARGET, settings

__all__ = ["relay_subject"]


def relay_subject(*, messages_lane: bool = False) -> Subject:
    """A relay that serves one provider, which is the stand's origin.

    Args:
        messages_lane: Whether it decodes messages and encodes them again.
    """

    async def run(origin: Address, *, task_status: trio.TaskStatus[tuple[str, int]]) -> None:
        its = settings(messages_lane=messages_lane, places=1000)
        provider = replace(by_name()["openai"], origin=Origin("ws", *origin))
        server = Server(
            replace(its, listeners=(Listener("http", "127.0.0.1"),), providers={"openai": provider})
        )
        with structlog.testing.capture_logs():
            async with trio.open_nursery() as nursery:
                await nursery.start(server.run)
                (address,) = server.addresses
                task_status.started((address.host, address.port))

    return trio_subject(
        run,
        target=TARGET,
        fields=(CREDENTIAL,),
        fidelity=Fidelity.MESSAGES if messages_lane else Fidelity.BYTES,
    )
