"""Who ended a session, and why: what its record says of its end.

The closing table says what each side is told; this says whom an operator is to ask.
"""

from __future__ import annotations

from collections.abc import Iterable

from relay.drivers.carrier import Carrier
from relay.protocol import Cause, Pipe, State, closing
from relay.records.explanation import CLOSED, VANISHED, VIOLATION
from relay.records.session_record import Outcome, SessionRecord

__all__ = ["cause", "decisive", "ended_by", "first_to_end", "how_it_vanished", "outcome"]

_BLAMED = {  # causes of the relay's that are what a peer did, or failed to do
    closing.CLIENT_LOST: "client",
    closing.CLIENT_STALLED: "client",
    closing.CLIENT_SILENT: "client",
    closing.UPSTREAM_LOST: "provider",
    closing.UPSTREAM_STALLED: "provider",
    closing.UPSTREAM_SILENT: "provider",
}
_CAUSES = {State.CLOSING: CLOSED, State.WITHHELD: CLOSED, State.FAILED: VIOLATION}


def first_to_end(ended: Pipe, other: Pipe) -> Pipe:
    """The direction whose sender ended first, when the first of the two has just ended.

    A Close, or a violation, ends its direction only once what came before it is written; the end
    of a sender's bytes does at once, and so what the other one has said by then was said before.
    """
    said_before = ended.state is State.CLOSED and other.state is not State.OPEN
    return other if said_before else ended


def decisive(first: Pipe | None, inbound: Pipe, outbound: Pipe) -> tuple[Pipe, Pipe]:
    """The direction whose sender ended the session, if a peer did; and the other one.

    Where the first to end could not be written, it was its receiver, who may have said why.

    Args:
        first: What :func:`first_to_end` says; None if neither has ended.
        inbound: What the client sent.
        outbound: What the provider sent.
    """
    if first is None or first is (inbound if first.state is not State.OPEN else outbound):
        return inbound, outbound
    return outbound, inbound


def cause(cause: Cause, decisive: Pipe) -> str:
    """Why it ended, in the words of records."""
    if cause is not closing.PEERS:
        return cause.name
    return _CAUSES.get(decisive.state, VANISHED)


def ended_by(cause: Cause, decisive: Pipe, inbound: Pipe) -> str:
    """Who ended it: ``client``, ``provider`` or ``relay``."""
    if cause not in {closing.PEERS, closing.CLOSE_TIMEOUT}:
        return _BLAMED.get(cause, "relay")
    return "client" if decisive is inbound else "provider"


def how_it_vanished(pipe: Pipe, carriers: Iterable[Carrier] | None) -> str | None:
    """Where what was sent stops, and whether the sender's connection was reset."""
    resets = (
        each.source_was_reset if each.pipe is pipe else each.sink_was_reset
        for each in carriers or ()
    )
    how = ["by a reset"] if any(resets) else []
    if pipe.unfinished is not None:
        how.append(f"in the middle of a {pipe.unfinished}")
    return " ".join(how) or None


def outcome(record: SessionRecord) -> Outcome:
    """What became of it, by its cause and by who ended it."""
    if record.cause == CLOSED:
        return Outcome.COMPLETED
    return Outcome.ENDED if record.ended_by == "relay" else Outcome.BROKEN
