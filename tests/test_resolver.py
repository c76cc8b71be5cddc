"""Addresses of providers: how long they are remembered, and which."""

from __future__ import annotations

import functools
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from relay.resolver import RememberingResolver


def by_hand(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run a test in which time passes only when it says so: no clock waits for threads."""

    @functools.wraps(test)
    def run(**fixtures: object) -> None:
        async def resolving() -> None:
            trio.socket.set_custom_hostname_resolver(RememberingResolver())
            await test(**fixtures)

        trio.run(resolving, clock=MockClock())

    return run


def sleep(seconds: float) -> None:
    clock = trio.lowlevel.current_clock()
    assert isinstance(clock, MockClock)
    clock.jump(seconds)


class Asked:
    """Stands in for the system; notes what it is asked."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.questions: list[Any] = []
        self.error: OSError | None = None
        patch.setattr(socket, "getaddrinfo", self._getaddrinfo)

    def _getaddrinfo(
        self,
        host: bytes,
        port: int,
        family: int,
        type: int,  # noqa: A002
        proto: int,
        flags: int,
    ) -> list[Any]:
        if flags & socket.AI_NUMERICHOST:  # Trio looks first whether it is an address
            raise socket.gaierror(socket.EAI_NONAME, "not an address")
        self.questions.append((host, port))
        if self.error is not None:
            raise self.error
        address = ("192.0.2.1", port)
        return [(family or socket.AF_INET, type, proto, "", address)]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    return Asked(monkeypatch)


async def resolve(name: str, port: int = 443) -> Any:
    (answer,) = await trio.socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    return answer[4]


@by_hand
async def test_an_answer_is_remembered_for_ten_seconds(asked: Asked) -> None:
    for _ in range(3):
        assert await resolve("provider.test") == ("192.0.2.1", 443)
    sleep(9.99)
    await resolve("provider.test")
    assert asked.questions == [(b"provider.test", 443)]
    sleep(0.02)
    await resolve("provider.test")
    assert len(asked.questions) == 2


@by_hand
async def test_each_name_and_port_is_a_question_of_its_own(asked: Asked) -> None:
    for name, port in (("a.test", 443), ("b.test", 443), ("a.test", 80)) * 2:
        assert await resolve(name, port) == ("192.0.2.1", port)
    assert asked.questions == [(b"a.test", 443), (b"b.test", 443), (b"a.test", 80)]


@by_hand
async def test_what_does_not_resolve_is_asked_again(asked: Asked) -> None:
    asked.error = socket.gaierror(socket.EAI_AGAIN, "try again")
    for _ in range(2):
        with pytest.raises(socket.gaierror):
            await resolve("provider.test")
    asked.error = None
    assert await resolve("provider.test") == ("192.0.2.1", 443)
    assert len(asked.questions) == 3


@by_hand
async def test_it_does_not_grow_without_bound(asked: Asked) -> None:
    resolver = RememberingResolver()
    trio.socket.set_custom_hostname_resolver(resolver)
    for number in range(300):
        await resolve(f"{number}.test")
    assert len(resolver._answers) == 256
    await resolve("299.test")
    assert len(asked.questions) == 300
    await resolve("0.test")
    assert len(asked.questions) == 301


@by_hand
async def test_an_address_has_a_name() -> None:
    numeric = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
    assert await trio.socket.getnameinfo(("127.0.0.1", 80), numeric) == ("127.0.0.1", "80")
