"""One epoll for all sessions: what is served, in which order, and what it does to others."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest
import trio

from relay.drivers.reactor import NOTHING, READ, WRITE, Reactor
from tests.sockets import running_reactor, settle
from tests.support import trio_test


class Noted:
    """A port that notes what it is told, and reads what there is."""

    def __init__(self, reactor: Reactor, events: int = READ) -> None:
        self.reactor = reactor
        self.near, self.far = socket.socketpair()
        self.near.setblocking(False)
        self.descriptor = self.near.fileno()
        self.calls: list[object] = []
        self.deed: Callable[[], object] = lambda: None
        reactor.add(self.descriptor, self, events)

    def readable(self, now: float) -> None:  # noqa: ARG002
        self.calls.append("readable")
        self.deed()
        self.near.recv(1)

    def changed(self, events: int) -> None:
        self.calls.append(events)
        self.deed()

    def fault(self, error: Exception) -> None:
        self.calls.append(type(error))

    def leave(self) -> None:
        self.reactor.remove(self.descriptor)

    def close(self) -> None:
        self.leave()
        self.near.close()
        self.far.close()


@pytest.fixture
def ports() -> Iterator[list[Noted]]:
    """Ports that are closed in the end."""
    made: list[Noted] = []
    yield made
    for port in made:
        port.near.close()
        port.far.close()


@trio_test
async def test_each_port_is_told_of_its_own_events(ports: list[Noted]) -> None:
    async with running_reactor() as reactor:
        ports += [Noted(reactor), Noted(reactor), Noted(reactor, NOTHING)]
        ports[0].far.send(b"xx")
        ports[2].far.send(b"x")
        await settle(reactor)
        assert [port.calls for port in ports] == [["readable", "readable"], [], []]
        for port in ports:
            port.leave()


@trio_test
async def test_what_a_port_waits_for_can_change(ports: list[Noted]) -> None:
    async with running_reactor() as reactor:
        port = Noted(reactor, NOTHING)
        ports.append(port)
        port.far.send(b"x")
        await settle(reactor)
        assert port.calls == []
        reactor.watch(port.descriptor, READ)  # it has come before that
        await settle(reactor)
        assert port.calls == ["readable"]
        port.deed = lambda: reactor.watch(port.descriptor, NOTHING)
        port.far.send(b"x")
        reactor.watch(port.descriptor, READ | WRITE)
        await settle(reactor)
        assert port.calls == ["readable", READ | WRITE]
        port.leave()


@trio_test
async def test_a_lost_connection_is_no_mere_read(ports: list[Noted]) -> None:
    async with running_reactor() as reactor:
        port = Noted(reactor)
        ports.append(port)
        port.deed = port.leave
        port.far.close()
        await settle(reactor)
        (mask,) = port.calls
        assert isinstance(mask, int)
        assert mask & READ
        assert mask != READ


@trio_test
async def test_a_port_removed_within_a_batch_is_not_served_in_it(ports: list[Noted]) -> None:
    async with running_reactor() as reactor:
        one, other = ports[:] = [Noted(reactor), Noted(reactor)]
        one.deed, other.deed = other.leave, one.leave
        one.far.send(b"x")
        other.far.send(b"x")
        await settle(reactor)
        assert sorted(port.calls for port in ports) == [[], ["readable"]]
        one.leave()
        other.leave()


@trio_test
async def test_an_event_of_a_descriptor_that_was_reused_within_the_batch_does_no_harm(
    ports: list[Noted],
) -> None:
    """It is an event too many; the next one tells the truth."""
    async with running_reactor() as reactor:
        one, other = ports[:] = [Noted(reactor), Noted(reactor)]

        def replace(port: Noted) -> None:
            port.leave()
            port.near.close()
            ports.append(Noted(reactor))
            assert ports[-1].descriptor == port.descriptor

        one.deed, other.deed = (lambda: replace(other)), (lambda: replace(one))
        one.far.send(b"x")
        other.far.send(b"x")
        await settle(reactor)
        assert ports[2].calls in ([], ["readable", BlockingIOError])
        for port in ports:
            if port.near.fileno() >= 0:
                port.leave()


@pytest.mark.parametrize("lost", [False, True])
@trio_test
async def test_a_port_that_raises_is_told_so_and_never_served_again(
    ports: list[Noted], lost: bool
) -> None:
    def fault() -> None:
        raise RuntimeError

    async with running_reactor() as reactor:
        one, other = ports[:] = [Noted(reactor), Noted(reactor)]
        one.deed = fault
        one.far.send(b"xx")
        if lost:
            one.far.close()
        other.far.send(b"xx")
        await settle(reactor)
        assert one.calls[1:] == [RuntimeError]
        assert other.calls == ["readable", "readable"]
        one.leave()  # once more does no harm
        other.leave()


@trio_test
async def test_a_port_that_cannot_be_added_is_not_known() -> None:
    async with running_reactor() as reactor:
        with socket.socket() as closed:
            descriptor = closed.fileno()
        port = Noted(reactor)
        with pytest.raises(OSError, match="Bad file descriptor"):
            reactor.add(descriptor + 1000, port, READ)
        reactor.remove(descriptor + 1000)
        port.close()


@trio_test
async def test_other_tasks_have_their_turns_while_a_port_is_always_ready(
    ports: list[Noted],
) -> None:
    async with running_reactor() as reactor:
        port = Noted(reactor, WRITE)
        ports.append(port)
        for _ in range(50):
            await trio.lowlevel.checkpoint()
        assert 40 < len(port.calls) < 50 * 20
        port.leave()


@trio_test
async def test_a_port_that_is_always_ready_does_not_keep_others_waiting(
    ports: list[Noted],
) -> None:
    async with running_reactor() as reactor:
        ports += [Noted(reactor, WRITE) for _ in range(300)]  # more than a batch
        for _ in range(50):
            await trio.lowlevel.checkpoint()
        turns = [len(port.calls) for port in ports]
        assert min(turns) > 0
        assert max(turns) - min(turns) < 3
        for port in ports:
            port.leave()


class Steps(trio.abc.Instrument):
    def __init__(self) -> None:
        self.count = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:  # noqa: ARG002
        self.count += 1


@trio_test
async def test_nothing_is_done_while_nothing_happens(ports: list[Noted]) -> None:
    async with running_reactor() as reactor:
        ports += [Noted(reactor), Noted(reactor, NOTHING)]
        ports[0].far.send(b"x")
        ports[1].far.send(b"x")
        await settle(reactor)
        steps = Steps()
        trio.lowlevel.add_instrument(steps)
        await trio.sleep(3600)
        trio.lowlevel.remove_instrument(steps)
        assert steps.count <= 2
        assert [port.calls for port in ports] == [["readable"], []]
        for port in ports:
            port.leave()


@trio_test
async def test_the_clock_is_read_once_for_each_batch(ports: list[Noted]) -> None:
    async with running_reactor() as reactor:
        port = Noted(reactor)
        ports.append(port)
        seen: list[float] = []
        port.deed = lambda: seen.append(reactor.now)
        for _ in range(2):
            await trio.sleep(10)
            port.far.send(b"x")
            await settle(reactor)
        assert seen == [10, 20]
        port.leave()
