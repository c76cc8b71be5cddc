"""Addresses of providers: how long they are remembered, and what a dead resolver holds up."""

from __future__ import annotations

import functools
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from relay.dns import RememberingResolver


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
        self.error: Exception | None = None
        self.answers = threading.Event()
        """Until this is set, whoever asks for a name that begins with "dead" hangs."""
        self._arrived = threading.Semaphore(0)
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
        self._arrived.release()
        if host.startswith(b"dead"):
            self.answers.wait()
        if self.error is not None:
            raise self.error
        address = ("192.0.2.1", port)
        return [(family or socket.AF_INET, type, proto, "", address)]

    async def wait(self, questions: int) -> None:
        """Wait until so many more questions have come."""
        for _ in range(questions):
            await trio.to_thread.run_sync(self._arrived.acquire)
        await wait_all_tasks_blocked()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    asked = Asked(monkeypatch)
    yield asked
    asked.answers.set()  # its threads may go


@asynccontextmanager
async def some_who_ask(*names: str) -> AsyncIterator[list[tuple[trio.CancelScope, list[Any]]]]:
    """Tasks that ask for these names; each with what cancels it, and what it has got."""
    async with trio.open_nursery() as nursery:

        async def ask(name: str, scope: trio.CancelScope, got: list[Any]) -> None:
            with scope:
                try:
                    got.append(await resolve(name))
                except OSError as error:
                    got.append(error)

        tasks: list[tuple[trio.CancelScope, list[Any]]] = [(trio.CancelScope(), []) for _ in names]
        for name, task in zip(names, tasks, strict=True):
            nursery.start_soon(ask, name, *task)
        await wait_all_tasks_blocked()
        yield tasks


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


ADDRESS = ("192.0.2.1", 443)


@by_hand
async def test_those_who_ask_the_same_at_once_share_a_lookup(asked: Asked) -> None:
    async with some_who_ask("dead.test", "dead.test", "dead.test") as tasks:
        await asked.wait(1)
        asked.answers.set()
    assert [got for _, got in tasks] == [[ADDRESS]] * 3
    assert len(asked.questions) == 1


@by_hand
async def test_who_leaves_takes_nothing_from_those_who_still_wait(asked: Asked) -> None:
    """Also if it was the one who asked first."""
    async with some_who_ask("dead.test", "dead.test") as ((first, nothing), (_, got)):
        await asked.wait(1)
        first.cancel()
        await wait_all_tasks_blocked()
        asked.answers.set()
    assert (nothing, got) == ([], [ADDRESS])
    assert len(asked.questions) == 1


@by_hand
async def test_a_failure_is_told_to_all_who_waited_and_then_forgotten(asked: Asked) -> None:
    asked.error = socket.gaierror(socket.EAI_AGAIN, "try again")
    async with some_who_ask("dead.test", "dead.test") as ((_, one), (_, other)):
        await asked.wait(1)
        asked.answers.set()
    (one_error,), (other_error,) = one, other
    assert isinstance(one_error, socket.gaierror)
    assert one_error.args == other_error.args == (socket.EAI_AGAIN, "try again")
    assert one_error is not other_error  # each is raised, and has a traceback, in its own task
    asked.error = None
    assert await resolve("dead.test") == ADDRESS
    assert len(asked.questions) == 2


@by_hand
async def test_a_fault_in_a_lookup_ends_nothing_but_the_lookup(asked: Asked) -> None:
    asked.error = UnicodeError("of the system")
    with pytest.raises(UnicodeError):
        await resolve("provider.test")
    asked.error = None
    assert await resolve("provider.test") == ADDRESS


@by_hand
async def test_a_lookup_that_nobody_waits_for_any_more_is_not_begun_again(asked: Asked) -> None:
    for _ in range(3):
        async with some_who_ask("dead.test") as ((scope, got),):
            scope.cancel()
        assert got == []
    await asked.wait(1)
    assert len(asked.questions) == 1
    async with some_who_ask("dead.test") as ((_, got),):
        asked.answers.set()
    assert got == [ADDRESS]  # of the lookup that was begun for the first of them
    assert len(asked.questions) == 1


@by_hand
async def test_a_dead_name_holds_one_thread_and_stalls_no_other_name(asked: Asked) -> None:
    async with some_who_ask(*(f"dead{number % 31}.test" for number in range(100))) as tasks:
        await asked.wait(31)
        assert await resolve("alive.test") == ADDRESS
        assert len(asked.questions) == 32
        for scope, _ in tasks:
            scope.cancel()


@by_hand
async def test_however_many_names_are_dead_the_threads_are_bounded(asked: Asked) -> None:
    resolver = RememberingResolver()
    trio.socket.set_custom_hostname_resolver(resolver)
    impatient = some_who_ask(*(f"dead{number}.test" for number in range(99)))
    async with impatient as tasks, some_who_ask("dead99.test") as ((_, got),):
        await asked.wait(32)
        assert len(asked.questions) == 32
        for scope, _ in tasks:
            scope.cancel()
        await wait_all_tasks_blocked()
        assert len(resolver._lookups) == 33  # those that have a thread, and the one still wanted
        asked.answers.set()
    assert got == [ADDRESS]
    assert len(asked.questions) == 33
    assert asked.questions[-1] == (b"dead99.test", 443)


@by_hand
async def test_the_threads_are_not_those_that_others_need(asked: Asked) -> None:
    async with some_who_ask(*(f"dead{number}.test" for number in range(32))) as tasks:
        await asked.wait(32)
        assert trio.to_thread.current_default_thread_limiter().borrowed_tokens == 0
        for scope, _ in tasks:
            scope.cancel()


def test_a_lookup_does_not_hold_up_the_end(asked: Asked) -> None:
    async def main() -> None:
        trio.socket.set_custom_hostname_resolver(RememberingResolver())
        async with some_who_ask("dead.test") as ((scope, _),):
            await asked.wait(1)
            scope.cancel()

    trio.run(main)
    assert not asked.answers.is_set()
