"""The sessions that are open or being opened, as an operator sees them.

A session is here from the moment at which its client has authenticated until it has ended. Nothing
of this is touched while messages flow: what a session is doing is found out when somebody asks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

import trio

from relay.drivers.carrier import Carrier
from relay.protocol import Cause, Pipe
from relay.records.recorder import Recorder
from relay.records.session_record import SessionRecord, Turn
from relay.stopwatch import Stopwatch
from relay.tail import Tail

__all__ = ["Glance", "LiveOpening", "LiveSessions", "LiveState", "Member", "glance"]

TALKING = 1.0
"""Seconds for which a side is said to talk after it has sent something."""


class LiveState(StrEnum):
    """What a session is doing."""

    OPENING = "opening"
    """Its client has authenticated, and waits for its 101."""
    TALKING = "talking"
    """Somebody has sent something within the last second."""
    SILENT = "silent"
    """Nobody has."""
    CLOSING = "closing"
    """One side has ended, or the relay ends it."""


class Glance(NamedTuple):
    """A session at a glance: there may be thousands, so it is cheap. Times are seconds."""

    record: SessionRecord
    """Who it is; what is counted in there is not kept up to date."""
    state: LiveState
    duration: float
    """Since the 101; of one that is opening, since its connection was accepted."""
    talks: str | None = None
    """``client``, ``provider`` or ``both``."""
    silent_for: float | None = None
    """Since somebody sent something; None for one that is opening."""
    bytes_in: int = 0
    bytes_out: int = 0
    messages_in: int = 0
    messages_out: int = 0
    latency: Sequence[int] = ()
    """As in :class:`relay.latency.Latency`."""
    first_audio: float | None = None
    """From the 101 to the provider's first audio."""
    turns: Sequence[Turn] = ()
    takes_nothing: tuple[str, float] | None = None
    """The side that takes nothing of what it is written, and for how long."""


class Member(Protocol):
    """A session, or an opening."""

    @property
    def id(self) -> str:
        """By which an operator finds it."""

    def glance(self) -> Glance:
        """What it is doing."""

    def snapshot(self) -> SessionRecord:
        """Its record, as far as it has got."""

    def tail(self, *, content: bool) -> Tail | None:
        """Let somebody read along, from now on; None if there is nothing to read yet.

        Args:
            content: Whether they see what messages say.
        """

    def end(self, cause: Cause) -> bool:
        """End it; return whether it can be ended."""


class LiveSessions:
    """All of a server's, in the order in which they came."""

    def __init__(self) -> None:
        self._members: dict[str, Member] = {}

    def add(self, member: Member) -> None:
        """Know one from now on, in place of the opening that it was."""
        self._members[member.id] = member

    def remove(self, session_id: str) -> None:
        """Forget one, if it is known."""
        self._members.pop(session_id, None)

    def glances(self) -> Iterator[Glance]:
        """What each is doing; those that come or go meanwhile do not matter."""
        return (member.glance() for member in tuple(self._members.values()))

    def find(self, session_id: str) -> tuple[Glance, SessionRecord] | None:
        """What one is doing, and its record as far as it has got; None if there is none."""
        member = self._members.get(session_id)
        return None if member is None else (member.glance(), member.snapshot())

    def tail(self, session_id: str, *, content: bool) -> Tail | None:
        """Read along in one, as in :class:`Member`; None if it is not open."""
        member = self._members.get(session_id)
        return None if member is None else member.tail(content=content)

    def end(self, session_id: str, cause: Cause) -> bool:
        """End one; return whether it was open."""
        member = self._members.get(session_id)
        return member is not None and member.end(cause)

    def end_all(self, cause: Cause) -> None:
        """End those that are open; one that is being opened finds out by itself."""
        for member in tuple(self._members.values()):
            if not isinstance(member, LiveOpening):
                member.end(cause)


class LiveOpening:
    """A session that is being opened.

    Args:
        recorder: Of the session that it may become.
        stopwatch: Times its steps.
        end: Ends it, and returns whether it can be ended.
    """

    def __init__(
        self, recorder: Recorder, stopwatch: Stopwatch, end: Callable[[Cause], bool]
    ) -> None:
        self._recorder = recorder
        self._stopwatch = stopwatch
        self.end = end
        """Have its client refused; returns whether it can be, still."""
        self.id = recorder.record.id
        """The session's."""

    def glance(self) -> Glance:
        """How long it has been."""
        return Glance(self._recorder.record, LiveState.OPENING, self._stopwatch.elapsed)

    def snapshot(self) -> SessionRecord:
        """Its record, with the steps that are done."""
        return self._recorder.opening(self._stopwatch.seconds)

    def tail(self, *, content: bool) -> None:
        """Nothing passes yet."""


def glance(recorder: Recorder, inbound: Pipe, outbound: Pipe, *, closing: bool) -> Glance:
    """What an open session is doing.

    Args:
        recorder: The session's.
        inbound: What its client sends.
        outbound: What the provider sends.
        closing: Whether it has begun to end.
    """
    now = trio.current_time()
    duration = now - recorder.opened_at
    client, provider = recorder.carriers or (None, None)
    client_silent = now - client.last_activity if client and inbound.bytes else math.inf
    provider_silent = now - provider.last_activity if provider and outbound.bytes else math.inf
    talks = None
    if client_silent < TALKING:
        talks = "both" if provider_silent < TALKING else "client"
    elif provider_silent < TALKING:
        talks = "provider"
    record, latency, meter = recorder.record, recorder.latency, recorder.meter
    if record.model is None:
        record.model = recorder.model
    state = LiveState.TALKING if talks else LiveState.SILENT
    return Glance(
        record,
        LiveState.CLOSING if closing else state,
        duration,
        talks,
        min(client_silent, provider_silent, duration),
        inbound.bytes,
        outbound.bytes,
        inbound.messages,
        outbound.messages,
        () if latency is None else latency.counts,
        None if meter is None else meter.first_audio,
        () if meter is None else meter.turns,
        _takes_nothing(client, provider, now) if client and provider else None,
    )


def _takes_nothing(inbound: Carrier, outbound: Carrier, now: float) -> tuple[str, float] | None:
    """Of two sides the one that has done so for longer."""
    by_provider, by_client = inbound.writing_since, outbound.writing_since
    if by_provider is not None and (by_client is None or by_provider <= by_client):
        return "provider", now - by_provider
    return None if by_client is None else ("client", now - by_client)
