"""Writing the record of one session while it lives.

It begins when the client has authenticated: before that there is nobody whom a record could be
about. What a peer said is kept only where it is the reason of a Close or the user agent, and only
if none of this session's secrets stands in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import trio

from relay.drivers.carrier import Carrier
from relay.latency import Latency
from relay.prices import Prices
from relay.printable import printable
from relay.protocol import (
    Active,
    Admission,
    Cause,
    Close,
    Ending,
    Identity,
    Opening,
    PermessageDeflate,
    Pipe,
    ProviderRefused,
    Refused,
    Secret,
    SessionMeter,
    State,
    closing,
)
from relay.protocol.credentials import contains_secret, contains_token
from relay.protocol.fields import FieldLines, values
from relay.protocol.metadata import read_metadata, wants_record
from relay.protocol.meters.session_meter import model_of
from relay.protocol.trace_context import read_trace_context
from relay.records import attribution
from relay.records.explanation import VANISHED
from relay.records.session_record import NO_CODE, Direction, Outcome, SessionRecord, Work
from relay.tail.redaction import Redaction

__all__ = ["Recorder"]

_TOLD_WHY = {closing.policy("").name, closing.operator("").name}
_HIDDEN = "..."
_NOT_REPORTED = "not reported"
_NOBODY_ASKED = "not measured"
_LONGEST = 256  # characters of a user agent


class Recorder:
    """Knows of one session what there is to know.

    Args:
        session_id: The session's.
        began_at: When its connection was accepted.
        identity: Who the client is.
        opening: What it asks for.
        provider: The name of the provider, if it names one that there is.
        address: Where it is.
    """

    def __init__(
        self,
        session_id: str,
        began_at: datetime,
        identity: Identity,
        opening: Opening,
        provider: str,
        address: str,
    ) -> None:
        gateway, token = identity
        fields, credentials = opening.fields, opening.credentials
        own = () if credentials.gateway_token is None else (credentials.gateway_token,)
        self._secrets: tuple[Secret, ...] = (*credentials.own, *own)
        self._members: tuple[str, ...] = ()  # of messages, in which there are credentials
        self.opened_at = 0.0
        """When the client got its 101, by Trio's clock."""
        self._lingers_since: float | None = None
        self._last_activity: tuple[float, ...] = ()  # of both sides, once the session ends
        self._fault: str | None = None
        self.carriers: tuple[Carrier, Carrier] | None = None
        """What carries inbound and outbound, while or once something does."""
        self.active: tuple[Active, ...] = ()
        """Who knows when the client and the provider were last active, likewise."""
        self.wanted = wants_record(fields)
        """Whether the client has nothing against its being kept."""
        self.meter: SessionMeter | None = None
        """Counts what the session uses, if anybody wants to know."""
        self.latency: Latency | None = None
        """Counts how long chunks stay in the relay, likewise."""
        metadata = dict(read_metadata(fields, self._secrets))
        trace = read_trace_context(fields, self._secrets)
        self.record = SessionRecord(
            id=session_id,
            began_at=began_at,
            gateway=gateway.name,
            provider=provider,
            token=None if token is None else token.name,
            client_address=address,
            user_agent=self._shown(_user_agent(fields))[:_LONGEST],
            metadata=metadata if token is None else {**metadata, **token.metadata},
            trace_id=trace.trace_id,
            parent_span_id=trace.parent_span_id,
        )
        """What is known until now."""

    # The opening

    def authorised(
        self, admission: Admission, query: bytes | None, secrets: Iterable[Secret]
    ) -> None:
        """It is known where the session goes, and with which credentials."""
        self._secrets = (*self._secrets, *secrets)
        endpoint = admission.route.endpoint
        self.record.provider = admission.route.provider.name
        self._members = endpoint.message_credentials
        self.record.endpoint = endpoint.path
        model = admission.route.model or model_of(endpoint, query)
        self.record.model = None if model is None else self._shown(model)

    def opening(self, steps: Mapping[str, float]) -> SessionRecord:
        """The record of a session that is being opened, as far as it has got."""
        return replace(self.record, status=0, steps=dict(steps))

    def refused(self, refused: Refused, steps: Mapping[str, float]) -> None:
        """The client gets something else than its 101."""
        record, by_provider = self.record, isinstance(refused, ProviderRefused)
        record.outcome = Outcome.REFUSED
        record.ended_by = "provider" if by_provider else "relay"
        record.status = refused.status
        record.code = None if by_provider else refused.code
        record.error = refused.message
        record.steps = dict(steps)

    def abandoned(self, steps: Mapping[str, float]) -> None:
        """The client went away before its answer."""
        self.record.outcome = Outcome.ABANDONED
        self.record.ended_by = "client"
        self.record.status = 0
        self.record.steps = dict(steps)

    def cut_off(self, steps: Mapping[str, float]) -> None:
        """The relay ended before there was an answer."""
        self.record.outcome = Outcome.REFUSED
        self.record.ended_by = "relay"
        self.record.status = 0
        self.record.cause = closing.DRAINING.name
        self.record.error = "it was told to stop"
        self.record.steps = dict(steps)

    def measure(
        self, admission: Admission, query: bytes | None, compression: PermessageDeflate | None
    ) -> SessionMeter:
        """Count what the session uses and costs in time, from its 101 on, which is now."""
        self.latency = Latency()
        self.meter = SessionMeter(
            admission.route.endpoint,
            clock=self.since_opened,
            model=admission.route.model,
            query=query,
            compression=compression,
        )
        return self.meter

    def opened(
        self, upstream: str, lane: str, steps: Mapping[str, float], *, compressed: bool
    ) -> None:
        """The client has its 101, now."""
        self.opened_at = trio.current_time()
        self.record.upstream = upstream
        self.record.lane = lane
        self.record.compressed = compressed
        self.record.steps = dict(steps)

    def redaction(self) -> Redaction:
        """What shows texts of this session without its secrets."""
        return Redaction(self._secrets, self._members)

    def since_opened(self) -> float:
        """Seconds since the 101."""
        return trio.current_time() - self.opened_at

    @property
    def model(self) -> str | None:
        """The model that the session uses, as it was named first."""
        model = self.record.model
        return self._named(self.meter.model) if model is None and self.meter else model

    # The end

    def ending(self) -> None:
        """It ends; what a side sends from now on is an answer to that, or the rest of a frame."""
        if not self._last_activity:
            self._last_activity = self._when_active()

    def _when_active(self) -> tuple[float, ...]:
        return tuple(each.last_activity - self.opened_at for each in self.active)

    def lingering(self) -> None:
        """From now on the provider is heard without its client."""
        self._lingers_since = trio.current_time()

    def ended(
        self,
        cause: Cause,
        first: Pipe | None,
        inbound: Pipe,
        outbound: Pipe,
        end: Ending,
        prices: Prices,
    ) -> SessionRecord:
        """Both directions have ended; return the whole record.

        Args:
            cause: Why, as far as the relay ended the session.
            first: The direction whose sender ended first; None if neither has.
            inbound: What the client sent.
            outbound: What the provider sent.
            end: What each side is told.
            prices: What usage costs.
        """
        record = self.record
        self._time(record)
        decisive, other = attribution.decisive(first, inbound, outbound)
        record.cause = attribution.cause(cause, decisive)
        record.ended_by = attribution.ended_by(cause, decisive, inbound)
        record.outcome = attribution.outcome(record)
        failed = decisive.error or other.error
        record.error = self._fault if failed is None else str(failed)
        if record.cause == VANISHED:
            record.error = attribution.how_it_vanished(decisive, self.carriers)
        if record.cause in _TOLD_WHY and cause.to_client is not None:
            record.error = self._shown(cause.to_client.reason)
        self._count(record, inbound, outbound)
        client, provider = record.client, record.provider_side
        self._closes(record, inbound, outbound)
        # The Close of a direction that failed is not its sender's: it is the farewell.
        farewell = inbound.close if inbound.state is State.FAILED else None
        client.told_code, client.told_reason = self._said(end.client.close)
        provider.told_code, provider.told_reason = self._said(end.upstream.close or farewell)
        self._price(prices)
        return record

    def faulted(self, error: BaseException) -> None:
        """A fault of ours ends the session; of several, the first is named."""
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        self._fault = type(error).__name__

    def snapshot(self, inbound: Pipe, outbound: Pipe) -> SessionRecord:
        """The record of a session that is open, as far as it has got."""
        record = replace(self.record, client=Direction(), provider_side=Direction())
        self._time(record)
        self._count(record, inbound, outbound)
        self._closes(record, inbound, outbound)
        if self.meter is None:
            record.usage_missing = _NOBODY_ASKED
        else:
            record.turns = [
                replace(turn, model=self._named(turn.model)) for turn in self.meter.turns
            ]
        return record

    def _time(self, record: SessionRecord) -> None:
        record.duration = self.since_opened()
        if self._lingers_since is not None:
            record.lingered = trio.current_time() - self._lingers_since

    def _count(self, record: SessionRecord, inbound: Pipe, outbound: Pipe) -> None:
        sides = record.client, record.provider_side
        for side, pipe in zip(sides, (inbound, outbound), strict=True):
            side.frames, side.messages, side.bytes = pipe.frames, pipe.messages, pipe.bytes
        for side, carrier in zip(sides, self.carriers or (), strict=False):
            side.waited = carrier.waited
        for side, pipe, last_activity in zip(
            sides, (inbound, outbound), self._last_activity or self._when_active(), strict=False
        ):
            if pipe.bytes or pipe.state is not State.OPEN:
                side.last_activity = last_activity
        meter = self.meter
        if meter is not None:
            for side, tap in zip(sides, (meter.inbound, meter.outbound), strict=True):
                side.largest_message = tap.largest_message
                side.slowest_message = tap.slowest_until(side.last_activity or 0.0)
            record.first_message, record.first_audio = meter.first_message, meter.first_audio
            record.model = self.model

    def _closes(self, record: SessionRecord, inbound: Pipe, outbound: Pipe) -> None:
        """Say how the sides closed."""
        client, provider = record.client, record.provider_side
        said = inbound.close or inbound.withheld_close
        if inbound.state is State.FAILED:  # then it is the relay's
            said = None
        client.close_code, client.close_reason = self._said(said)
        provider.close_code, provider.close_reason = self._said(outbound.close)

    def _price(self, prices: Prices) -> None:
        """Say what was used, and what that costs."""
        record, meter = self.record, self.meter
        if meter is None:
            record.usage_missing = _NOBODY_ASKED
            return
        meter.finish(record.duration)
        provider, used = record.provider, meter.usage
        record.usage_missing = meter.missing
        if used is not None:
            record.usage = tuple(
                Work(self._named(model), usage, prices.cost(provider, model, usage))
                for model, usage in used
            )
            record.cost = _sum(work.cost for work in record.usage)
            record.prices = prices.version
            if meter.owes:
                record.cost, record.usage_missing = None, _NOT_REPORTED
        for turn in meter.turns:
            if turn.usage is not None:
                turn.cost = prices.cost(provider, turn.model, turn.usage)
            turn.model = self._named(turn.model)
        record.turns, record.turns_dropped = meter.turns, meter.dropped_turns
        if self.latency is not None:
            record.added_latency = tuple(self.latency.counts)

    def _said(self, close: Close | None) -> tuple[int | None, str]:
        if close is None:
            return None, ""
        return (NO_CODE if close.code is None else close.code), self._shown(close.reason)

    def _named(self, model: str | None) -> str | None:
        """A model as a peer named it, in a message of its own."""
        return None if model is None else self._shown(model)

    def _shown(self, text: str) -> str:
        """What a peer wrote, unless a secret is in it."""
        data = text.encode(errors="replace")
        hidden = contains_token(data) or contains_secret(data, self._secrets)
        return _HIDDEN if hidden else printable(text)


def _user_agent(fields: FieldLines) -> str:
    return b", ".join(values(fields, b"user-agent")).decode("utf-8", "replace")


def _sum(costs: Iterable[Decimal | None]) -> Decimal | None:
    """All of them; None if one is not known."""
    total = Decimal(0)
    for cost in costs:
        if cost is None:
            return None
        total += cost
    return total
