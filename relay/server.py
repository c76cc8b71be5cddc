"""The server: listeners, the sessions they bring, and the stop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import structlog
import trio

from relay.binding import bind, bound_at, unbind
from relay.descriptors import most_openings, most_sessions
from relay.drivers.reactor import Reactor
from relay.hooks import Hooks
from relay.last_hour import LastHour
from relay.link import close
from relay.live_sessions import Glance, LiveSessions
from relay.log import LogRate, log_fault
from relay.metrics import Metrics
from relay.openings import Openings
from relay.paced_listener import PacedListener
from relay.protocol import Cause, ProviderRefused, Refused, closing
from relay.quotas import Quotas
from relay.records.explanation import explain
from relay.records.ledger import Ledger
from relay.records.recent import Recent
from relay.records.recorder import Recorder
from relay.records.writer import RecordWriter
from relay.resumption import Resumption
from relay.session import Session
from relay.settings import AdminSettings, Listener, Settings
from relay.socket_stream import SocketStream
from relay.tail import ContentRefusedError, Tail, Tails
from relay.tls import ServerTls

if TYPE_CHECKING:  # they load slowly, and not every relay has them
    from relay.admin.listener import AdminListener
    from relay.records.store import Store

__all__ = ["Server", "serve"]

_STRANGERS_PER_SECOND = 10  # refusals that are logged of clients that are not known
_log = structlog.get_logger()


class Server:
    """A running relay.

    Args:
        settings: What it runs by.
        reactor: Drives sessions between sockets; None for one of its own.
        hooks: What to ask the program that runs it, and what to tell it.

    Raises:
        StoreError: The driver of the records' database is not installed.
    """

    def __init__(
        self, settings: Settings, reactor: Reactor | None = None, *, hooks: Hooks | None = None
    ) -> None:
        self.settings = settings
        """What openings go by that begin now; changed by :meth:`reload`."""
        self.hooks = hooks or Hooks()
        self.quotas = Quotas(
            most_sessions(settings.max_sessions), settings.max_sessions_per_address
        )
        self.openings = Openings(most_openings(settings.max_openings))
        self.resumption = Resumption()
        self.reactor = reactor
        """Drives sessions between sockets while the server runs; None where there is no epoll."""
        self.draining: Cause | None = None
        """Why no session may open any more; None while they may."""
        self.addresses: list[Listener] = []
        """What is listened on, with the ports that the system chose."""
        self.ledger = Ledger(settings.records)
        """Takes the records of sessions while the server runs."""
        self.metrics: Metrics | None = None
        """Counts for Prometheus where there is an admin listener, or if whoever made this server
        set it before it runs."""
        self.admin_addresses: list[Listener] = []
        """Where the operator connects, likewise."""
        self.live = LiveSessions()
        """The sessions that are open or being opened."""
        self.last_hour: LastHour | None = None
        """What happened in it, where there is an admin listener."""
        self.recent: Recent | None = None
        """The sessions that ended last, likewise."""
        self._strangers = LogRate("refusals", _STRANGERS_PER_SECOND)
        self._tails = Tails()
        self._drain = trio.Event()
        self._connections = 0
        self._idle = trio.Event()

    async def run(self, *, task_status: trio.TaskStatus[Server] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until told to drain and drained, or cancelled.

        ``task_status.started`` gives the server itself, once every listener is bound.

        Raises:
            OSError: A listener cannot be bound.
        """
        listeners: list[tuple[Listener, trio.SocketListener]] = []
        own = Reactor() if self.reactor is None and Reactor.is_available() else None
        admin: AdminListener | None = None
        try:
            for wanted in self.settings.listeners:
                for bound in await bind(wanted):
                    listeners.append((wanted, bound))
                    self.addresses.append(bound_at(wanted, bound))
            admin = await self._bind_admin()
            async with trio.open_nursery() as beside:
                beside.start_soon(self.ledger.run)
                if admin is not None:
                    beside.start_soon(admin.run)
                if self.last_hour is not None:
                    beside.start_soon(self.last_hour.run)
                await self._serve(listeners, own, task_status)
                beside.cancel_scope.cancel()  # no session is left that could end
        finally:
            if admin is not None:
                admin.close()
            if own is not None:
                own.close()  # not before the last session has left it
            for wanted, bound in listeners:
                unbind(wanted, bound)

    async def _bind_admin(self) -> AdminListener | None:
        """The operator's listener, if there is to be one.

        Raises:
            OSError: It cannot be bound.
        """
        settings = self.settings.admin
        if settings is None:
            return None
        from relay.admin.listener import AdminListener  # noqa: PLC0415 - FastAPI loads slowly

        if self.metrics is None:
            self.metrics = Metrics(self, self.settings.prices)
        self.last_hour, self.recent = LastHour(self.live), Recent()
        admin = AdminListener(self, settings)
        await admin.bind()
        self.admin_addresses = admin.addresses
        return admin

    async def _serve(
        self,
        listeners: list[tuple[Listener, trio.SocketListener]],
        own: Reactor | None,
        task_status: trio.TaskStatus[Server],
    ) -> None:
        """Serve until drained."""
        async with trio.open_nursery() as nursery:
            if own is not None:
                self.reactor = own
                nursery.start_soon(own.run)
            for wanted, bound in listeners:
                handler = partial(self._handle, wanted.scheme == "https")
                paced = PacedListener(bound, self.openings)
                nursery.start_soon(
                    partial(trio.serve_listeners, handler, [paced], handler_nursery=nursery)
                )
            task_status.started(self)
            await self._drain.wait()
            with trio.move_on_after(self.settings.timeouts.drain):
                await self._wait_until_idle()
            nursery.cancel_scope.cancel()

    def reload(self, settings: Settings) -> bool:
        """Run by other settings from now on.

        Openings that begin from now on go by them wholly. Those that have begun, and sessions that
        are open, go on by what they began with; but before an opening gets its 101, these settings
        have to allow it, too. The bounds of the whole server hold at once, and count what is open.

        Listeners stay as they are; a warning is logged if the settings have others. While the
        server drains, nothing changes.

        Args:
            settings: All of them. If they have no ``tls``, that of the listeners stays.

        Returns:
            Whether they are in force.
        """
        if self.draining is not None:
            return False
        running = self.settings.listeners
        if set(settings.listeners) != set(running):
            _log.warning(
                "listeners are changed by a restart alone",
                running=[str(each) for each in running],
                wanted=[str(each) for each in settings.listeners],
            )
        if settings.records != self.settings.records:
            _log.warning("where records go is changed by a restart alone")
        if self.metrics is not None:
            self.metrics.prices = settings.prices
        self.quotas.max_sessions = most_sessions(settings.max_sessions)
        self.quotas.max_sessions_per_address = settings.max_sessions_per_address
        self.openings.most = most_openings(settings.max_openings)
        self.settings = replace(
            settings,
            listeners=running,
            tls=settings.tls or self.settings.tls,
            admin=self._reloaded_admin(settings.admin),
        )
        gateways = settings.gateways.values()
        self.quotas.forget(
            {("", each.name) for each in gateways}
            | {(each.name, token.name) for each in gateways for token in each.tokens}
        )
        self.resumption.forget(set(settings.trust.values()))
        return True

    def _reloaded_admin(self, wanted: AdminSettings | None) -> AdminSettings | None:
        running = self.settings.admin
        if (running and running.listener) != (wanted and wanted.listener):
            _log.warning(
                "the admin listener is changed by a restart alone",
                running=str(running and running.listener),
                wanted=str(wanted and wanted.listener),
            )
        return None if running is None else running.reloaded(wanted)

    def drain(self, *, restart: bool = False) -> None:
        """Open no more sessions, end those that are open, and return from :meth:`run`.

        Listeners stay open and answer 503 until the last session has ended. Connections that have
        said nothing are closed, and those that come and say nothing are not waited for.

        Args:
            restart: Tell clients 1012 instead of 1001: that they may come back at once.
        """
        self.draining = closing.RESTARTING if restart else closing.DRAINING
        self.live.end_all(self.draining)
        self.openings.end_silent()
        self._drain.set()

    @property
    def measures(self) -> bool:
        """Whether somebody wants to know what sessions use: then it is metered."""
        told = self.hooks.ended is not None
        return told or self.metrics is not None or bool(self.ledger.writers)

    def account(self, recorder: Recorder) -> None:
        """Count a session that has ended, and keep its record unless the client minds."""
        if self.metrics is not None:
            self.metrics.ended(recorder.record)
        if self.last_hour is not None:
            self.last_hour.ended(recorder.record)
        if recorder.wanted:
            self.ledger.add(recorder.record)
            if self.recent is not None:
                self.recent.add(recorder.record)
        if self.hooks.ended is not None:
            try:
                self.hooks.ended(recorder.record)
            except Exception as error:  # noqa: BLE001 - the fence: it is not ours
                log_fault(_log.bind(doing="telling the program of a session"), error)
        self._tails.end(recorder.record.id, explain(recorder.record))

    def refused(
        self, refused: Refused, log: structlog.typing.FilteringBoundLogger, *, known: bool
    ) -> None:
        """Count and log a refusal.

        Args:
            refused: The refusal.
            log: Says which session it is about.
            known: Whether the client has authenticated; lines about others are limited in rate.
        """
        by_provider = isinstance(refused, ProviderRefused)
        by, code = ("provider", None) if by_provider else ("relay", refused.code)
        for counted in (self.metrics, self.last_hour):
            if counted is not None:
                counted.refused(by, refused.status, code)
        if known or self._strangers.may_log():
            log.info("refused", status=refused.status, code=refused.code, why=refused.message)

    @property
    def history(self) -> Store | None:
        """Where the records of sessions that have ended are."""
        return self.ledger.store

    def glances(self) -> Iterator[Glance]:
        """What each session that is open or being opened is doing."""
        return self.live.glances()

    def tail(self, session_id: str, *, content: bool) -> Tail | None:
        """Read which messages pass in a session; None if it is not open.

        Args:
            session_id: The session's.
            content: Whether to read what they say, too.

        Raises:
            TailRefusedError: Its gateway does not allow that now, or there are too many tails.
        """
        found = self.live.find(session_id)
        if found is None:
            return None
        _, record = found
        gateway = self.settings.gateways.get(record.gateway)
        if content and not (gateway and gateway.tail_content):
            raise ContentRefusedError(
                f"the gateway {record.gateway} does not say tail_content = true"
            )
        self._tails.check_room()
        tail = self.live.tail(session_id, content=content)
        if tail is not None:
            self._tails.add(tail)
        return tail

    def is_draining(self) -> bool:
        """Whether no session may open any more."""
        return self.draining is not None

    def writers(self) -> list[RecordWriter]:
        """What brings records to where they go."""
        return self.ledger.writers

    def add(self, session: Session) -> None:
        """Know a session that is open from now on."""
        self.live.add(session)
        if self.last_hour is not None:
            self.last_hour.opened()
        if self.draining is not None:
            session.end(self.draining)

    def remove(self, session: Session) -> None:
        """Forget it."""
        self.live.remove(session.id)
        self._tails.end(session.id, "it ended, and the log says why nobody knows how")

    async def handle(self, stream: trio.abc.Stream, tls: ServerTls | None = None) -> None:
        """Serve one client's connection; whoever accepted it has no more to do with it.

        Args:
            stream: The connection. Out of a :class:`trio.SocketStream` its socket is taken.
            tls: To be started on it first; then it is a connection on a socket.
        """
        if isinstance(stream, trio.SocketStream):
            stream = SocketStream.take(stream)
        self._connections += 1
        try:
            await Session(stream, self, tls).run()
        except* Exception as group:  # noqa: BLE001 - the last fence: it could not even begin or end
            log_fault(_log, group)
            with suppress(Exception):
                await close(stream)
        finally:
            self._connections -= 1
            self._idle.set()

    async def _handle(self, tls: bool, accepted: trio.SocketStream) -> None:
        await self.handle(accepted, self.settings.tls if tls else None)

    async def _wait_until_idle(self) -> None:
        while self._connections > self.openings.silent:
            self._idle = trio.Event()
            await self._idle.wait()


async def serve(
    settings: Settings,
    *,
    hooks: Hooks | None = None,
    task_status: trio.TaskStatus[Server] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run a relay.

    Args:
        settings: What it runs by; :func:`relay.load` reads them from ``relay.toml``.
        hooks: What to ask the program that runs it, and what to tell it.
        task_status: Gets the :class:`Server` once every listener is bound.

    Raises:
        OSError: A listener cannot be bound.
    """
    await Server(settings, hooks=hooks).run(task_status=task_status)
