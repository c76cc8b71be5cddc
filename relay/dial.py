"""Dialling an upstream: DNS, happy eyeballs, the tunnel through a proxy, verified TLS."""

from __future__ import annotations

import ssl
from contextlib import suppress

import trio

from relay.link import receive
from relay.protocol import ConnectHandshake, Limits, Origin, Proxy, unreachable
from relay.resumption import Resumption
from relay.socket_stream import SocketStream
from relay.stopwatch import Stopwatch

__all__ = ["dial"]


async def dial(
    origin: Origin,
    tls: ssl.SSLContext,
    proxy: Proxy | None,
    timeout: float,  # noqa: ASYNC109 - one deadline for all steps
    resumption: Resumption,
    stopwatch: Stopwatch,
) -> tuple[trio.abc.Stream, bytes]:
    """Connect to an origin.

    Args:
        origin: Where to.
        tls: Verifies the provider, where the origin's scheme is ``wss``.
        proxy: Opens a tunnel to it, and resolves its name; None to connect directly. The
            environment names none: variables such as ``HTTPS_PROXY`` are not read.
        timeout: Seconds for resolving, connecting, the tunnel and TLS together.
        resumption: May have a TLS session with that origin.
        stopwatch: Gets the laps ``connect``, with the resolving in it, ``proxy`` and
            ``upstream_tls``.

    Returns:
        A stream, its TLS handshake done; and what the upstream sent through the tunnel already,
        which is nothing where there is TLS.

    Raises:
        Refused: 502 if the provider cannot be reached or verified, 504 at the deadline.
    """
    with trio.move_on_after(timeout):
        return await _connect(origin, tls, proxy, resumption, stopwatch)
    raise unreachable(TimeoutError())


async def _connect(
    origin: Origin,
    tls: ssl.SSLContext,
    proxy: Proxy | None,
    resumption: Resumption,
    stopwatch: Stopwatch,
) -> tuple[trio.abc.Stream, bytes]:
    if proxy is None:
        stream = await _open_tcp(origin.host, origin.port, "provider")
    else:
        stream = await _open_tcp(proxy.host, proxy.port, "proxy")
    stopwatch.lap("connect")
    early_data = b""
    try:
        if proxy is not None:
            early_data = await _open_tunnel(stream, origin, proxy)
            stopwatch.lap("proxy")
        if origin.scheme == "wss":
            await _start_tls(stream, origin, tls, resumption)
            stopwatch.lap("upstream_tls")
    except BaseException:
        stream.close()
        raise
    return stream, early_data


async def _open_tcp(host: str, port: int, whose: str) -> SocketStream:
    try:
        return SocketStream.take(await trio.open_tcp_stream(host, port))
    except OSError as error:
        raise unreachable(error, whose) from None


async def _open_tunnel(stream: SocketStream, origin: Origin, proxy: Proxy) -> bytes:
    """Have the proxy connect to an origin; return what came through the tunnel already."""
    credentials = proxy.credentials() if proxy.credentials is not None else None
    handshake = ConnectHandshake(origin, credentials, Limits())
    with suppress(trio.BrokenResourceError):  # it may have answered all the same
        await stream.send_all(handshake.request_data())
    while True:
        early_data = handshake.receive_data(await receive(stream))
        if early_data is not None:
            return early_data


async def _start_tls(
    stream: SocketStream, origin: Origin, tls: ssl.SSLContext, resumption: Resumption
) -> None:
    try:
        session = resumption.session(tls, origin)
        stream.start_tls(tls, server_hostname=origin.host, session=session)
        await stream.do_handshake()
    except (trio.BrokenResourceError, OSError) as error:
        raise unreachable(error.__cause__ or error) from None
