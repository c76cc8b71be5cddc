"""Listeners: taking an address, or a Unix socket's path, and giving it back."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import suppress
from dataclasses import replace

import trio

from relay.settings import Listener

__all__ = ["bind", "bound_at", "unbind"]

_BACKLOG = 4096


async def bind(wanted: Listener) -> list[trio.SocketListener]:
    """Bind a listener; a name may have several addresses.

    Raises:
        OSError: It cannot be bound; ``filename`` says which one it is.
    """
    try:
        if wanted.scheme == "unix":
            return [await _bind_unix(wanted.host)]
        return list(await trio.open_tcp_listeners(wanted.port, host=wanted.host, backlog=_BACKLOG))
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(error.errno, reason, str(wanted)) from None


async def _bind_unix(path: str) -> trio.SocketListener:
    bound = trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        try:
            await bound.bind(path)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or not await _is_stale(path):
                raise
            await trio.Path(path).unlink()
            await bound.bind(path)
        bound.listen(_BACKLOG)
    except BaseException:
        bound.close()
        raise
    return trio.SocketListener(bound)


async def _is_stale(path: str) -> bool:
    """Whether that is a socket that nobody listens on: of a relay that did not end in peace."""
    if not await trio.Path(path).is_socket():
        return False  # connecting to a file is refused, too
    try:
        await (await trio.open_unix_socket(path)).aclose()
    except ConnectionRefusedError:
        return True
    except OSError:
        pass  # not ours to connect to
    return False


def bound_at(wanted: Listener, bound: trio.SocketListener) -> Listener:
    """Where that is, with the port that the system chose."""
    if wanted.scheme == "unix":
        return wanted
    host, port = bound.socket.getsockname()[:2]
    return replace(wanted, host=host, port=port)


def unbind(wanted: Listener, bound: trio.SocketListener) -> None:
    """Listen no more, and leave no socket's file behind."""
    bound.socket.close()
    if wanted.scheme == "unix":
        with suppress(OSError):
            os.unlink(wanted.host)
