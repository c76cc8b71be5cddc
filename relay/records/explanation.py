"""A record in words: how a session ended and by whom, and what happened when.

For whoever asks "was it us?": the command line and the page say the same, and it is said here. A
sentence says what the record proves, and nothing that is merely likely.
"""

from __future__ import annotations

from collections.abc import Iterator

from relay.protocol import closing
from relay.records.session_record import NO_CODE, Direction, Outcome, SessionRecord

__all__ = [
    "CLOSED",
    "LONG",
    "VANISHED",
    "VIOLATION",
    "explain",
    "part_of_a_message",
    "seconds",
    "timeline",
    "with_code",
]

CLOSED = "closed"
"""Cause: a peer sent a Close frame."""
VANISHED = "vanished"
"""Cause: a peer's connection ended without one."""
VIOLATION = "violation"
"""Cause: a peer broke the protocol, or a limit."""

LONG = 5.0
"""Seconds from which on it is worth saying, where the client leaves, how long the provider let it
wait."""

_RELAY = {
    closing.DRAINING.name: "because it was told to stop",
    closing.RESTARTING.name: "because it was told to restart",
    closing.FAULT.name: "because of a fault of its own",
}
_STALLED = {closing.CLIENT_STALLED.name: "client", closing.UPSTREAM_STALLED.name: "provider"}
_GAVE_UP = {  # by name of the cause: what a peer did, so that the relay gave it up
    closing.CLIENT_SILENT.name: "the client fell silent and answered no Ping",
    closing.UPSTREAM_SILENT.name: "the provider fell silent and answered no Ping",
}
_LOST = {
    closing.CLIENT_LOST.name: "the connection to the client was lost",
    closing.UPSTREAM_LOST.name: "the connection to the provider was lost",
}
_ACCUSES = {  # RFC 6455 7.4.1: codes by which a side says that what it got was at fault
    1002: "{} what breaks the protocol",
    1003: "{} data of a kind that it does not take",
    1007: "{} data that do not fit their type, such as text that is not UTF-8",
    1009: "{} too big a message",
}
_OPERATOR = closing.operator("").name
_TOO_BIG = 1009
_AGAINST_POLICY = 1008
_GATEWAY_ERRORS = {2100, 2101}  # docs/refusals.md: what happened on the provider's side
_UNCOUNTED = {"failed", "not measured"}  # why it is not known when the first message came
_SAID = {CLOSED, VIOLATION, closing.CLOSE_TIMEOUT.name}
"""Causes that are what a peer said last."""
_OTHER = {"client": "provider", "provider": "client"}
_STEPS = {
    "tls": "TLS with the client",
    "head": "the client's request had come",
    "authorise": "the relay let it pass",
    "connect": "connected to the provider",
    "proxy": "the proxy had opened its tunnel",
    "upstream_tls": "TLS with the provider",
    "failover": "an upstream had failed",
    "upstream": "the provider answered with 101",
    "answer": "the client had its 101",
    "unfinished": "the opening got no further",
}


def explain(record: SessionRecord) -> str:
    """How a session ended, in one sentence without a full stop."""
    if record.outcome is Outcome.ABANDONED:
        return _abandoned(record)
    if record.outcome is Outcome.REFUSED:
        return _refused(record)
    return _ended(record, f"after {seconds(_ended_after(record))}")


def _abandoned(record: SessionRecord) -> str:
    steps = record.steps
    waited = seconds(steps.get("unfinished", 0.0))
    then = "had not answered" if "connect" in steps else "had not been reached"
    after = seconds(sum(steps.values()))
    return (
        f"the client left during the opening after {after}, when the provider {then} for {waited}"
    )


def _refused(record: SessionRecord) -> str:
    if not record.status:
        return f"the relay gave it up during the opening: {record.error}"
    if record.ended_by == "provider":
        return f"the provider refused it with {record.status}"
    status = f"{record.status}, code {record.code}"
    if record.code in _GATEWAY_ERRORS:
        after = seconds(sum(record.steps.values()))
        return f"{record.error}, so the relay refused it after {after} with {status}"
    return f"the relay refused it with {status}: {record.error}"


