"""What it means that an upstream could not be connected to, or that TLS with it failed.

The client is told what happened and not by which address: the words are ours, and those of the
system and of OpenSSL, which can quote a peer, stay here. The error types are RFC 9209's. The
exceptions of ``socket`` and ``ssl`` are known by their names, because the core imports neither.
"""

from __future__ import annotations

import errno

from relay.protocol.errors import Refused

__all__ = ["unreachable"]

_NO_DESCRIPTORS = {errno.EMFILE, errno.ENFILE}
_NO_ROUTE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}

_BROKEN = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError)

_CERTIFICATE_FAULTS = {  # X509_V_ERR_*, which ssl has no names for
    9: "is not valid yet",
    10: "has expired",
    18: "is not of an authority that is trusted",  # self-signed
    19: "is not of an authority that is trusted",  # a self-signed one in the chain
    20: "is not of an authority that is trusted",
    21: "is not of an authority that is trusted",  # its issuer's was not sent
    62: "is not for the provider's name",
    64: "is not for the provider's address",
}


def unreachable(error: BaseException, whose: str = "provider") -> Refused:
    """What to refuse the client with when there is no connection.

    Args:
        error: What was raised when a name was resolved, an address connected to, or TLS begun;
            :class:`TimeoutError`, if the deadline for these has passed. Where several addresses
            were tried, an ``OSError`` with an ``ExceptionGroup`` as its cause has the errors of
            all: the one counts that says most, and one that refused was there.
        whose: The connection's: "provider", or "proxy" for one on the way to it.
    """
    names = {each.__name__ for each in type(error).__mro__}
    if "gaierror" in names:
        return _bad_gateway(f"the {whose}'s name does not resolve", "dns_error")
    if "SSLEOFError" in names or not isinstance(error, OSError) or _was_broken(error):
        what = f"the {whose} ended the connection during the TLS handshake"
        return _bad_gateway(what, "connection_terminated")
    if "SSLCertVerificationError" in names:
        fault = _CERTIFICATE_FAULTS.get(getattr(error, "verify_code", 0), "is not valid")
        return _bad_gateway(f"the {whose}'s certificate {fault}", "tls_certificate_error")
    if "SSLError" in names:
        if " alert " in str(error):  # not every alert has a reason in ssl
            return _bad_gateway(f"the {whose} refused TLS with an alert", "tls_alert_received")
        return _bad_gateway(f"TLS with the {whose} failed", "tls_protocol_error")
    return _not_connected(error, whose)


def _was_broken(error: OSError) -> bool:
    """Whether there was a connection, so that TLS had begun."""
    return isinstance(error, _BROKEN) or error.errno == errno.ENOTCONN


def _not_connected(error: OSError, whose: str) -> Refused:
    """No address could be connected to."""
    attempts = error.__cause__
    errors = attempts.exceptions if isinstance(attempts, ExceptionGroup) else (error,)
    numbers = {each.errno for each in errors if isinstance(each, OSError)}
    if numbers & _NO_DESCRIPTORS:
        return Refused(
            503,
            2102,
            "the relay has no descriptors left",
            fields=(("Retry-After", "5"),),
            proxy_error="connection_limit_reached",
        )
    if errno.ECONNREFUSED in numbers:
        return _bad_gateway(f"the {whose} refused the connection", "connection_refused")
    if errno.ETIMEDOUT in numbers or isinstance(error, TimeoutError):
        message = f"the {whose} could not be reached in time"
        return Refused(504, 2101, message, proxy_error="connection_timeout")
    if numbers and numbers <= _NO_ROUTE:
        return _bad_gateway(f"there is no route to the {whose}", "destination_ip_unroutable")
    return _bad_gateway(f"the {whose} cannot be reached", "destination_unavailable")


def _bad_gateway(message: str, proxy_error: str) -> Refused:
    return Refused(502, 2100, message, proxy_error=proxy_error)
