"""A session with a fault of ours at each call in turn: it ends that session, and nothing else.

A trace function raises when a function of the relay's is called, as running out of memory would.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import pytest
import structlog
import trio
from trio.testing import MockClock, memory_stream_pair, wait_all_tasks_blocked

import relay
from relay.drivers.reactor import Reactor
from relay.protocol import Pipe, UpstreamRequest, upstream_request
from relay.protocol.frames import TEXT
from relay.server import Server
from relay.socket_stream import SocketStream
from relay.testing.frames import Frame, close, encode
from tests.loopback import HTTP, close_session, running
from tests.played_session import PlayedSession, open_session, session, settings, sides
from tests.session.test_cancellation import play_client, play_provider
from tests.support import (
    VARIANTS,
    SocketLeg,
    Variant,
    from_both_sides,
    in_every_variant,
    in_portable_variants,
    real_clock,
    trio_test,
)

FOLDER = Path(relay.__file__).parent
OF_ONE_SESSION = [
    "*.py",
    "protocol/**/*.py",
    *(f"{name}/*.py" for name in ("drivers", "records", "session", "tail")),
]
NOT_OF_ONE_SESSION = {"reactor.py", "server.py"}
FILES = {
    str(path)
    for pattern in OF_ONE_SESSION
    for path in FOLDER.glob(pattern)
    if path.name not in NOT_OF_ONE_SESSION
}
RESUMABLE = CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR
WORDS = "the words of a peer"


class Saboteur:
    """Raises at one of the calls, counted from 0.

    Args:
        turn: At which.
        error: What.
    """

    def __init__(self, turn: int, error: type[Exception]) -> None:
        self.turns_left = turn
        self._error = error
        self._begun: list[FrameType] = []  # a coroutine is called once, and resumed

    @property
    def is_done(self) -> bool:
        return self.turns_left < 0

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """While the block runs."""
        before = sys.gettrace()
        sys.settrace(self._trace)
        try:
            yield
        finally:
            sys.settrace(before)

    def _trace(self, frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if self.is_done or event != "call" or code.co_filename not in FILES:
            return
        its_stream = frame.f_locals.get("self")
        if isinstance(its_stream, SocketStream) and not isinstance(its_stream, SocketLeg):
            return  # a peer's
        if code.co_flags & RESUMABLE:
            if any(each is frame for each in self._begun):
                return
            self._begun.append(frame)
        if code.co_name in RELEASES:
            return
        self.turns_left -= 1
        if self.is_done:
            raise self._error(WORDS)


RELEASES = {"close", "aclose", "leave", "_transport", "_notify"}
"""Without these nothing can be given back."""


def play(variant: Variant, saboteur: Saboteur) -> None:
    """A whole session, and how it must leave things."""

    async def main() -> None:
        with trio.fail_after(3600):
            async with session(variant) as its:
                with saboteur.at_work():
                    await play_both(its)
            check_nothing_is_left(its)
            assert bool(its.faults) is saboteur.is_done
            assert WORDS not in str(its.log)

    trio.run(main, clock=MockClock(autojump_threshold=0))


async def play_both(its: PlayedSession) -> None:
    """The client and the provider; they check that what they hear makes sense."""
    async with trio.open_nursery() as nursery, trio.open_nursery() as provider:
        nursery.start_soon(play_client, its, [])
        provider.start_soon(play_provider, its, [])
        await its.ended.wait()
        if not its.connected:
            provider.cancel_scope.cancel()


def check_nothing_is_left(its: PlayedSession) -> None:
    """No count, no session."""
    quotas = its.server.quotas
    assert not any(each.open for each in quotas._counts.values())
    assert not quotas._connections
    assert not list(its.server.glances())
    assert not its.server._connections


@pytest.mark.parametrize("variant", [VARIANTS[0], VARIANTS[-1]], ids=str)
def test_at_every_call(variant: Variant) -> None:
    for turn in itertools.count():
        saboteur = Saboteur(turn, RuntimeError)
        play(variant, saboteur)
        if not saboteur.is_done:
            break
    assert turn > 200


# Of one kind each


@in_every_variant
@pytest.mark.parametrize("error", [RuntimeError, MemoryError, RecursionError])
@trio_test
async def test_a_policy_that_raises(
    variant: Variant, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def raising(message: bytes | str) -> NoReturn:
        if error is RecursionError:
            raising(message)  # for real
        raise error(message)

    def asked(*details: Any) -> UpstreamRequest:
        return replace(upstream_request(*details), policies=(raising,))

    monkeypatch.setattr("relay.session.opening.upstream_request", asked)
    async with open_session(variant) as its:
        await its.client.send(Frame(TEXT, WORDS.encode()))
        for peer in (its.client, its.provider):
            assert await peer.answer_close() == close(1011, "internal error")
            await peer.end()
    assert its.faults == [error.__name__]
    assert its.record["cause"] == "internal error"
    assert WORDS not in str(its.log)
    check_nothing_is_left(its)


@in_every_variant
@from_both_sides
@trio_test
async def test_a_pipe_that_cannot_even_be_told_that_it_is_over(
    variant: Variant, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("receive_data", "send_failed"):
        monkeypatch.setattr(Pipe, name, fault)
    async with open_session(variant) as its:
        one, other = sides(its, by)
        await one.send(Frame(TEXT, WORDS.encode()))
        await its.ended.wait()
        await one.end()
        await other.end()
    assert its.faults
    assert WORDS not in str(its.log)
    check_nothing_is_left(its)


@in_portable_variants
@trio_test
async def test_a_side_that_cannot_be_reset_does_not_keep_the_other_from_being_told(
    variant: Variant, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_session(variant, tight=True) as its:
        monkeypatch.setattr("tests.played_session.reset", fault)  # which the relay's is made of
        await its.provider.send(Frame(TEXT, b"stuck"))
        assert await its.provider.answer_close() == close(1001, "client stalled")
        await its.provider.end()
        await its.client.end()
    assert its.faults == ["RuntimeError"]


@trio_test
async def test_a_fault_while_it_is_cancelled_is_logged_and_cancels(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with session(connects=False) as its:

        async def cancelled_and_faulty(*_: object) -> NoReturn:
            its.scope.cancel()
            raise RuntimeError(WORDS)

        await its.request()
        await wait_all_tasks_blocked()
        monkeypatch.setattr("relay.session.client_watch.receive", cancelled_and_faulty)
        await its.client.stream.send_all(b"early")
        await its.ended.wait()
    assert its.scope.cancelled_caught
    assert its.faults == ["RuntimeError"]


@in_every_variant
@trio_test
async def test_a_fault_while_an_open_session_is_cancelled(
    variant: Variant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cancelled_and_faulty(*_: object) -> NoReturn:
        its.scope.cancel()
        raise RuntimeError(WORDS)

    monkeypatch.setattr(Pipe, "receive_data", cancelled_and_faulty)
    async with open_session(variant) as its:
        await its.client.send(Frame(TEXT, b"hello"))
        await its.ended.wait()
        await its.client.end()
        await its.provider.end()
    assert its.scope.cancelled_caught
    assert set(its.faults) == {"RuntimeError"}
    check_nothing_is_left(its)


@pytest.mark.parametrize("where", ["new_session_id", "SessionOpening", "close"])
@trio_test
async def test_a_session_that_cannot_begin_or_end_does_not_reach_the_server(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(settings())
    ours, theirs = memory_stream_pair()
    monkeypatch.setattr(f"relay.session.session.{where}", fault)
    with structlog.testing.capture_logs() as log:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(server.handle, ours)
            await theirs.aclose()
    assert [each["error"] for each in log] == ["RuntimeError"]
    assert WORDS not in str(log)
    with pytest.raises(trio.ClosedResourceError):
        await ours.receive_some()
    assert not server._connections


@pytest.mark.parametrize("fast", [True, False], ids=["fast", "portable"])
def test_other_sessions_go_on(fast: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    receive_data = Pipe.receive_data

    def sometimes(pipe: Pipe, data: bytes) -> bytes:
        return fault() if data.endswith(poison) else receive_data(pipe, data)

    @real_clock
    async def main() -> None:
        async with running(HTTP) as it:
            one, other = await it.open(), await it.open()
            await one.stream.send_all(poison)
            assert await one.receive() == close(1011, "internal error")
            await one.end()
            await close_session(other)
            await close_session(await it.open())

    poison = encode([Frame(TEXT, b"poison")], b"mask")
    monkeypatch.setattr(Pipe, "receive_data", sometimes)
    if not fast:
        monkeypatch.setattr(Reactor, "is_available", lambda: False)
    main()


def fault(*_: object) -> NoReturn:
    raise RuntimeError(WORDS)
