"""What is put to the test: anything that carries WebSocket sessions to an origin.

A subject is seen from outside alone, as two TCP connections, so its language and its runtime do not
matter. :mod:`relay.testing.runtimes` makes subjects of programs on asyncio and on Trio; a process
needs a context manager of a few lines.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import NamedTuple

from relay.testing.frames import PING, PONG, Frame, delivered

__all__ = ["Address", "Fidelity", "Front", "Subject"]


class Address(NamedTuple):
    """A TCP address on this machine."""

    host: str
    port: int


class Fidelity(enum.Enum):
    """What a subject promises about the frames that it carries; each includes those below it."""

    BYTES = "bytes"
    """The same bytes, masking keys included: it forwards what came."""
    FRAMES = "frames"
    """The same frames, under masking keys of its own."""
    MESSAGES = "messages"
    """The same messages. An intermediary may cut them anew where no extension was negotiated
    (RFC 6455 5.4), and answer Pings itself."""

    def kept(self, frames: Iterable[Frame]) -> list[Frame]:
        """What the other side of these frames is promised: all of them; or the messages, each as
        one frame, and the Closes."""
        if self is not Fidelity.MESSAGES:
            return list(frames)
        return [Frame(*item) for item in delivered(frames) if item[0] not in {PING, PONG}]


@dataclass(frozen=True, slots=True)
class Front:
    """Where a running subject takes clients, without TLS."""

    address: Address
    target: str = "/"
    """What a client asks for to be carried to the origin: a path, and perhaps a query."""
    fields: tuple[str, ...] = ()
    """Field lines that it needs besides, such as ``Authorization: Bearer ...``."""
    fidelity: Fidelity = Fidelity.MESSAGES


Subject = Callable[[Address], AbstractContextManager[Front]]
"""Runs a subject while the block lasts.

It is given the address of the origin that it has to dial (without TLS), and gives back where it
takes clients. It is started once and carries many sessions, one after the other.
"""
