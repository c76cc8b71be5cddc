"""Dialling a provider: DNS, happy eyeballs, verified TLS."""

from __future__ import annotations

import errno
import ssl

import trio

from relay.protocol import Origin, Refused
from relay.resumption import Resumption
from relay.socket_stream import SocketStream
from relay.stopwatch import Stopwatch

__all__ = ["dial"]


async def dial(
    origin: Origin,
    tls: ssl.SSLContext,
    timeout: float,  # noqa: ASYNC109 - one deadline for three steps
    resumption: Resumption,
    stopwatch: Stopwatch,
) -> trio.abc.Stream:
    """Connect to an origin.

    Args:
        origin: Where to.
        tls: Verifies the provider, where the origin's scheme is ``wss``.
        timeout: Seconds for resolving, connecting and TLS together.
        resumption: May have a TLS session with that origin.
        stopwatch: Gets the laps ``connect``, with the resolving in it, and ``upstream_tls``.

    Returns:
        A stream, its TLS handshake done.

    Raises:
        Refused: 502 if the provider cannot be reached or verified, 504 at the deadline.
    """
    with trio.move_on_after(timeout):
        return await _connect(origin, tls, resumption, stopwatch)
    raise Refused(
        504,
        2101,
        "the provider could not be reached in time",
        proxy_error="connection_timeout",
    )


async def _connect(
    origin: Origin, tls: ssl.SSLContext, resumption: Resumption, stopwatch: Stopwatch
) -> trio.abc.Stream:
    try:
        transport = await trio.open_tcp_stream(origin.host, origin.port)
    except trio.socket.gaierror:
        raise Refused(
            502, 2100, "the provider's name does not resolve", proxy_error="dns_error"
        ) from None
    except OSError as error:
        if _lacks_descriptors(error):
            raise Refused(
                503,
                2102,
                "the relay has no descriptors left",
                fields=(("Retry-After", "5"),),
                proxy_error="connection_limit_reached",
            ) from None
        raise Refused(
            502, 2100, "the provider cannot be reached", proxy_error="connection_refused"
        ) from None
    stream = SocketStream.take(transport)
    stopwatch.lap("connect")
    if origin.scheme == "ws":
        return stream
    try:
        session = resumption.session(tls, origin)
        stream.start_tls(tls, server_hostname=origin.host, session=session)
        await stream.do_handshake()
        stopwatch.lap("upstream_tls")
    except (trio.BrokenResourceError, OSError) as error:
        stream.close()
        if isinstance(error.__cause__, ssl.SSLCertVerificationError):
            why, kind = "the provider's certificate is not valid", "tls_certificate_error"
        else:
            why, kind = "TLS with the provider failed", "tls_protocol_error"
        raise Refused(502, 2100, why, proxy_error=kind) from None
    except BaseException:
        stream.close()
        raise
    return stream


def _lacks_descriptors(error: OSError) -> bool:
    """Whether connecting failed for want of a descriptor; Trio gives all attempts as the cause."""
    attempts = error.__cause__
    return isinstance(attempts, ExceptionGroup) and any(
        isinstance(each, OSError) and each.errno in {errno.EMFILE, errno.ENFILE}
        for each in attempts.exceptions
    )
