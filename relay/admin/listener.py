"""The admin listener itself: Hypercorn's HTTP on Trio, with bounds and fences of our own.

Hypercorn's ``serve`` ends as a whole when one connection raises something, and waits without end
for a client that takes nothing, even when it is cancelled. So connections are accepted here, each
behind a fence of its own, and given to Hypercorn one by one.
"""

from __future__ import annotations

from typing import cast

import structlog
import trio
from hypercorn.config import Config
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import AppWrapper, ConnectionState, Framework
from hypercorn.utils import wrap_app

from relay.admin.app import application
from relay.admin.control import Control
from relay.admin.http1 import speak_http1
from relay.binding import bind, bound_at, unbind
from relay.link import detect_dead_peer
from relay.log import log_fault
from relay.settings import AdminSettings, Listener

__all__ = ["AdminListener"]

_MOST = 32  # connections
_HEAD_TIMEOUT = 10  # seconds; also between two requests
_WRITE_TIMEOUT = 10.0  # seconds in which a client takes some of what it is sent
_PIECE = 64 * 1024
_log = structlog.get_logger()


class AdminListener:
    """Serves the operator.

    Args:
        control: The relay.
        settings: Where to listen. What else is asked for is that of the relay's settings then.
    """

    def __init__(self, control: Control, settings: AdminSettings) -> None:
        self._control = control
        self._settings = settings
        self._bound: list[trio.SocketListener] = []
        self._open: set[_Connection] = set()
        self._config = Config()
        self._config.accesslog = self._config.errorlog = None
        self._config.include_server_header = False
        self._config.keep_alive_timeout = _HEAD_TIMEOUT
        self._config.ssl_handshake_timeout = _HEAD_TIMEOUT
        self._context = WorkerContext(None)

    @property
    def addresses(self) -> list[Listener]:
        """Where it listens, with the ports that the system chose."""
        return [bound_at(self._settings.listener, each) for each in self._bound]

    async def bind(self) -> None:
        """Take the address.

        Raises:
            OSError: It cannot be bound.
        """
        self._bound = await bind(self._settings.listener)

    async def run(self) -> None:
        """Serve until cancelled, or until something is wrong with the listener itself."""
        try:
            # It is the same type, which Hypercorn writes in another way.
            app = wrap_app(cast("Framework", application(self._control)), 0, "asgi")
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._close_at_the_end)
                for bound in self._bound:
                    nursery.start_soon(self._accept, bound, app, nursery)
        except* Exception as group:  # noqa: BLE001 - the fence: sessions go on
            log_fault(_log.bind(doing="listening for the operator"), group)
        finally:
            self.close()

    def close(self) -> None:
        """Give the address back."""
        while self._bound:
            unbind(self._settings.listener, self._bound.pop())

    async def _accept(
        self, bound: trio.SocketListener, app: AppWrapper, nursery: trio.Nursery
    ) -> None:
        async def handle(accepted: trio.SocketStream) -> None:
            await self._handle(accepted, app)

        await trio.serve_listeners(handle, [bound], handler_nursery=nursery)

    async def _handle(self, accepted: trio.SocketStream, app: AppWrapper) -> None:
        connection = _Connection(accepted)
        if len(self._open) >= _MOST:
            connection.socket.close()
            return
        self._open.add(connection)
        detect_dead_peer(accepted, _WRITE_TIMEOUT)  # who reads on may be sent nothing for long
        try:
            server = _Server(
                app,
                self._config,
                self._context,
                ConnectionState({}),
                self._with_tls(connection),  # type: ignore[arg-type]  # it takes any stream
            )
            await server.run()
        except* Exception as group:  # noqa: BLE001 - the fence of a connection
            log_fault(_log.bind(doing="serving the operator"), group)
        finally:
            self._open.discard(connection)
            connection.socket.close()

    def _with_tls(self, connection: _Connection) -> trio.abc.Stream:
        admin = self._control.settings.admin or self._settings  # another certificate, perhaps
        if self._settings.listener.scheme != "https" or admin.tls is None:
            return connection
        return trio.SSLStream(
            connection, admin.tls.context(), server_side=True, https_compatible=True
        )

    async def _close_at_the_end(self) -> None:
        """Free those that wait for a client: Hypercorn shields its writing from being cancelled."""
        try:
            await trio.sleep_forever()
        finally:
            for connection in tuple(self._open):
                connection.socket.close()


class _Server(TCPServer):
    """Hypercorn's side of a connection."""

    async def _read_data(self) -> None:
        speak_http1(self.protocol)
        await super()._read_data()
        # The client is gone. Hypercorn would hold its place for as long as it might be idle.
        await self.idle_task.stop()

    async def _close(self) -> None:
        # The end of a streamed answer tells Starlette that the client is gone, which cancels the
        # task that does this.
        with trio.move_on_after(_WRITE_TIMEOUT, shield=True):
            await super()._close()


class _Connection(trio.abc.HalfCloseableStream):
    """A connection whose client has to take what it is sent.

    Args:
        accepted: The connection.
    """

    def __init__(self, accepted: trio.SocketStream) -> None:
        self._stream = accepted
        self.socket = accepted.socket

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send it, piece by piece, each in its time."""
        for start in range(0, len(data), _PIECE):
            with trio.move_on_after(_WRITE_TIMEOUT) as writing:
                await self._stream.send_all(data[start : start + _PIECE])
            if writing.cancelled_caught:
                self.socket.close()
                raise trio.BrokenResourceError("the client takes nothing")

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until something can be sent."""
        await self._stream.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        """Say that nothing more will be sent."""
        await self._stream.send_eof()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Receive what has come."""
        return await self._stream.receive_some(max_bytes)

    async def aclose(self) -> None:
        """End it."""
        await self._stream.aclose()
