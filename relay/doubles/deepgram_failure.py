"""The failures that end a connection of Deepgram's, named as its documentation names them.

The reason of the Close is the name alone, as documented. Deepgram's servers have been seen to write
a sentence that ends with a link instead, such as ``https://dpgr.am/net0001``.
"""

from __future__ import annotations

import trio

from relay.doubles.server import Connection

__all__ = ["Failure", "receive_before"]

_STATUSES = {"MESSAGE": 1003, "DATA": 1008, "BIG": 1009, "NET": 1011}


class Failure(Exception):  # noqa: N818 (Deepgram's or the client's)
    """The connection must end. ``code`` is a name such as ``DATA-0000``."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code

    @property
    def status(self) -> int:
        """The status code of the Close."""
        return _STATUSES[self.code.partition("-")[0]]


async def receive_before(
    connection: Connection, deadline: float, code: str, description: str
) -> str | bytes:
    """The next message.

    Args:
        connection: An accepted connection.
        deadline: When to stop waiting, in seconds on Trio's clock.
        code: The failure that it is when nothing came, ``description`` what that means.

    Raises:
        Failure: nothing came.
        Closed: the connection ended.
    """
    with trio.move_on_at(deadline):
        return await connection.receive()
    raise Failure(code, description)
