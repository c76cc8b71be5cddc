"""What several laws of proxies do on a stand: send from one side, and wait for it at the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from relay.testing.failures import excerpt, listed
from relay.testing.frames import CLOSE, Frame, close, cut
from relay.testing.peer import Peer
from relay.testing.stand import Stand, StandSession
from relay.testing.subject import Fidelity

__all__ = ["exchange", "has_got", "is_over", "other_than", "sides", "vanish", "wait_for"]


def other_than(by: str) -> str:
    """The name of the other side."""
    return "origin" if by == "client" else "client"


def sides(session: StandSession, by: str) -> tuple[Peer, Peer]:
    """The peer of that name, and the other one."""
    both = (session.client, session.origin)
    return both if by == "client" else both[::-1]


def exchange(
    stand: Stand, inbound: Sequence[Frame], outbound: Sequence[Frame], sizes: Sequence[int]
) -> None:
    """Send both ways at once; wait until all has arrived.

    Args:
        stand: Where a session is opened for it.
        inbound: What the client sends.
        outbound: What the origin sends.
        sizes: In chunks of these bytes, cyclically.
    """
    __tracebackhide__ = True
    with stand.session() as session:
        session.open()
        session.client.send(*cut(session.client.encode(*inbound), sizes))
        session.origin.send(*cut(session.origin.encode(*outbound), sizes))
        wait_for(session, {"origin": inbound, "client": outbound})


def wait_for(session: StandSession, due: Mapping[str, Sequence[Frame]]) -> None:
    """Wait until all that is due has reached each side, and fail at the first that is not due.

    Args:
        session: It is open.
        due: By the side's name, what the other one has sent.
    """
    __tracebackhide__ = True
    fidelity = session.front.fidelity

    def arrived(side: str, sent: Sequence[Frame]) -> bool:
        __tracebackhide__ = True
        peer, sender = sides(session, side)
        got, expected = fidelity.kept(peer.frames), fidelity.kept(sent)
        assert got == expected[: len(got)], f"the {side} gets {listed(got)}, not {listed(expected)}"
        whole = len(got) == len(expected)
        if fidelity is Fidelity.BYTES:
            data, due_data = bytes(peer.received), sender.encode(*sent)
            assert data == due_data[: len(data)], (
                f"the {side} gets {excerpt(data)}, not {excerpt(due_data)}"
            )
            whole = len(data) == len(due_data)
        assert whole or not peer.ended, (
            f"the connection of the {side} has ended: it gets {listed(got)}, not {listed(expected)}"
        )
        return whole

    def all_arrived() -> bool:
        __tracebackhide__ = True
        missing = [side for side, sent in due.items() if not arrived(side, sent)]
        return not missing

    def so_far() -> str:
        return "not all has arrived: " + "; ".join(
            f"the {side} {has_got(sides(session, side)[0])}, not {listed(fidelity.kept(sent))}"
            for side, sent in due.items()
        )

    session.until(all_arrived, so_far)


def vanish(stand: Stand, after: Sequence[Frame], by: str) -> list[Frame]:
    """One side vanishes after some messages; what the other one gets until its end."""
    with stand.session() as session:
        session.open()
        vanishing, other = sides(session, by)
        name = other_than(by)
        vanishing.send_frames(*after)
        wait_for(session, {name: after})
        vanishing.reset()
        return session.is_ended(other, name)


def is_over(peer: Peer) -> bool:
    """Whether a side has been told of an end; a Close is answered as it should be."""
    if any(frame.opcode == CLOSE for frame in peer.frames):
        if not peer.close_sent:
            peer.send_frames(close(1000))
            peer.finish()
        return True
    return peer.ended


def has_got(peer: Peer) -> str:
    """What has come to a side, for a failure."""
    try:
        rest = f" and {excerpt(peer.rest)}" if peer.rest else ""
        return f"has got {listed(peer.frames)}{rest}"
    except AssertionError:  # masked as only the other side's frames may be
        return f"has got {excerpt(peer.received)}"
