"""One session's life in three acts. The only place where bytes meet sockets.

- **Opening**: one task owns the client's stream, dials, and answers. While it dials, up to 64 KiB
  of early client bytes are kept, and the client's end cancels the dial.
- **Relaying**: one pump per direction. This task waits for the first of them to end, and for the
  deadlines.
- **Closing**: this task has both streams again. The closing table says what each side is told.
"""

from __future__ import annotations

import math
import secrets
import time
import traceback
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import structlog
import trio

from relay.carrier import Carrier
from relay.dial import dial
from relay.link import (
    close,
    complete_tls,
    finish_sending,
    is_private_path,
    peer_address,
    receive,
    reset,
)
from relay.protocol import (
    Admission,
    Cause,
    ClientHandshake,
    Ending,
    HttpAnswer,
    Leg,
    MessagePipe,
    Opening,
    Pipe,
    Refused,
    Request,
    State,
    UpstreamAnswer,
    UpstreamHandshake,
    UpstreamRequest,
    authorise,
    closing,
    ending,
    examine,
    policy,
    upstream_request,
)
from relay.pump import pumping
from relay.quotas import Quotas
from relay.reactor import Reactor
from relay.resumption import Resumption
from relay.session_id import new_session_id
from relay.settings import Settings
from relay.socket_stream import SocketStream
from relay.splice import splicing
from relay.stopwatch import Stopwatch
from relay.timeouts import Timeouts

__all__ = ["Session"]

_EARLY_DATA = 64 * 1024
_ENDED_BY_PEERS = {  # by what they did, or did not do after one of them had closed or broken off
    closing.PEERS,
    closing.CLOSE_TIMEOUT,
    closing.CLIENT_LOST,
    closing.UPSTREAM_LOST,
}
_log = structlog.get_logger()


class Host(Protocol):
    """What a session needs of the server that runs it."""

    settings: Settings
    quotas: Quotas
    resumption: Resumption
    reactor: Reactor | None
    """Drives sessions between sockets; None where there is no epoll."""
    draining: Cause | None
    """Why no session may open any more; None while they may."""

    def add(self, session: Session) -> None:
        """Make a session known that is open from now on."""

    def remove(self, session: Session) -> None:
        """Forget it."""


@dataclass(frozen=True, slots=True)
class _Opened:
    """What the first act hands to the second."""

    upstream: trio.abc.Stream
    inbound: Pipe
    outbound: Pipe
    client_early_data: bytes
    upstream_early_data: bytes


@dataclass(frozen=True, slots=True)
class _Dialled:
    """A provider that has answered with its 101."""

    stream: trio.abc.Stream
    answer: UpstreamAnswer
    early_data: bytes


