"""A listener that has no descriptor for what it would accept."""

from __future__ import annotations

import errno
from typing import cast

import pytest
import trio

from relay.openings import Openings
from relay.paced_listener import PacedListener
from tests.support import trio_test


class Exhausted(trio.abc.Listener[trio.SocketStream]):
    """A listener that has no descriptor left for what it would accept."""

    async def accept(self) -> trio.SocketStream:
        await trio.lowlevel.checkpoint()
        raise OSError(errno.EMFILE, "no descriptors")

    async def aclose(self) -> None:
        """Nothing to close."""


@trio_test
async def test_without_descriptors_a_connection_that_is_no_session_is_ended() -> None:
    openings = Openings(9)
    listener = PacedListener(cast("trio.SocketListener", Exhausted()), openings)
    with trio.CancelScope() as scope, openings.place(scope) as place:
        with pytest.raises(OSError, match="no descriptors"):
            await listener.accept()
        assert place.lost
        assert scope.cancel_called
