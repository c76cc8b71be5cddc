"""The client's side of an opening: from the accepted connection to a request and whose it is.

The order is that of the wire: what a proxy in front says of its client, TLS, the request's head.
All of it together has ``opening_timeout``.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Protocol

import structlog
import trio

from relay.link import complete_tls, peer_address, receive
from relay.openings import Openings
from relay.protocol import (
    Address,
    ClientHandshake,
    MalformedProxyHeaderError,
    ProxyHeaderReader,
    Refused,
    Request,
    client_address,
)
from relay.quotas import FloodError, Quotas
from relay.settings import Settings
from relay.socket_stream import SocketStream
from relay.stopwatch import Stopwatch
from relay.tls import ServerTls

__all__ = ["ClientOpening", "ClientOpeningHost"]


class ClientOpeningHost(Protocol):
    """What it needs of the server that runs the session."""

    quotas: Quotas
    openings: Openings


class ClientOpening:
    """What comes of an accepted connection.

    Args:
        client: The connection; whoever made the session closes it.
        tls: To be started on it, if it is a socket.
        host: The server.
        settings: What the opening goes by.
        handshake: Takes what the client sends.
        stopwatch: Gets the laps ``tls`` and ``head``.
        log: Says in each line which session it is about.
    """

    def __init__(
        self,
        client: trio.abc.Stream,
        tls: ServerTls | None,
        host: ClientOpeningHost,
        settings: Settings,
        handshake: ClientHandshake,
        stopwatch: Stopwatch,
        log: structlog.typing.FilteringBoundLogger,
    ) -> None:
        self._client = client
        self._tls = tls
        self._host = host
        self._settings = settings
        self._handshake = handshake
        self._stopwatch = stopwatch
        self._log = log
        self._within_limit = True
        self.address: Address | None = None
        """The client's, as far as it is known by now; None if it has none (a Unix socket)."""

    async def run(self, places: ExitStack) -> Request | None:
        """Receive the request.

        Args:
            places: Gets the client's place among the connections of its address.

        Returns:
            The request; None if the client is gone, or is to be left without an answer.

        Raises:
            Refused: The head is malformed, or too slow.
        """
        openings, seconds = self._host.openings, self._settings.timeouts.opening
        with trio.move_on_after(seconds) as scope, openings.place(scope) as place:
            try:
                await self._begin(places)
            except MalformedProxyHeaderError as error:
                self._log.info("no PROXY header", proxy=str(self.address or ""), why=str(error))
                return None
            except (FloodError, OSError):  # the latter: it is gone already
                return None
            while data := await receive(self._client):
                openings.begin(place)
                request = self._handshake.receive_data(data)
                if request is not None:
                    self._stopwatch.lap("head")
                    self._identify(request, places)
                    return request
            return None
        if place.lost or not self._handshake.started:
            return None  # it said nothing: nor do we
        raise self._handshake.timed_out()

    def check_limit(self) -> None:
        """Check that the client's address has not too many connections.

        Raises:
            Refused: 429 if it has.
        """
        if not self._within_limit:
            raise Refused(429, 2003, "too many connections from this address")

    async def _begin(self, places: ExitStack) -> None:
        """Do all that comes before HTTP.

        Raises:
            MalformedProxyHeaderError: A trusted proxy should have sent a PROXY header.
            FloodError: There are far too many connections from this address.
            OSError: The connection is gone already.
        """
        settings = self._settings
        self.address = peer_address(self._client)
        if settings.proxy_protocol and self.address in settings.trusted_proxies:
            self.address = await self._read_proxy_header() or self.address
        self._count(places)
        if self._tls is not None and isinstance(self._client, SocketStream):
            self._client.start_tls(self._tls.context(), server_side=True)
            await complete_tls(self._client)
            self._stopwatch.lap("tls")

    async def _read_proxy_header(self) -> Address | None:
        reader = ProxyHeaderReader()
        while True:  # no byte too many: the next may be TLS, which reads the socket itself
            header = reader.receive_data(await receive(self._client, reader.wanted))
            if header is not None:
                return header.source

    def _identify(self, request: Request, places: ExitStack) -> None:
        """Find out for whom a trusted proxy sends this request."""
        trusted = self._settings.trusted_proxies
        address = client_address(self.address, request.fields, trusted)
        if address == self.address:
            return
        self.address = address
        try:
            self._count(places)
        except FloodError:
            self._within_limit = False

    def _count(self, places: ExitStack) -> None:
        """Count the connection for its address; a proxy's own would be that of all its clients."""
        if self.address is not None and self.address not in self._settings.trusted_proxies:
            connection = self._host.quotas.connection(self.address)
            self._within_limit = places.enter_context(connection)