def _ended(record: SessionRecord, after: str) -> str:
    peer = "client" if record.ended_by == "client" else "provider"
    if record.cause in {CLOSED, closing.CLOSE_TIMEOUT.name}:
        return _closed(record, peer, after)
    if record.cause == VANISHED:
        how = f", {record.error}" if record.error else ""
        meanwhile = _closed_meanwhile(record) or _client_told(record) or _when_the_provider(record)
        return f"the {peer} vanished without a Close {after}{how}{meanwhile}"
    if record.cause == VIOLATION:
        return _violation(record, peer, after)
    if record.cause in _STALLED:
        return f"{_stalled(record)}, so the relay ended it {after}{_client_told(record)}"
    if record.cause in _GAVE_UP:
        return f"{_GAVE_UP[record.cause]}, so the relay ended it {after}{_client_told(record)}"
    if record.cause in _LOST:
        return f"{_LOST[record.cause]} {after}{_client_told(record)}"
    if record.cause == closing.IDLE.name:
        return f"the relay ended it {after} because {_idle(record)}"
    if record.cause in _RELAY:
        kind = f" ({record.error})" if record.error else ""
        return f"the relay ended it {after} {_RELAY[record.cause]}{kind}"
    who = "operator" if record.cause == _OPERATOR else "relay"
    return f"the {who} ended it {after}: {record.error or record.cause}"


def _side(record: SessionRecord, peer: str) -> Direction:
    return record.client if peer == "client" else record.provider_side


def _closed_meanwhile(record: SessionRecord) -> str:
    """What the other side did that had not been told yet; what it was told then is no news."""
    other = _OTHER[record.ended_by]
    side = _side(record, other)
    if side.close_code is None:
        return ""
    return f", and the {other} closed {with_code(side)} before it was told"


def _closed(record: SessionRecord, peer: str, after: str) -> str:
    other = _OTHER[peer]
    side = _side(record, peer)
    sentence = f"the {peer} closed {with_code(side)} {after}"
    if side.close_code in _ACCUSES:
        # In the message lane the frames were the relay's, and the text may be a policy's.
        whose = f"the {other} sent" if record.lane == "verbatim" else "it got"
        sentence += f", which says that {_ACCUSES[side.close_code].format(whose)}"
    elif peer == "client" and record.cause == CLOSED:
        sentence += _when_the_provider(record)
    if record.cause == closing.CLOSE_TIMEOUT.name:
        let_wait = _let_wait(record) if peer == "client" else ""
        which = f", which {let_wait}," if let_wait else ""
        return f"{sentence}, and the {other}{which} did not answer"
    if record.error:
        return f"{sentence}, and the {other} broke the protocol ({record.error})"
    return sentence


def _violation(record: SessionRecord, peer: str, after: str) -> str:
    side = _side(record, peer)
    broke = {
        None: "the protocol or a limit",
        _TOO_BIG: "a limit of the relay",
        _AGAINST_POLICY: "a rule of the gateway",
    }.get(side.told_code, "the protocol")
    told = _client_told(record) or f" and was told {_code_of(side)}"
    return f"the {peer} broke {broke} {after} ({record.error}){told}"


def _client_told(record: SessionRecord) -> str:
    """What the client got of an end that the provider caused."""
    if record.ended_by != "provider":
        return ""
    side = record.client
    if side.told_code is None:
        return ", and the client got no Close"
    return f", and the client was told {side.told_code} {side.told_reason}".rstrip()


def _stalled(record: SessionRecord) -> str:
    peer = _STALLED[record.cause]
    giver = _side(record, _OTHER[peer])
    if giver.last_activity is None:
        return f"the {peer} took nothing"
    return f"the {peer} took nothing for {seconds(record.duration - giver.last_activity)}"


def _when_the_provider(record: SessionRecord) -> str:
    let_wait = _let_wait(record)
    return f", when the provider {let_wait}" if let_wait else ""


