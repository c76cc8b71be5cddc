"""A connection on a non-blocking socket, with OpenSSL on the socket itself where there is TLS.

Trio's own streams serve where there is no socket. This one exists for what an open session costs:
the reactor reads and writes its socket directly, and TLS over memory buffers, as Trio does it,
would copy every byte twice more.
"""

from __future__ import annotations

import os
import socket
import ssl
from contextlib import suppress

import trio

__all__ = ["SocketStream"]

_DEFAULT_SIZE = 64 * 1024


class SocketStream(trio.abc.HalfCloseableStream):
    """A connected socket as a Trio stream.

    Args:
        sock: Non-blocking; the stream owns it.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        """A plain socket, or an ``ssl.SSLSocket`` once TLS was started."""
        self._broken = False  # a write was cut short: what the peer has got is unknown

    @classmethod
    def take(cls, stream: trio.SocketStream) -> SocketStream:
        """Take the socket out of one of Trio's streams, which is of no use afterwards."""
        sock = socket.socket(fileno=stream.socket.detach())
        sock.setblocking(False)
        return cls(sock)

    @property
    def has_tls(self) -> bool:
        """Whether TLS was started."""
        return isinstance(self.socket, ssl.SSLSocket)

    def start_tls(
        self,
        context: ssl.SSLContext,
        *,
        server_side: bool = False,
        server_hostname: str | None = None,
        session: ssl.SSLSession | None = None,
    ) -> None:
        """Put TLS on the connection; the handshake comes with the first read or write.

        Args:
            context: What it is done by.
            server_side: Whether we are the server.
            server_hostname: Whom the certificate has to be of.
            session: Of an earlier connection, to be resumed.

        Raises:
            OSError: The connection is gone already.
        """
        self.socket.getpeername()  # raises if so; Python 3.11 would lose the socket while wrapping
        self.socket = context.wrap_socket(
            self.socket,
            server_side=server_side,
            server_hostname=server_hostname,
            do_handshake_on_connect=False,
            session=session,
        )

    async def do_handshake(self) -> None:
        """Complete the TLS handshake.

        Raises:
            trio.BrokenResourceError: It failed; its cause says why.
        """
        while isinstance(self.socket, ssl.SSLSocket):
            try:
                self.socket.do_handshake()
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError) as error:
                await self._wait(writable=isinstance(error, ssl.SSLWantWriteError))
            except OSError as error:
                raise trio.BrokenResourceError("the TLS handshake failed") from error
            else:
                return

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Read what is there; ``b""`` at the end.

        Raises:
            trio.BrokenResourceError: The connection was lost.
            trio.ClosedResourceError: It was closed here.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        waited = False
        while True:
            try:
                data = self.socket.recv(max_bytes or _DEFAULT_SIZE)
            except (BlockingIOError, ssl.SSLWantReadError):
                await self._wait(writable=False)
            except ssl.SSLWantWriteError:
                await self._wait(writable=True)
            except OSError as error:
                raise self._lost() from error
            else:
                if not waited:
                    await trio.lowlevel.cancel_shielded_checkpoint()
                return data
            waited = True

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Write wholly.

        Raises:
            trio.BrokenResourceError: The connection was lost, or an earlier write was cut short.
            trio.ClosedResourceError: It was closed here.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        if self._broken:
            raise trio.BrokenResourceError("an earlier write was cut short")
        self._broken = True
        left, waited = memoryview(data), False
        while left:
            try:
                left = left[self.socket.send(left) :]
                continue
            except (BlockingIOError, ssl.SSLWantWriteError):
                await self._wait(writable=True)  # then the same bytes again, as OpenSSL wants it
            except ssl.SSLWantReadError:
                await self._wait(writable=False)
            except OSError as error:
                raise self._lost() from error
            waited = True
        self._broken = False
        if not waited:
            await trio.lowlevel.cancel_shielded_checkpoint()

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until the socket takes something."""
        await self._wait(writable=True)

    async def send_eof(self) -> None:
        """Say that nothing more is coming: close_notify, where there is TLS, and FIN."""
        await trio.lowlevel.checkpoint()
        while not self._notify():
            await self._wait(writable=True)
        with suppress(OSError):
            socket.socket.shutdown(self.socket, socket.SHUT_WR)

    async def drain(self) -> None:
        """Read and discard until the peer has ended its side, whatever the bytes are to TLS."""
        while (descriptor := self.socket.fileno()) >= 0:
            try:
                if not os.read(descriptor, _DEFAULT_SIZE):
                    return
                await trio.lowlevel.checkpoint()  # the peer may never pause
            except BlockingIOError:
                await self._wait(writable=False)
            except OSError:
                return

    def close(self) -> None:
        """Close now, with a close_notify if the socket takes it at once."""
        if self.socket.fileno() >= 0:
            self._notify()
            trio.lowlevel.notify_closing(self.socket)
            self.socket.close()

    async def aclose(self) -> None:
        """:meth:`close`, as a Trio stream."""
        self.close()
        await trio.lowlevel.checkpoint()

    def mark_broken(self) -> None:
        """Say that something was written past this stream, and not wholly."""
        self._broken = True

    def _notify(self) -> bool:
        """Send close_notify, and don't wait for the peer's; return whether there is room for it.

        After a write that was cut short there is none to send.
        """
        if isinstance(self.socket, ssl.SSLSocket) and not self._broken:
            try:
                self.socket.unwrap()
            except ssl.SSLWantWriteError:
                return False
            except (OSError, ValueError):
                pass  # sent, and not answered; or the connection is gone
        return True

    async def _wait(self, *, writable: bool) -> None:
        if writable:
            await trio.lowlevel.wait_writable(self.socket)
        else:
            await trio.lowlevel.wait_readable(self.socket)

    def _lost(self) -> trio.BrokenResourceError | trio.ClosedResourceError:
        if self.socket.fileno() < 0:
            return trio.ClosedResourceError("the connection was closed here")
        return trio.BrokenResourceError("the connection was lost")
