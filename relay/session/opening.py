"""The first act of a session: from the client's first byte to its 101, or to its refusal.

One task owns the client's stream, dials, and answers; what comes before a request is
``client_opening.py``'s. While it dials, up to 64 KiB of early client bytes are kept, and the
client's end cancels the dial.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

import structlog
import trio

from relay.hooks import Granted, Hooks, as_granted, asked_for
from relay.link import close, detect_dead_peer, finish_sending
from relay.live_sessions import LiveOpening, LiveSessions
from relay.log import log_fault
from relay.prices import Prices
from relay.protocol import (
    Admission,
    Cause,
    ClientHandshake,
    HttpAnswer,
    Identity,
    Opening,
    Pipe,
    Refused,
    Request,
    Timeouts,
    UpstreamRequest,
    authenticate,
    authorise,
    examine,
    pipes,
    upstream_request,
)
from relay.records.recorder import Recorder
from relay.records.session_record import SessionRecord
from relay.resumption import Resumption
from relay.session.client_opening import ClientOpening, ClientOpeningHost
from relay.session.client_watch import ClientWatch
from relay.session.upstream_opening import Upstream, UpstreamOpening
from relay.settings import Settings
from relay.stopwatch import Stopwatch
from relay.tls import ServerTls

__all__ = ["Opened", "OpeningHost", "SessionOpening"]

_UNFINISHED = "unfinished"
"""The step in which an opening came to nothing."""


class OpeningHost(ClientOpeningHost, Protocol):
    """What an opening needs of the server that runs the session."""

    settings: Settings
    """Those of openings that begin now."""
    resumption: Resumption
    hooks: Hooks
    live: LiveSessions
    draining: Cause | None
    """Why no session may open any more; None while they may."""

    @property
    def measures(self) -> bool:
        """Whether somebody wants to know what sessions use."""

    def account(self, recorder: Recorder) -> None:
        """Take the record of a session that has ended."""

    def refused(
        self, refused: Refused, log: structlog.typing.FilteringBoundLogger, *, known: bool
    ) -> None:
        """Count and log a refusal.

        Args:
            refused: The refusal.
            log: Says which session it is about.
            known: Whether the client has authenticated.
        """


@dataclass(frozen=True, slots=True)
class Opened:
    """An open session, as the first act hands it to the second."""

    upstream: trio.abc.Stream
    inbound: Pipe
    outbound: Pipe
    client_early_data: bytes
    upstream_early_data: bytes
    timeouts: Timeouts
    """Those of the gateway."""
    prices: Prices
    recorder: Recorder
    log: structlog.typing.FilteringBoundLogger
    """Says in each line which session it is about."""


class SessionOpening:
    """A client's connection, from its first byte to its 101.

    It goes by the settings that are in force when it is made, to the end.

    Args:
        client: The client's connection; whoever made the session closes it.
        host: The server.
        tls: To be started on the connection first.
        session_id: The session's, by which an operator finds it.
        log: Says in each line which session it is about.
    """

    def __init__(
        self,
        client: trio.abc.Stream,
        host: OpeningHost,
        tls: ServerTls | None,
        session_id: str,
        log: structlog.typing.FilteringBoundLogger,
    ) -> None:
        self._client = client
        self._host = host
        self._session_id = session_id
        self._began_at = datetime.now(UTC)
        self._recorder: Recorder | None = None  # until the client has authenticated
        self._log = log
        self._settings = host.settings
        self._timeouts = self._settings.timeouts
        self._handshake = ClientHandshake(self._settings.limits)
        self._watch = ClientWatch(client)
        self._stopwatch = Stopwatch()
        self._client_opening = ClientOpening(
            client, tls, host, self._settings, self._handshake, self._stopwatch, log
        )

    async def run(self, places: ExitStack) -> Opened | None:
        """The first act, with its unhappy ends.

        Args:
            places: Gets what the connection takes of the limits; to be closed at its end.

        Returns:
            The open session; None if there is none, and the client knows all that it will.
        """
        try:
            return await self._open(places)
        except Refused as error:
            refused = error
        except Exception as error:  # noqa: BLE001 - the fence
            log_fault(self._log, error)
            refused = Refused.fault()
        except BaseException:  # cancelled, which only the end of a drain does
            self._account_for_cut()
            raise
        self._account_for(refused)
        await self._send_and_end(self._handshake.refuse(refused, self._session_id))
        return None

    def _account_for(self, refused: Refused) -> None:
        """Log a refusal, and hand its record over; it happens whatever becomes of that."""
        recorder = self._recorder
        self._stopwatch.lap(_UNFINISHED)
        try:
            self._host.refused(refused, self._log, known=recorder is not None)
            if recorder is not None:
                recorder.refused(refused, self._stopwatch.seconds)
                self._hand_over(recorder)
        except Exception as error:  # noqa: BLE001 - the fence
            log_fault(self._log, error)

    def _hand_over(self, recorder: Recorder) -> None:
        try:
            self._host.live.remove(recorder.record.id)
            self._host.account(recorder)
        except Exception as error:  # noqa: BLE001 - the fence
            log_fault(self._log, error)

    def _account_for_cut(self) -> None:
        """The same, where there is no time for a refusal."""
        recorder = self._recorder
        if recorder is not None:
            self._stopwatch.lap(_UNFINISHED)
            recorder.cut_off(self._stopwatch.seconds)
            self._log.info("cut off during the opening")
            self._hand_over(recorder)

    def _account_for_abandoned(self, recorder: Recorder) -> None:
        """The same, where the client has gone."""
        self._stopwatch.lap(_UNFINISHED)
        recorder.abandoned(self._stopwatch.seconds)
        self._hand_over(recorder)
        self._log.info("client left during the opening")

    async def _open(self, places: ExitStack) -> Opened | None:
        """Bring the session to its 101; None if the client went away or wanted no session.

        Raises:
            Refused: The client gets this instead of its 101.
        """
        request = await self._receive_request(places)
        if request is None or await self._answer_health(request):
            return None
        opening = examine(request, self._settings.providers)
        self._watch.early_data += self._handshake.early_data
        self._check_draining()
        with ExitStack() as taken:  # given back before a refusal, which can take its time
            opened = await self._open_session(opening, taken)
            places.enter_context(taken.pop_all())
        return opened

    async def _open_session(self, opening: Opening, places: ExitStack) -> Opened | None:
        """The same, of a request that is a well-formed opening handshake."""
        settings, quotas = self._settings, self._host.quotas
        places.enter_context(quotas.place())
        identity = _identity(opening, settings)
        provider = settings.providers.get(opening.target.provider)
        recorder = self._recorder = Recorder(
            self._session_id,
            self._began_at,
            identity,
            opening,
            "" if provider is None else provider.name,
            str(self._client_opening.address or ""),
        )
        self._host.live.add(LiveOpening(recorder, self._stopwatch, self._end))
        granted = await self._ask_program(opening, recorder.record)
        if granted is None:
            self._account_for_abandoned(recorder)
            return None
        opening, identity = as_granted(opening, identity, granted)
        admission = authorise(identity, opening.target, opening.credentials, settings.providers)
        self._timeouts = settings.timeouts_of(admission.gateway.name)
        self._log = self._log.bind(
            gateway=admission.gateway.name,
            provider=admission.route.provider.name,
            token=admission.token.name if admission.token else None,
        )
        self._client_opening.check_limit()
        places.enter_context(quotas.session(admission))
        asked = upstream_request(admission, opening.fields, opening.credentials)
        asked = asked.filtered(granted.policies, granted.provider_policies)
        recorder.authorised(admission, opening.target.query, asked.secrets)
        recorder.record.metadata = {**recorder.record.metadata, **granted.metadata}
        self._stopwatch.lap("authorise")
        upstream = await self._dial_while_watching(admission, asked)
        if upstream is None:
            self._account_for_abandoned(recorder)
            return None
        try:
            self._check_draining()
            if self._host.settings is not settings:  # what was revoked meanwhile opens nothing
                newest = self._host.settings
                authorise(
                    _identity(opening, newest),
                    opening.target,
                    opening.credentials,
                    newest.providers,
                )
            return await self._accept(admission, opening, upstream, recorder)
        except BaseException:
            await close(upstream.stream)
            raise

    async def _receive_request(self, places: ExitStack) -> Request | None:
        """The client's request, for log lines with its address."""
        try:
            return await self._client_opening.run(places)
        finally:
            self._log = self._log.bind(client=str(self._client_opening.address or ""))

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

    def _end(self, cause: Cause) -> bool:
        """An operator ends the opening; return whether it can be ended, still."""
        reason = "" if cause.to_client is None else cause.to_client.reason
        return self._watch.refuse(Refused(403, 2010, reason))

    def _check_draining(self) -> None:
        if self._host.draining is not None:
            raise Refused.draining()

    async def _ask_program(self, opening: Opening, record: SessionRecord) -> Granted | None:
        """Ask the program that runs the relay; None if the client goes away.

        Raises:
            Refused: It refuses, or takes too long.
        """
        hooks = self._host.hooks
        if hooks.authorise is None:
            return Granted()
        return await self._watch.during(partial(hooks.ask, asked_for(opening, record)))

    async def _dial_while_watching(
        self, admission: Admission, asked: UpstreamRequest
    ) -> Upstream | None:
        """Dial the provider; None if the client goes away."""
        settings, name = self._settings, admission.route.provider.name
        upstream_opening = UpstreamOpening(
            settings.trust[name],
            settings.proxies.get(name),
            admission.gateway.limits,
            self._timeouts,
            self._host.resumption,
            self._stopwatch,
            self._log,
        )
        return await self._watch.during(
            partial(upstream_opening.run, asked), lambda upstream: close(upstream.stream)
        )

    async def _accept(
        self,
        admission: Admission,
        opening: Opening,
        upstream: Upstream,
        recorder: Recorder,
    ) -> Opened:
        """Answer the client with its 101, and choose the lane."""
        compression = upstream.answer.compression
        sees_in = sees_out = None
        if self._host.measures or self._timeouts.linger:
            meter = recorder.measure(admission, opening.target.query, compression)
            sees_in, sees_out = meter.inbound, meter.outbound
        inbound, outbound = pipes(
            upstream.request,
            upstream.answer,
            admission.gateway.limits,
            sees_inbound=sees_in,
            sees_outbound=sees_out,
        )
        accepted = self._handshake.accept(opening, upstream.answer, self._session_id)
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
        for stream in (self._client, upstream.stream):
            detect_dead_peer(stream, self._timeouts.write)
        self._stopwatch.lap("answer")
        address, steps = upstream.origin.address, self._stopwatch.seconds
        lane = "messages" if upstream.request.messages_lane else "verbatim"
        recorder.opened(address, lane, steps, compressed=compression is not None)
        milliseconds = {f"{step}_ms": round(took * 1000, 3) for step, took in steps.items()}
        self._log.info("opened", upstream=address, lane=lane, **milliseconds)
        return Opened(
            upstream.stream,
            inbound,
            outbound,
            bytes(self._watch.early_data),
            upstream.early_data,
            self._timeouts,
            self._settings.prices,
            recorder,
            self._log,
        )

    async def _send_and_end(self, data: bytes) -> None:
        """Send the last thing that this client gets."""
        openings, seconds = self._host.openings, self._timeouts.close
        with trio.move_on_after(seconds) as scope, openings.place(scope) as place:
            openings.begin(place)
            try:
                await self._client.send_all(data)
            except trio.BrokenResourceError:
                return
            await finish_sending(self._client)


def _identity(opening: Opening, settings: Settings) -> Identity:
    """Who the client is, as those settings have it.

    Raises:
        Refused: They know no such client.
    """
    target, credentials = opening.target, opening.credentials
    return authenticate(target, opening.fields, credentials, settings.gateways, time.time())
