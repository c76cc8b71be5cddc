"""Trio as the reactor's guest: programs run as they do in a loop of Trio's own."""

from __future__ import annotations

import socket
import threading

import pytest
import trio

from relay.drivers.guest_mode import run_as_guest
from relay.drivers.reactor import READ, Reactor
from tests.sockets import open_descriptors


class _Port:
    """Reads its socket, and tells a Trio task."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.read = trio.Event()
        self.data = b""

    def readable(self, now: float) -> None:  # noqa: ARG002
        self.data += self.sock.recv(100)
        self.read.set()

    def changed(self, events: int) -> None:
        raise AssertionError(events)

    def fault(self, error: Exception) -> None:
        raise error


def test_it_gives_what_the_program_returns() -> None:
    async def main(_reactor: Reactor | None) -> int:
        await trio.lowlevel.checkpoint()
        return 7

    before = open_descriptors()
    assert run_as_guest(main) == 7
    assert open_descriptors() == before


def test_it_raises_what_the_program_raises() -> None:
    async def main(_reactor: Reactor | None) -> None:
        await trio.lowlevel.checkpoint()
        raise ValueError("mine")

    before = open_descriptors()
    with pytest.raises(ValueError, match="mine"):
        run_as_guest(main)
    assert open_descriptors() == before


def test_a_port_is_served_and_wakes_a_task() -> None:
    async def main(reactor: Reactor | None) -> bytes:
        assert reactor is not None
        ours, theirs = socket.socketpair()
        with ours, theirs:
            port = _Port(ours)
            reactor.add(ours.fileno(), port, READ)
            for _ in range(3):
                port.read = trio.Event()
                theirs.send(b"ping")
                with trio.fail_after(5):
                    await port.read.wait()
            reactor.remove(ours.fileno())
            return port.data

    assert run_as_guest(main) == b"ping" * 3


def test_tasks_timers_threads_and_sockets_of_trio_go_on() -> None:
    async def main(_reactor: Reactor | None) -> list[object]:
        done: list[object] = []

        async def timer() -> None:
            await trio.sleep(0.001)
            done.append("timer")

        async def thread() -> None:
            done.append(await trio.to_thread.run_sync(threading.get_ident) != threading.get_ident())

        async def sockets() -> None:
            ours, theirs = trio.socket.socketpair()
            with ours, theirs:
                await ours.send(b"x")
                done.append(await theirs.recv(1))

        with trio.fail_after(5):
            async with trio.open_nursery() as nursery:
                for task in (timer, thread, sockets):
                    nursery.start_soon(task)
        return done

    assert {str(each) for each in run_as_guest(main)} == {"timer", "True", "b'x'"}


def test_ports_are_served_while_trio_is_busy() -> None:
    """A task that never pauses takes turns with them."""

    async def main(reactor: Reactor | None) -> int:
        assert reactor is not None
        ours, theirs = socket.socketpair()
        with ours, theirs:
            port = _Port(ours)
            reactor.add(ours.fileno(), port, READ)
            theirs.send(b"ping")
            turns = 0
            while not port.data and turns < 1000:
                turns += 1
                await trio.lowlevel.checkpoint()
            reactor.remove(ours.fileno())
            return turns

    assert run_as_guest(main) < 10


def test_without_epoll_it_is_a_loop_of_trios(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main(reactor: Reactor | None) -> int:
        await trio.lowlevel.checkpoint()
        assert reactor is None
        return 7

    monkeypatch.setattr(Reactor, "is_available", lambda: False)
    assert run_as_guest(main) == 7
