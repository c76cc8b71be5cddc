"""One session's life in three acts. The only place where bytes meet sockets.

- **Opening**: this task owns the client's stream until the provider has answered, too
  (``opening.py``).
- **Relaying**: one pump per direction. This task waits for the first of them to end, and for the
  deadlines.
- **Closing**: this task has both streams again. The closing table says what each side is told, and
  ``leg_end.py`` tells it. The provider may first be heard for a while (``linger.py``).
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, suppress
from functools import partial
from typing import Protocol

import structlog
import trio

from relay.drivers.carrier import Carrier
from relay.drivers.pump import pumping
from relay.drivers.reactor import Reactor
from relay.drivers.splice import splicing
from relay.link import close
from relay.live_sessions import Glance, glance
from relay.log import log_fault
from relay.protocol import (
    Cause,
    Ending,
    Leg,
    Pings,
    Pipe,
    State,
    Timeouts,
    Watch,
    closing,
    ending,
    farewell,
    grace,
)
from relay.records.attribution import first_to_end
from relay.records.session_record import SessionRecord
from relay.session.leg_end import end_leg
from relay.session.linger import linger
from relay.session.opening import Opened, OpeningHost, SessionOpening
from relay.session.pinger import Pinger, pingers, share_pings
from relay.session_id import new_session_id
from relay.socket_stream import SocketStream
from relay.tail import Tail
from relay.tls import ServerTls

__all__ = ["Session"]

_VANISHED = {closing.CLIENT_LOST, closing.CLIENT_SILENT}
_log = structlog.get_logger()


class Host(OpeningHost, Protocol):
    """What a session needs of the server that runs it."""

    reactor: Reactor | None
    """Drives sessions between sockets; None where there is no epoll."""

    def add(self, session: Session) -> None:
        """Make a session known that is open from now on."""

    def remove(self, session: Session) -> None:
        """Forget it."""


class Session:
    """A client's connection, from its first byte to its last.

    Args:
        client: The client's connection; the session ends it.
        host: The server.
        tls: To be started on the connection first.
    """

    def __init__(self, client: trio.abc.Stream, host: Host, tls: ServerTls | None = None) -> None:
        self.id = new_session_id()
        self._client = client
        self._host = host
        self._tls = tls
        self._timeouts: Timeouts = host.settings.timeouts
        self._cause: Cause | None = None  # given by end()
        self._changed = trio.Event()  # set when there is something new for whoever waits
        self._ended: list[Carrier] = []  # in the order in which they ended
        self._first: Pipe | None = None  # whose sender ended first
        self._lingering: trio.CancelScope | None = None
        self._log = _log.bind(session=self.id)
        self._opened: Opened  # from its 101 on
        self._to_client: Pings  # likewise, if it may linger

    async def run(self) -> None:
        """Live. Nothing but cancellation leaves this: a fault ends this session and no other."""
        try:
            with ExitStack() as places:
                # No name for it: it would keep the settings alive that it went by.
                opened = await SessionOpening(
                    self._client, self._host, self._tls, self.id, self._log
                ).run(places)
                if opened is not None:
                    try:
                        await self._relay_and_close(opened)
                    finally:
                        await close(opened.upstream)
        except* Exception as group:  # noqa: BLE001 - the fence
            log_fault(self._log, group)
        finally:
            await close(self._client)
            self._host.remove(self)

    def end(self, cause: Cause) -> bool:
        """End it, as it is open; both sides are told why."""
        self._cause = cause
        self._changed.set()
        if self._lingering is not None:
            self._lingering.cancel()
        return True

    # Relaying

    async def _relay_and_close(self, opened: Opened) -> None:
        self._timeouts, self._log = opened.timeouts, opened.log
        inbound, outbound = opened.inbound, opened.outbound
        cause, cut = closing.DRAINING, True  # if cancelled, which only the end of a drain does
        lingers = False
        self._opened = opened
        self._host.add(self)
        try:
            cause = await self._relaying(opened)
            cut, lingers = False, self._lingers(cause)
        except* Exception as group:  # noqa: BLE001 - both sides are still told
            cause, cut = closing.FAULT, False
            opened.recorder.faulted(group)
            log_fault(self._log, group)
        finally:
            end = ending(inbound, outbound, cause, secrets.token_bytes(4))
            if not lingers:
                self._account(opened, cause, _as_cut(end) if cut else end)
        await self._closing(opened, cause, end, lingers=lingers)

    def _account(self, opened: Opened, cause: Cause, end: Ending) -> None:
        """Log how the session ended, and hand its record over."""
        inbound, outbound = opened.inbound, opened.outbound
        try:
            record = opened.recorder.ended(
                cause, self._first, inbound, outbound, end, opened.prices
            )
            _log_ended(self._log, record, inbound, outbound)
            self._host.account(opened.recorder)
            self._host.remove(self)  # at once: it must not be counted as open and as ended
        except Exception as error:  # noqa: BLE001 - the fence: both sides are still told
            log_fault(self._log, error)

    def snapshot(self) -> SessionRecord:
        """The record of this session, which is open, as far as it has got."""
        opened = self._opened
        return opened.recorder.snapshot(opened.inbound, opened.outbound)

    def glance(self) -> Glance:
        """What this session, which is open, is doing."""
        opened = self._opened
        closing = bool(self._ended) or self._cause is not None
        return glance(opened.recorder, opened.inbound, opened.outbound, closing=closing)

    def tail(self, *, content: bool) -> Tail:
        """Let somebody read along, from now on; whoever runs this session tells them of its end.

        Args:
            content: Whether they see what messages say.
        """
        opened = self._opened
        return Tail(
            self.id,
            (opened.inbound, opened.outbound),
            opened.recorder.since_opened,
            opened.recorder.redaction() if content else None,
        )

    async def _relaying(self, opened: Opened) -> Cause:
        """Carry both directions; return why they ended, as far as the relay ended them."""
        if opened.inbound.state is not State.OPEN:
            return closing.PEERS  # the client did not even take its 101
        asks, lingers = self._timeouts.ping_interval < math.inf, self._timeouts.linger > 0
        pings = share_pings(opened.inbound, opened.outbound) if asks or lingers else None
        if pings and lingers:
            self._to_client, _ = pings
            opened.inbound.withhold_close_while(self._is_answering)
        async with self._carrying(opened) as (inbound, outbound):
            asking = pingers(pings, inbound, outbound, self._timeouts) if pings and asks else ()
            opened.recorder.carriers = inbound, outbound
            opened.recorder.active = asking or (inbound, outbound)  # our Pongs are no activity
            cause = await self._watch(inbound, outbound, asking)
            opened.recorder.ending()
            if inbound in self._ended:
                await self._hear_out(opened, outbound)
            await self._stop(inbound, outbound, cause)
        return cause

    async def _hear_out(self, opened: Opened, outbound: Carrier) -> None:
        """If the client broke the protocol, let it have the answers to what it sent before."""
        frame = farewell(opened.inbound, opened.outbound, secrets.token_bytes(4))
        if not frame:
            return
        with trio.move_on_after(self._timeouts.close), suppress(trio.BrokenResourceError):
            await opened.upstream.send_all(frame)
            while outbound not in self._ended:
                await self._change()

    async def _stop(self, inbound: Carrier, outbound: Carrier, cause: Cause) -> None:
        """Bring both directions to where a Close can follow, if they may take the time for it."""
        if cause is closing.CLIENT_SILENT:
            outbound.pipe.send_failed()  # as far as is known
        elif cause is closing.UPSTREAM_SILENT:
            inbound.pipe.send_failed()
        patience = grace(inbound.pipe, outbound.pipe, cause, self._timeouts.close)
        (outbound.stop if patience.outbound else outbound.abort)()
        (inbound.stop if patience.inbound else inbound.abort)()
        with trio.move_on_after(max(patience.inbound, patience.outbound)):
            while len(self._ended) < 2:
                await self._change()

    def _carrying(self, opened: Opened) -> AbstractAsyncContextManager[tuple[Carrier, Carrier]]:
        """The driver for this session: the reactor between sockets, else pumps."""
        client, upstream, reactor = self._client, opened.upstream, self._host.reactor
        pipes = opened.inbound, opened.outbound
        early_data = opened.client_early_data, opened.upstream_early_data
        rest = pipes, early_data, self._carrier_ended, opened.recorder.latency
        if (
            reactor is not None
            and isinstance(client, SocketStream)
            and isinstance(upstream, SocketStream)
        ):
            return splicing(reactor, client, upstream, *rest)
        return pumping(client, upstream, *rest)

    def _carrier_ended(self, pump: Carrier) -> None:
        self._ended.append(pump)
        if self._first is None:
            inbound, outbound = self._opened.inbound, self._opened.outbound
            other = outbound if pump.pipe is inbound else inbound
            self._first = first_to_end(pump.pipe, other)
        if pump.pipe.state is not State.OPEN:
            self._opened.recorder.ending()
        self._changed.set()

    async def _watch(self, inbound: Carrier, outbound: Carrier, asking: Sequence[Pinger]) -> Cause:
        """Wait until the session has to end."""
        watch = Watch(inbound, outbound, self._timeouts, trio.current_time(), asking)
        while True:
            now = trio.current_time()
            for carrier in (inbound, outbound):
                if not self._ended and watch.is_stalled(carrier, now):
                    carrier.retry_write()
            cause = watch.look(now, self._ended, self._cause)
            if cause is not None:
                return cause
            next_look = watch.next_look
            for each in () if self._ended else asking:
                moment = each.look(now)
                if now >= moment:
                    return each.silent
                next_look = min(next_look, moment)
            with trio.move_on_at(next_look):
                await self._change()

    async def _change(self) -> None:
        """Wait until there is something new."""
        await self._changed.wait()
        self._changed = trio.Event()

    # Closing

    async def _closing(self, opened: Opened, cause: Cause, end: Ending, *, lingers: bool) -> None:
        """End both connections, each in its own time, of at most ``close_timeout``."""
        log = self._log
        patience = grace(opened.inbound, opened.outbound, cause, self._timeouts.close).legs
        async with trio.open_nursery() as nursery:
            client = (self._client, end.client, opened.inbound)
            nursery.start_soon(end_leg, *client, patience, log)
            if lingers:
                end = await self._linger(opened, cause, end)
            upstream = (opened.upstream, end.upstream, opened.outbound)
            nursery.start_soon(partial(end_leg, is_server=True), *upstream, patience, log)

    def _is_answering(self) -> bool:
        """Whether the provider is in the middle of a response, as far as its meter knows."""
        opened = self._opened
        meter = opened.recorder.meter
        return opened.outbound.state is State.OPEN and meter is not None and meter.talking is True

    def _lingers(self, cause: Cause) -> bool:
        """Whether the client has gone by itself in the middle of a response whose end is wanted.

        One that the relay throws out, for a violation or because it takes nothing, is no such
        client: the session was ended, and nothing more is asked of the provider for it.
        """
        inbound = self._opened.inbound.state
        left = cause is closing.PEERS and inbound in {State.CLOSED, State.WITHHELD}
        gone = left or cause in _VANISHED
        return gone and self._cause is None and self._timeouts.linger > 0 and self._is_answering()

    async def _linger(self, opened: Opened, cause: Cause, end: Ending) -> Ending:
        """Hear the rest of the response; return how the session ends after that."""
        timeouts, recorder = self._timeouts, opened.recorder
        inbound, outbound = opened.inbound, opened.outbound
        longest = min(timeouts.linger, timeouts.max_duration - recorder.since_opened())
        try:
            self._log.info("lingering")
            recorder.lingering()
            with trio.move_on_after(max(0, longest)) as self._lingering:
                await linger(
                    opened.upstream,
                    inbound,
                    outbound,
                    self._to_client,
                    self._is_answering,
                    timeouts.idle,
                )
        except Exception as error:  # noqa: BLE001 - the fence: the provider is still told
            log_fault(self._log, error)
        finally:
            last = ending(inbound, outbound, cause, secrets.token_bytes(4))
            end = Ending(end.client, last.upstream)
            self._account(opened, cause, end)
        return end


def _log_ended(
    log: structlog.typing.FilteringBoundLogger,
    record: SessionRecord,
    inbound: Pipe,
    outbound: Pipe,
) -> None:
    """The line of a session that has ended. Reasons are the record's: a peer can quote a secret."""
    log.info(
        "ended",
        outcome=record.outcome.value,
        by=record.ended_by,
        cause=record.cause,
        inbound=inbound.state.value,
        outbound=outbound.state.value,
        client_close=record.client.told_code,
        upstream_close=record.provider_side.told_code,
        messages_in=inbound.messages,
        messages_out=outbound.messages,
        bytes_in=inbound.bytes,
        bytes_out=outbound.bytes,
        duration=round(record.duration, 3),
        lingered=round(record.lingered, 3),
        cost=None if record.cost is None else f"{record.cost:f}",
    )


def _as_cut(end: Ending) -> Ending:
    """The same, if nothing more can be said."""
    client, upstream = (
        Leg(None, b"", reset=True) if leg.frame else leg for leg in (end.client, end.upstream)
    )
    return Ending(client, upstream)
