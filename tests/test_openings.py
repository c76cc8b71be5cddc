"""Which connections go when too many of them are no sessions."""

from __future__ import annotations

import structlog
import trio
from trio.testing import wait_all_tasks_blocked

from relay.openings import Openings, Place
from tests.support import trio_test


class Connections:
    """Connections that hold places until they are cut off.

    Args:
        openings: Where they hold them.
        nursery: Runs them.
    """

    def __init__(self, openings: Openings, nursery: trio.Nursery) -> None:
        self._openings = openings
        self._nursery = nursery
        self.ended: list[str] = []
        """Their names, in the order in which they were cut off."""

    async def connect(self, name: str, *, begins: bool = False) -> None:
        """One more."""
        await self._nursery.start(self._hold, name, begins)
        await wait_all_tasks_blocked()

    async def _hold(self, name: str, begins: bool, task_status: trio.TaskStatus[Place]) -> None:
        with trio.CancelScope() as scope, self._openings.place(scope) as place:
            if begins:
                self._openings.begin(place)
            task_status.started(place)
            await trio.sleep_forever()
        assert place.lost
        self.ended.append(name)


async def hold(openings: Openings, scope: trio.CancelScope) -> None:
    """Hold a place until the scope ends."""
    with scope, openings.place(scope):
        await trio.sleep_forever()


@trio_test
async def test_the_oldest_goes_first() -> None:
    async with trio.open_nursery() as nursery:
        connections = Connections(Openings(2), nursery)
        for name in "abcd":
            await connections.connect(name)
            await trio.sleep(1)
        assert connections.ended == ["a", "b"]
        nursery.cancel_scope.cancel()


@trio_test
async def test_those_that_have_said_something_go_last() -> None:
    async with trio.open_nursery() as nursery:
        connections = Connections(Openings(3), nursery)
        await connections.connect("slow", begins=True)
        await connections.connect("slower", begins=True)
        for name in "abc":
            await connections.connect(name)
            await trio.sleep(1)
        assert connections.ended == ["a", "b"]
        for name in "de":
            await connections.connect(name, begins=True)
        assert connections.ended == ["a", "b", "c", "slow"]
        nursery.cancel_scope.cancel()


@trio_test
async def test_nobody_goes_within_the_first_second() -> None:
    async with trio.open_nursery() as nursery:
        connections = Connections(Openings(1), nursery)
        await connections.connect("a")
        await trio.sleep(0.999)
        await connections.connect("b")  # by another listener, which had room for one, too
        assert connections.ended == []
        await trio.sleep(0.001)
        await connections.connect("c")
        assert connections.ended == ["a"]
        nursery.cancel_scope.cancel()


@trio_test
async def test_more_than_there_was_room_for_go_together() -> None:
    """Or each time one too many came, the bound would be higher from then on."""
    async with trio.open_nursery() as nursery:
        connections = Connections(Openings(2), nursery)
        for name in "abcd":
            await connections.connect(name)
        await trio.sleep(1)
        await connections.connect("e")
        assert sorted(connections.ended) == ["a", "b", "c"]
        nursery.cancel_scope.cancel()


@trio_test
async def test_a_new_one_waits_until_one_leaves() -> None:
    openings = Openings(2)
    leaving = trio.CancelScope()
    async with trio.open_nursery() as nursery:
        connections = Connections(openings, nursery)
        await openings.room()
        await connections.connect("a")
        await openings.room()
        nursery.start_soon(hold, openings, leaving)
        await wait_all_tasks_blocked()
        leaving.deadline = 0.25
        await openings.room()
        assert trio.current_time() == 0.25
        nursery.cancel_scope.cancel()


@trio_test
async def test_a_new_one_waits_until_the_oldest_is_no_longer_young() -> None:
    openings = Openings(2)
    async with trio.open_nursery() as nursery:
        connections = Connections(openings, nursery)
        for name, room_at in {"a": 0, "b": 0, "c": 1, "d": 1, "e": 2}.items():
            await openings.room()
            assert trio.current_time() == room_at
            await connections.connect(name)
        assert connections.ended == ["a", "b", "c"]
        nursery.cancel_scope.cancel()


@trio_test
async def test_places_are_given_back() -> None:
    openings = Openings(1)
    for _ in range(3):
        with trio.CancelScope() as scope, openings.place(scope) as place:
            assert openings.silent == 1
            openings.begin(place)
            openings.begin(place)
            assert openings.silent == 0
            await trio.lowlevel.checkpoint()
        assert not place.lost
        assert not scope.cancelled_caught


@trio_test
async def test_the_silent_can_be_ended_at_once() -> None:
    openings = Openings(9)
    async with trio.open_nursery() as nursery:
        connections = Connections(openings, nursery)
        for name in "abc":
            await connections.connect(name, begins=name == "b")
        assert openings.silent == 2
        openings.end_silent()
        assert openings.silent == 0
        await wait_all_tasks_blocked()
        assert sorted(connections.ended) == ["a", "c"]
        nursery.cancel_scope.cancel()


@trio_test
async def test_a_flood_is_told_of_once_in_ten_seconds() -> None:
    with structlog.testing.capture_logs() as log:
        async with trio.open_nursery() as nursery:
            connections = Connections(Openings(2), nursery)
            for name in "ab":
                await connections.connect(name)
            await trio.sleep(1)
            assert log == []
            for name in "cd":
                await connections.connect(name)
            assert [each["log_level"] for each in log] == ["warning"]
            assert log[0]["most"] == 2
            await trio.sleep(9.9)
            await connections.connect("e")
            assert connections.ended == ["a", "b", "c"]
            assert len(log) == 1
            await trio.sleep(0.1)
            await connections.connect("f")
            assert len(log) == 2
            nursery.cancel_scope.cancel()


@trio_test
async def test_a_young_silent_one_does_not_protect_those_that_began_long_ago() -> None:
    openings = Openings(2)
    async with trio.open_nursery() as nursery:
        connections = Connections(openings, nursery)
        await connections.connect("slow", begins=True)
        await trio.sleep(1)
        await connections.connect("silent")
        await openings.room()
        assert trio.current_time() == 1
        await connections.connect("new")
        assert connections.ended == ["slow"]
        nursery.cancel_scope.cancel()


@trio_test
async def test_without_descriptors_one_goes_however_young() -> None:
    openings = Openings(9)
    openings.end_one()
    async with trio.open_nursery() as nursery:
        connections = Connections(openings, nursery)
        await connections.connect("a")
        await connections.connect("b")
        openings.end_one()
        await wait_all_tasks_blocked()
        assert connections.ended == ["a"]
        nursery.cancel_scope.cancel()


@trio_test
async def test_after_the_bound_was_lowered_more_than_one_goes() -> None:
    async with trio.open_nursery() as nursery:
        openings = Openings(4)
        connections = Connections(openings, nursery)
        for name in "abcd":
            await connections.connect(name)
        openings.most = 2
        await wait_all_tasks_blocked()
        assert connections.ended == []  # before another comes there is no need
        await trio.sleep(1)
        await connections.connect("e")
        assert sorted(connections.ended) == ["a", "b", "c"]
        assert openings.silent == 2
        nursery.cancel_scope.cancel()


@trio_test
async def test_who_waits_is_let_in_when_the_bound_is_raised() -> None:
    async with trio.open_nursery() as nursery:
        openings = Openings(1)
        await Connections(openings, nursery).connect("a")
        nursery.start_soon(openings.room)
        await wait_all_tasks_blocked()
        openings.most = 2
        await wait_all_tasks_blocked()
        assert len(nursery.child_tasks) == 1
        nursery.cancel_scope.cancel()
