"""How a live session stands, in words: who is waited for, and since when.

What ended one says :mod:`relay.records.explanation`. Here, too, nothing is said that is merely
likely.
"""

from __future__ import annotations

from relay.live_sessions import TALKING, Glance, LiveState
from relay.records.explanation import part_of_a_message, seconds, with_code
from relay.records.session_record import Direction, SessionRecord

__all__ = ["standing"]


def standing(glance: Glance, record: SessionRecord) -> str:
    """How it stands, in one sentence without a full stop.

    Args:
        glance: What the session is doing.
        record: Its record, as far as it has got.
    """
    if glance.state is LiveState.OPENING:
        return _opening(glance, record)
    if glance.state is LiveState.CLOSING:
        return _closing(record)
    if glance.takes_nothing is not None:
        peer, since = glance.takes_nothing
        if since >= TALKING:  # for less whenever something is written to it
            return f"the {peer} has taken nothing for {seconds(since)}"
    return _open(record)


def _opening(glance: Glance, record: SessionRecord) -> str:
    steps = record.steps
    waited = seconds(glance.duration - sum(steps.values()))
    if "upstream" in steps:
        return f"waiting for the client to take its 101 for {waited}"
    if "connect" in steps:
        return f"waiting for the provider's answer to the opening for {waited}"
    if "authorise" in steps:
        return f"waiting for a connection to the provider for {waited}"
    return f"the relay has looked at the request for {waited}"


def _closing(record: SessionRecord) -> str:
    client, provider = record.client, record.provider_side
    if record.lingered:
        gone = seconds(record.lingered)
        return f"the client has gone for {gone}, and the end of the provider's response is awaited"
    if client.close_code is not None and provider.close_code is None:
        return _unanswered("client", client, "provider", record)
    if provider.close_code is not None and client.close_code is None:
        return _unanswered("provider", provider, "client", record)
    return "it is ending"


def _unanswered(peer: str, side: Direction, other: str, record: SessionRecord) -> str:
    since = seconds(record.duration - (side.last_activity or 0.0))
    return f"the {peer} closed {with_code(side)}, and the {other} has not answered for {since}"


def _open(record: SessionRecord) -> str:
    """The side first that has sent nothing for longer."""
    sides = sorted(
        (("client", record.client), ("provider", record.provider_side)),
        key=lambda side: side[1].last_activity or 0.0,
    )
    said = [_silence(name, side, record) for name, side in sides]
    if all(each.endswith(" is sending") for each in said):
        return "both sides are sending"
    return ", and ".join(said)


def _silence(name: str, side: Direction, record: SessionRecord) -> str:
    if side.last_activity is None:
        return f"the {name} has sent nothing since the 101, {seconds(record.duration)} ago"
    if name == "provider" and record.first_message is None and record.usage_missing is None:
        part, opened = part_of_a_message(side), seconds(record.duration)
        return f"the provider has sent {part} since the 101, {opened} ago"
    silent = record.duration - side.last_activity
    if silent < TALKING:
        return f"the {name} is sending"
    return f"the {name} has sent nothing for {seconds(silent)}"
