from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from relay.protocol import (
    Cause,
    Limits,
    Pipe,
    Progress,
    State,
    Timeouts,
    Watch,
    closing,
    farewell,
    policy,
)

CLOSE = b"\x88\x00"


@dataclass
class Direction:
    """What a driver notes."""

    pipe: Pipe = field(default_factory=lambda: Pipe(masked=False, limits=Limits()))
    last_activity: float = 0.0
    writing_since: float | None = None


@dataclass
class Session:
    """A session that began at the time 0."""

    max_duration: float = 1000
    inbound: Direction = field(default_factory=Direction)
    outbound: Direction = field(default_factory=Direction)
    ended: list[Progress] = field(default_factory=list)

    def __post_init__(self) -> None:
        timeouts = Timeouts(idle=60, write=30, close=5, max_duration=self.max_duration)
        self.watch = Watch(self.inbound, self.outbound, timeouts, 0)

    def end(self, direction: Direction, data: bytes | None = b"") -> None:
        """Have a direction end; None if it could not write."""
        if data is None:
            direction.pipe.send_failed()
        else:
            direction.pipe.receive_data(data)
        self.ended.append(direction)

    def look(self, now: float, given: Cause | None = None) -> Cause | None:
        return self.watch.look(now, self.ended, given)


def test_it_is_to_be_looked_at_once_from_the_beginning() -> None:
    assert Session().watch.next_look == 0


def test_while_nothing_happens_it_ends_when_it_was_idle_for_too_long() -> None:
    session = Session()
    assert session.look(0) is None
    # Not later, though nobody writes: one that begins to at once may be stalled by then.
    assert session.watch.next_look == 30
    assert session.look(30) is None
    assert session.watch.next_look == 60
    assert session.look(59.9) is None
    assert session.look(60) is closing.IDLE


@pytest.mark.parametrize("active", ["inbound", "outbound"])
def test_activity_in_one_direction_is_enough(active: str) -> None:
    session = Session()
    getattr(session, active).last_activity = 50
    assert session.look(60) is None
    assert session.look(110) is closing.IDLE


def test_whose_activity_counts_can_be_said() -> None:
    direction, other = Direction(), Direction(last_activity=100)
    watch = Watch(direction, direction, Timeouts(idle=60), 0, active=[other])
    assert watch.look(159, []) is None
    assert watch.look(160, []) is closing.IDLE


@pytest.mark.parametrize(
    ("writing", "cause"),
    [("inbound", closing.UPSTREAM_STALLED), ("outbound", closing.CLIENT_STALLED)],
)
def test_a_sink_that_takes_nothing(writing: str, cause: Cause) -> None:
    session = Session()
    direction = getattr(session, writing)
    direction.writing_since = 1
    assert session.look(2) is None
    assert session.watch.next_look == 31
    assert not session.watch.is_stalled(direction, 30.9)
    assert session.look(30.9) is None
    assert session.watch.is_stalled(direction, 31)
    assert session.look(31) is cause


def test_one_that_takes_something_from_time_to_time_is_not_stalled() -> None:
    session = Session()
    session.outbound.writing_since = 25
    session.outbound.last_activity = 25
    assert session.look(50) is None
    assert not session.watch.is_stalled(session.inbound, 50)


def test_the_duration_of_a_session() -> None:
    session = Session(max_duration=40)
    assert session.look(20) is None
    assert session.watch.next_look == 40
    assert session.look(40) == policy("maximum duration reached")


def test_a_cause_from_elsewhere() -> None:
    assert Session().look(1, closing.DRAINING) is closing.DRAINING


def test_it_is_not_heeded_once_a_peer_has_closed() -> None:
    session = Session()
    session.end(session.inbound, CLOSE)
    assert session.look(1, closing.DRAINING) is None


@pytest.mark.parametrize(
    ("data", "state"), [(b"", State.CLOSED), (b"\x83\x00", State.FAILED)], ids=["gone", "violation"]
)
@pytest.mark.parametrize("one", ["inbound", "outbound"])
def test_it_ends_at_once_with_a_direction_that_has_no_close(
    one: str, data: bytes, state: State
) -> None:
    session = Session()
    direction = getattr(session, one)
    session.end(direction, data)
    assert direction.pipe.state is state
    assert session.look(1) is closing.PEERS


def test_it_ends_at_once_with_a_close_that_is_kept() -> None:
    session = Session()
    session.inbound.pipe.withhold_close_while(lambda: True)
    session.end(session.inbound, CLOSE)
    assert session.look(1) is closing.PEERS


@pytest.mark.parametrize("one", ["inbound", "outbound"])
def test_after_a_close_the_other_is_waited_for(one: str) -> None:
    session = Session()
    session.end(getattr(session, one), CLOSE)
    assert session.look(10) is None
    assert session.watch.next_look == 15
    assert session.look(14) is None  # which does not begin anew
    assert session.look(15) is closing.CLOSE_TIMEOUT


def test_after_a_farewell_the_provider_is_waited_for() -> None:
    session = Session()
    session.end(session.inbound, b"\x83\x00")
    assert farewell(session.inbound.pipe, session.outbound.pipe, bytes(4))
    assert session.look(10) is None
    assert session.watch.next_look == 15
    assert session.look(14.9) is None
    assert session.look(15) is closing.PEERS


def test_a_farewell_that_is_answered() -> None:
    session = Session()
    session.end(session.inbound, b"\x83\x00")
    assert farewell(session.inbound.pipe, session.outbound.pipe, bytes(4))
    assert session.look(10) is None
    session.end(session.outbound, CLOSE)
    assert session.look(11) is closing.PEERS


def test_after_both_closes_it_ends() -> None:
    session = Session()
    session.end(session.inbound, CLOSE)
    session.end(session.outbound, CLOSE)
    assert session.look(1) is closing.PEERS


@pytest.mark.parametrize(
    ("one", "cause"), [("inbound", closing.UPSTREAM_LOST), ("outbound", closing.CLIENT_LOST)]
)
def test_after_a_failed_write_the_reason_is_waited_for(one: str, cause: Cause) -> None:
    session = Session()
    session.end(getattr(session, one), None)
    assert session.look(10) is None
    assert session.watch.next_look == 15
    assert session.look(15) is cause


def test_a_failed_write_whose_reason_comes() -> None:
    session = Session()
    session.end(session.inbound, None)
    assert session.look(1) is None
    session.end(session.outbound, CLOSE)
    assert session.look(2) is closing.PEERS