class Session:
    """A client's connection, from its first byte to its last.

    Args:
        client: The client's connection; the session ends it.
        host: The server.
    """

    def __init__(self, client: trio.abc.Stream, host: Host) -> None:
        self.id = new_session_id()
        self._client = client
        self._host = host
        self._timeouts: Timeouts = host.settings.timeouts
        self._handshake = ClientHandshake(host.settings.limits)
        self._early_data = bytearray()
        self._stopwatch = Stopwatch()
        self._cause: Cause | None = None  # given by end()
        self._changed = trio.Event()  # set when there is something new for _watch
        self._ended: list[Carrier] = []  # in the order in which they ended
        self._log = _log.bind(session=self.id)

    async def run(self) -> None:
        """Live. Nothing but cancellation leaves this: a fault ends this session and no other."""
        try:
            with ExitStack() as places:
                opened = await self._open_or_refuse(places)
                if opened is not None:
                    await self._relay_and_close(opened)
        except* Exception as group:  # noqa: BLE001 - the fence
            _log_fault(self._log, group)
        finally:
            await close(self._client)

    def end(self, cause: Cause) -> None:
        """End an open session; both sides are told why."""
        self._cause = cause
        self._changed.set()

    # Opening

    async def _open_or_refuse(self, places: ExitStack) -> _Opened | None:
        """The first act, with its unhappy ends."""
        try:
            return await self._opening(places)
        except Refused as error:
            refused = error
        except Exception as error:  # noqa: BLE001 - the fence
            _log_fault(self._log, error)
            refused = Refused(500, 2000, "internal error", proxy_error="proxy_internal_error")
        self._log.info("refused", status=refused.status, code=refused.code, why=refused.message)
        await self._send_and_end(self._handshake.refuse(refused, self.id))
        return None

    async def _opening(self, places: ExitStack) -> _Opened | None:
        """Bring the session to its 101; None if the client went away or wanted no session.

        Raises:
            Refused: The client gets this instead of its 101.
        """
        settings, quotas = self._host.settings, self._host.quotas
        request = await self._receive_request()
        if request is None or await self._answer_health(request):
            return None
        opening = examine(request, settings.providers)
        self._check_draining()
        places.enter_context(quotas.place())
        admission = authorise(
            opening.target,
            opening.fields,
            opening.credentials,
            settings.gateways,
            settings.providers,
            time.time(),
        )
        self._timeouts = settings.timeouts_of(admission.gateway.name)
        self._log = self._log.bind(
            gateway=admission.gateway.name,
            provider=admission.route.provider.name,
            token=admission.token.name if admission.token else None,
        )
        places.enter_context(quotas.session(admission))
        asked = upstream_request(admission, opening.fields, opening.credentials)
        self._stopwatch.lap("authorise")
        dialled = await self._dial_while_watching(admission, asked)
        if dialled is None:
            self._log.info("client left during the opening")
            return None
        try:
            self._check_draining()
            return await self._accept(admission, asked, opening, dialled)
        except BaseException:
            await close(dialled.stream)
            raise

    async def _receive_request(self) -> Request | None:
        """The client's request; None if it went away before it was whole."""
        with trio.move_on_after(self._timeouts.opening):
            if await complete_tls(self._client):
                self._stopwatch.lap("tls")
            while data := await receive(self._client):
                request = self._handshake.receive_data(data)
                if request is not None:
                    self._stopwatch.lap("head")
                    return request
            return None
        if not self._handshake.started:
            return None  # it never said anything: nor do we
        raise Refused(408, 2000, "the request did not come in time")

    async def _answer_health(self, request: Request) -> bool:
        """Answer ``/healthz`` and ``/readyz``; return whether it was one of them."""
        if request.target not in {b"/healthz", b"/readyz"}:
            return False
        if request.method not in {"GET", "HEAD"}:
            raise Refused(405, 2000, "only GET and HEAD", fields=(("Allow", "GET, HEAD"),))
        ready = request.target == b"/healthz" or self._host.draining is None
        status, body = (200, b"ok\n") if ready else (503, b"draining\n")
        fields = [("Content-Type", "text/plain"), ("Cache-Control", "no-store")]
        await self._send_and_end(self._handshake.answer(HttpAnswer(status, fields, body)))
        return True

    def _check_draining(self) -> None:
        if self._host.draining is not None:
            raise Refused(
                503,
                2102,
                "the relay is draining",
                fields=(("Retry-After", "1"),),
                proxy_error="destination_unavailable",
            )

    async def _dial_while_watching(
        self, admission: Admission, asked: UpstreamRequest
    ) -> _Dialled | None:
        """Dial the provider, and keep early client bytes; None if the client goes away."""
        self._early_data += self._handshake.early_data
        outcome: _Dialled | Refused | None = None
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._watch_client, nursery.cancel_scope)
                try:
                    outcome = await self._dial(admission, asked)
                except Refused as refused:
                    outcome = refused
                nursery.cancel_scope.cancel()
        except BaseException:  # cancelled, when the provider had answered already
            if isinstance(outcome, _Dialled):
                await close(outcome.stream)
            raise
        if isinstance(outcome, Refused):
            raise outcome
        return outcome

    async def _watch_client(self, dialling: trio.CancelScope) -> None:
        while (room := _EARLY_DATA - len(self._early_data)) > 0:
            data = await receive(self._client, room)
            if not data:
                dialling.cancel()
                return
            self._early_data += data

    async def _dial(self, admission: Admission, asked: UpstreamRequest) -> _Dialled:
        """Connect to the provider and ask for the upgrade.

        Raises:
            Refused: It cannot be reached, or did not answer with a valid 101 in time.
        """
        trust = self._host.settings.trust[admission.route.provider.name]
        resumption, stopwatch = self._host.resumption, self._stopwatch
        stream = await dial(asked.origin, trust, self._timeouts.connect, resumption, stopwatch)
        try:
            if asked.compression and not is_private_path(stream):
                asked = replace(asked, compression=())  # the session will be in the message lane
            handshake = UpstreamHandshake(asked, secrets.token_bytes(16), admission.gateway.limits)
            with trio.move_on_after(self._timeouts.upstream):
                with suppress(trio.BrokenResourceError):  # it may have answered all the same
                    await stream.send_all(handshake.request_data())
                while True:
                    answer = handshake.receive_data(await receive(stream))
                    if answer is not None:
                        stopwatch.lap("upstream")
                        resumption.keep(trust, asked.origin, stream)
                        return _Dialled(stream, answer, handshake.early_data)
            raise handshake.timed_out()  # noqa: TRY301 - the stream is closed below
        except BaseException:
            await close(stream)
            raise

    async def _accept(
        self, admission: Admission, asked: UpstreamRequest, opening: Opening, dialled: _Dialled
    ) -> _Opened:
        """Answer the client with its 101, and choose the lane."""
        gateway, policies = admission.gateway, asked.policies
        compressed = dialled.answer.compression is not None
        inbound = Pipe(masked=True, limits=gateway.limits, compressed=compressed)
        outbound = Pipe(masked=False, limits=gateway.limits, compressed=compressed)
        if gateway.messages_lane or policies or not is_private_path(dialled.stream):
            inbound = MessagePipe(masked=True, limits=gateway.limits, policies=policies)
            outbound = MessagePipe(masked=False, limits=gateway.limits)
        accepted = self._handshake.accept(opening, dialled.answer, self.id)
        sent = False
        with trio.move_on_after(self._timeouts.write):
            try:
                await self._client.send_all(accepted)
                sent = True
            except trio.BrokenResourceError:
                pass
        if not sent:  # the client is gone, or took nothing: the provider has to be told
            outbound.send_failed()
            inbound.receive_data(b"")
        self._stopwatch.lap("answer")
        self._log.info("opened", client=peer_address(self._client), **self._stopwatch.milliseconds)
        return _Opened(
            dialled.stream, inbound, outbound, bytes(self._early_data), dialled.early_data
        )

    async def _send_and_end(self, data: bytes) -> None:
        """Send the last thing that this client gets."""
        with trio.move_on_after(self._timeouts.close):
            try:
                await self._client.send_all(data)
            except trio.BrokenResourceError:
                return
            await finish_sending(self._client)

    # Relaying

    async def _relay_and_close(self, opened: _Opened) -> None:
        inbound, outbound = opened.inbound, opened.outbound
        cause = closing.FAULT
        self._host.add(self)
        try:
            try:
                cause = await self._relaying(opened)
            except* Exception as group:  # noqa: BLE001 - both sides are still told
                _log_fault(self._log, group)
            end = ending(inbound, outbound, cause, secrets.token_bytes(4))
            self._log.info(
                "ended",
                by=self._ended_by(cause, inbound),
                cause=cause.name,
                inbound=inbound.state.value,
                outbound=outbound.state.value,
                client_close=_code(end.client),
                upstream_close=_code(end.upstream),
                messages_in=inbound.messages,
                messages_out=outbound.messages,
                bytes_in=inbound.bytes,
                bytes_out=outbound.bytes,
            )
            overdue = cause is closing.CLOSE_TIMEOUT
            await self._closing(opened, end, 0 if overdue else self._timeouts.close)
        finally:
            self._host.remove(self)
            await close(opened.upstream)

    async def _relaying(self, opened: _Opened) -> Cause:
        """Carry both directions; return why they ended, as far as the relay ended them."""
        if opened.inbound.state is not State.OPEN:
            return closing.PEERS  # the client did not even take its 101
        async with self._carrying(opened) as (inbound, outbound):
            cause = await self._watch(inbound, outbound)
            # What is being written to a side that lives may be finished, so that a Close can
            # follow it; what is being written to one that is gone or stalled may not.
            client_gone = inbound.pipe.state is State.CLOSED or cause is closing.CLIENT_STALLED
            gone = outbound.pipe.state is State.CLOSED or cause is closing.UPSTREAM_STALLED
            (outbound.abort if client_gone else outbound.stop)()
            (inbound.abort if gone else inbound.stop)()
        return cause

    def _carrying(self, opened: _Opened) -> AbstractAsyncContextManager[tuple[Carrier, Carrier]]:
        """The driver for this session: the reactor between sockets, else pumps."""
        client, upstream, reactor = self._client, opened.upstream, self._host.reactor
        pipes = opened.inbound, opened.outbound
        early_data = opened.client_early_data, opened.upstream_early_data
        rest = pipes, early_data, self._carrier_ended, self._timeouts.close
        if (
            reactor is not None
            and isinstance(client, SocketStream)
            and isinstance(upstream, SocketStream)
        ):
            return splicing(reactor, client, upstream, *rest)
        return pumping(client, upstream, *rest)

    def _carrier_ended(self, pump: Carrier) -> None:
        self._ended.append(pump)
        self._changed.set()

    def _ended_by(self, cause: Cause, inbound: Pipe) -> str:
        """Who ended the session: for the log."""
        if cause not in _ENDED_BY_PEERS:
            return "relay"
        if not self._ended:
            return "client"  # it did not even take its 101
        first = self._ended[0].pipe
        wrote = first.state is not State.OPEN  # else it is the sink that took nothing more
        return "client" if (first is inbound) is wrote else "provider"

    async def _watch(self, inbound: Carrier, outbound: Carrier) -> Cause:
        """Wait until the session has to end."""
        timeouts = self._timeouts
        last_moment = trio.current_time() + timeouts.max_duration
        closing_until = math.inf
        while True:
            now = trio.current_time()
            states = [pump.pipe.state for pump in self._ended]
            if len(states) > 1 or State.CLOSED in states or State.FAILED in states:
                return closing.PEERS
            if states:
                # A Close was forwarded, or a write failed. The other side may still have something
                # to say, such as the answering Close, or the reason why it takes nothing more.
                closing_until = min(closing_until, now + timeouts.close)
                if now >= closing_until:
                    if states == [State.CLOSING]:
                        return closing.CLOSE_TIMEOUT
                    lost = self._ended == [inbound]  # it could not write
                    return closing.UPSTREAM_LOST if lost else closing.CLIENT_LOST
                next_look = closing_until
            else:
                if self._cause is not None:
                    return self._cause
                for carrier in (inbound, outbound):
                    if now >= _stalled_at(carrier, now, timeouts):
                        carrier.retry_write()
                deadlines = (
                    (_stalled_at(outbound, now, timeouts), closing.CLIENT_STALLED),
                    (_stalled_at(inbound, now, timeouts), closing.UPSTREAM_STALLED),
                    (last_moment, policy("maximum duration reached")),
                    (
                        max(inbound.last_activity, outbound.last_activity) + timeouts.idle,
                        closing.IDLE,
                    ),
                )
                for moment, cause in deadlines:
                    if now >= moment:
                        return cause
                next_look = min(moment for moment, _ in deadlines)
            with trio.move_on_at(next_look):
                await self._changed.wait()
            self._changed = trio.Event()

    # Closing

    async def _closing(self, opened: _Opened, end: Ending, patience: float) -> None:
        """End both connections, each in its own time, of at most ``patience`` seconds."""
        client = (self._client, end.client, opened.inbound)
        upstream = (opened.upstream, end.upstream, opened.outbound)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._end_leg, patience, _end_client, *client)
            nursery.start_soon(self._end_leg, patience, _end_upstream, *upstream)

    async def _end_leg(
        self,
        patience: float,
        end: Callable[[trio.abc.Stream, Leg, Pipe], Awaitable[None]],
        stream: trio.abc.Stream,
        leg: Leg,
        received: Pipe,
    ) -> None:
        if leg.reset:
            await reset(stream)
            return
        try:
            with trio.move_on_after(patience):
                await end(stream, leg, received)
        except Exception as error:  # noqa: BLE001 - the fence: the other side is still told
            _log_fault(self._log, error)