def _let_wait(record: SessionRecord) -> str:
    """How the provider had let a client wait that then left; empty if it had not."""
    found = []
    to_answer = record.steps.get("upstream", 0.0)
    if to_answer >= LONG:
        found.append(f"had taken {seconds(to_answer)} to answer the opening")
    side = record.provider_side
    if record.first_message is None and not (side.messages and _is_uncounted(record)):
        return " and ".join([*found, f"had sent {part_of_a_message(side)}"])
    if side.slowest_message - side.waited >= LONG:  # a client that takes nothing slows it, too
        found.append(f"had taken {seconds(side.slowest_message)} over one message")
    if side.last_activity is not None:
        silent = _ended_after(record) - side.last_activity
        if silent >= LONG:
            found.append(f"had sent nothing for {seconds(silent)}")
    return " and ".join(found)


def _is_uncounted(record: SessionRecord) -> bool:
    return record.usage_missing in _UNCOUNTED


def part_of_a_message(side: Direction) -> str:
    """What a side has sent that has sent no whole message."""
    if not side.bytes or side.close_code is not None:
        return "no message"
    return f"{side.bytes:,} byte{'' if side.bytes == 1 else 's'} and no whole message"


def _idle(record: SessionRecord) -> str:
    client, provider = record.client.last_activity, record.provider_side.last_activity
    if client is None and provider is None:
        return "no byte came from either side"
    by_client = provider is None or (client is not None and client > provider)
    last = client if by_client else provider
    silent = record.duration - (last or 0.0)
    who = "client" if by_client else "provider"
    return f"no byte came from either side for {seconds(silent)}, the last from the {who}"


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
        moments.append((now, f"{_in_words(step, record)}, after {seconds(took)}"))
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
        moments += [(opened + moment, what) for moment, what in _end(record)]
    return sorted(moments, key=lambda moment: moment[0])


def _in_words(step: str, record: SessionRecord) -> str:
    if step == "unfinished" and record.ended_by == "provider":
        return f"the provider answered with {record.status}"
    if step == "connect" and "proxy" in record.steps:
        return "connected to the proxy"
    return _STEPS.get(step, step)


def _end(record: SessionRecord) -> Iterator[tuple[float, str]]:
    """How it ended, with the seconds since the 101."""
    left, over = _ended_after(record), record.duration
    others = {"client", "provider"}
    if record.cause == VANISHED or record.cause in _SAID:
        others.discard(record.ended_by)
    client, provider = record.client.last_activity, _last_of_the_provider(record, left)
    for peer, last in (("client", client), ("provider", provider)):
        if peer in others and last is not None:
            yield last, f"last bytes of the {peer} before the end"
    yield left, explain(record)
    if record.lingered:
        heard = f"the provider was heard for another {seconds(record.lingered)}"
        yield over, heard
    elif record.cause == closing.CLOSE_TIMEOUT.name:
        yield over, f"the {_OTHER[record.ended_by]} had not answered for {seconds(over - left)}"


def _ended_after(record: SessionRecord) -> float:
    """When it ended, in seconds since the 101: when a Close came, and not when it was answered."""
    last = record.client.last_activity
    if record.ended_by != "client":
        last = _last_of_the_provider(record, record.duration)
    if record.cause in _SAID and last is not None:
        return last
    return record.duration - record.lingered


def _last_of_the_provider(record: SessionRecord, until: float) -> float | None:
    """When its last bytes came; what is understood of bytes has a moment a little after theirs."""
    last = record.provider_side.last_activity
    if last is None:
        return None
    moments = [record.first_message, record.first_audio]
    for turn in record.turns:
        moments += [turn.first_audio, None if turn.interrupted else turn.ended]
    return max([last, *(each for each in moments if each is not None and each <= until)])


def seconds(value: float) -> str:
    """A time for people: three figures are enough."""
    if value < 0.9995:  # what is longer would be 1e+03 ms
        return f"{value * 1000:.3g} ms"
    if value < 60:
        return f"{value:.3g} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def with_code(side: Direction) -> str:
    """How a side closed."""
    if side.close_code is None or side.close_code == NO_CODE:
        return "without a code"
    return f"with {side.close_code} {side.close_reason}".rstrip()


def _code_of(side: Direction) -> str:
    return "nothing" if side.told_code is None else str(side.told_code)
