"""A record in words: how a session ended and by whom, and what happened when.

For whoever asks "was it us?": the command line and the page say the same, and it is said here.
"""

from __future__ import annotations

from relay.protocol import closing
from relay.session_record import Direction, Outcome, SessionRecord

__all__ = ["CLOSED", "VANISHED", "VIOLATION", "explain", "seconds", "timeline"]

CLOSED = "closed"
"""Cause: a peer sent a Close frame."""
VANISHED = "vanished"
"""Cause: a peer's connection ended without one."""
VIOLATION = "violation"
"""Cause: a peer broke the protocol, or a limit."""

_RELAY = {
    closing.IDLE.name: "because no byte came from either side",
    closing.DRAINING.name: "because it was told to stop",
    closing.RESTARTING.name: "because it was told to restart",
    closing.FAULT.name: "because of a fault of its own",
}
_PEERS = {  # by name of the cause: what a peer did, and what it is called
    closing.CLIENT_STALLED.name: "the client took nothing any more",
    closing.UPSTREAM_STALLED.name: "the provider took nothing any more",
    closing.CLIENT_LOST.name: "the connection to the client was lost",
    closing.UPSTREAM_LOST.name: "the connection to the provider was lost",
    closing.CLIENT_SILENT.name: "the client fell silent and answered no Ping",
    closing.UPSTREAM_SILENT.name: "the provider fell silent and answered no Ping",
}
_NO_CODE = 1005  # RFC 6455 7.4.1: how records name a Close frame that is empty


def explain(record: SessionRecord) -> str:
    """How a session ended, in one sentence without a full stop."""
    if record.outcome is Outcome.ABANDONED:
        return "the client left during the opening"
    if record.outcome is Outcome.REFUSED:
        return _refused(record)
    return _ended(record, f"after {seconds(record.duration - record.lingered)}")


def _refused(record: SessionRecord) -> str:
    if not record.status:
        return f"the relay gave it up during the opening: {record.error}"
    by = "the provider" if record.ended_by == "provider" else "the relay"
    code = "" if record.code is None else f", code {record.code}"
    why = f": {record.error}" if record.error else ""
    return f"{by} refused it with {record.status}{code}{why}"


def _ended(record: SessionRecord, after: str) -> str:
    peer, other = ("client", "provider")
    if record.ended_by != peer:
        peer, other = other, peer
    side = record.client if peer == "client" else record.provider_side
    if record.cause == CLOSED:
        then = f", and the {other} broke the protocol ({record.error})" if record.error else ""
        return f"the {peer} closed {_with(side)} {after}{then}"
    if record.cause == VANISHED:
        return f"the {peer} vanished without a Close {after}"
    if record.cause == VIOLATION:
        return f"the {peer} broke the protocol {after} ({record.error}) and was told {_told(side)}"
    if record.cause == closing.CLOSE_TIMEOUT.name:
        return f"the {peer} closed {_with(side)} {after}, and the {other} did not answer"
    if record.cause in _PEERS:
        return f"{_PEERS[record.cause]} {after}"
    if record.cause in _RELAY:
        kind = f" ({record.error})" if record.error else ""
        return f"the relay ended it {after} {_RELAY[record.cause]}{kind}"
    return f"the relay ended it {after}: {record.error or record.cause}"


def timeline(record: SessionRecord, *, ended: bool = True) -> list[tuple[float, str]]:
    """What happened, with the seconds since the connection was accepted.

    Args:
        record: The session.
        ended: Whether its end is part of it.
    """
    moments = []
    now = 0.0
    for step, took in record.steps.items():
        now += took
        moments.append((now, f"{step}, {seconds(took)}"))
    if record.outcome in {Outcome.REFUSED, Outcome.ABANDONED}:
        return [*moments, (now, explain(record))]
    opened = now
    moments.append((opened, f"open, by {record.upstream}"))
    if record.first_message is not None:
        moments.append((opened + record.first_message, "first message of the provider"))
    if record.first_audio is not None:
        moments.append((opened + record.first_audio, "first audio of the provider"))
    for number, turn in enumerate(record.turns, 1):
        moments.append((opened + turn.began, f"turn {number} began"))
        if turn.first_audio is not None:
            moments.append((opened + turn.first_audio, f"turn {number}: first audio"))
        if turn.ended is not None:
            how = "was interrupted" if turn.interrupted else "ended"
            moments.append((opened + turn.ended, f"turn {number} {how}"))
    if ended:
        left = opened + record.duration - record.lingered
        moments.append((left, explain(record)))
        if record.lingered:
            heard = f"the provider was heard for another {seconds(record.lingered)}"
            moments.append((left + record.lingered, heard))
    return sorted(moments, key=lambda moment: moment[0])


def seconds(value: float) -> str:
    """A time for people: three figures are enough."""
    if value < 1:
        return f"{value * 1000:.3g} ms"
    if value < 60:
        return f"{value:.3g} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _with(side: Direction) -> str:
    if side.close_code is None or side.close_code == _NO_CODE:
        return "without a code"
    return f"with {side.close_code} {side.close_reason}".rstrip()


def _told(side: Direction) -> str:
    return "nothing" if side.told_code is None else f"{side.told_code} {side.told_reason}".rstrip()
