"""Addresses of providers, remembered for a moment.

Each opening would ask the system for them again, in a thread. The system does not say how long an
answer holds, so it is trusted for a few seconds only, and only if there was one.
"""

from __future__ import annotations

import socket
from typing import Any

import trio

__all__ = ["RememberingResolver"]

_SECONDS = 10
_MOST = 256  # names: far more than there are providers

_Question = tuple[bytes | None, bytes | str | int | None, int, int, int, int]


class RememberingResolver(trio.abc.HostnameResolver):
    """Asks the system, and again only when an answer is older than ten seconds."""

    def __init__(self) -> None:
        self._answers: dict[_Question, tuple[float, list[Any]]] = {}

    async def getaddrinfo(
        self,
        host: bytes | None,
        port: bytes | str | int | None,
        family: int = 0,
        type: int = 0,  # noqa: A002 - the interface's name
        proto: int = 0,
        flags: int = 0,
    ) -> list[Any]:
        """:func:`socket.getaddrinfo`."""
        question = (host, port, family, type, proto, flags)
        asked_at, answer = self._answers.get(question, (-_SECONDS, []))
        if answer and trio.current_time() - asked_at < _SECONDS:
            return answer
        answer = await trio.to_thread.run_sync(
            socket.getaddrinfo, *question, abandon_on_cancel=True
        )
        self._answers.pop(question, None)
        while len(self._answers) >= _MOST:
            del self._answers[next(iter(self._answers))]
        self._answers[question] = trio.current_time(), answer
        return answer

    async def getnameinfo(
        self, sockaddr: tuple[str, int] | tuple[str, int, int, int], flags: int
    ) -> tuple[str, str]:
        """:func:`socket.getnameinfo`."""
        return await trio.to_thread.run_sync(
            socket.getnameinfo, sockaddr, flags, abandon_on_cancel=True
        )