async def _end_client(client: trio.abc.Stream, leg: Leg, inbound: Pipe) -> None:
    await _say(client, leg, inbound)
    if inbound.state in {State.CLOSING, State.FAILED}:
        await finish_sending(client)
    await client.aclose()


async def _end_upstream(upstream: trio.abc.Stream, leg: Leg, outbound: Pipe) -> None:
    await _say(upstream, leg, outbound)
    if outbound.state is State.FAILED:
        await finish_sending(upstream)
    elif outbound.state is State.CLOSING:
        while await receive(upstream):  # RFC 6455 7.1.1: a client waits for the server
            pass
    await upstream.aclose()


def _code(leg: Leg) -> int | None:
    """What a peer was told, for the log: without the reason, in which a peer can quote a secret."""
    return None if leg.close is None else leg.close.code or 1005


async def _say(stream: trio.abc.Stream, leg: Leg, received: Pipe) -> None:
    """Send the Close that is still to be sent, and wait for the one that answers what was said."""
    if leg.close is None:
        return
    try:
        await stream.send_all(leg.frame)
    except trio.BrokenResourceError:
        return
    while received.state is State.OPEN:
        received.receive_data(await receive(stream))


def _stalled_at(pump: Carrier, now: float, timeouts: Timeouts) -> float:
    """When the pump's sink will have taken nothing for too long, as far as is known now."""
    since = pump.writing_since
    return (now if since is None else since) + timeouts.write


def _log_fault(log: structlog.typing.FilteringBoundLogger, error: BaseException) -> None:
    """Log where a fault of ours happened; not its words, which can hold bytes of a peer."""
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            _log_fault(log, each)
        return
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    log.error("fault", error=type(error).__name__, where=where)
