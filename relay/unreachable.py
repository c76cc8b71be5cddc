"""What it means that an upstream could not be connected to, or that TLS with it failed.

The client is told what happened and not by which address: the words are ours, and those of the
system and of OpenSSL, which can quote a peer, stay here. The error types are RFC 9209's.
"""

from __future__ import annotations

import errno
import ssl

from relay.protocol import Refused

__all__ = ["connecting_failed", "tls_failed"]

_NO_DESCRIPTORS = {errno.EMFILE, errno.ENFILE}
_NO_ROUTE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}

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


def connecting_failed(error: OSError, whose: str) -> Refused:
    """What to refuse the client with when no address could be connected to.

    Of several addresses the one counts whose failure says most: one that refused was there.

    Args:
        error: Of :func:`trio.open_tcp_stream`, which gives those of all attempts as its cause.
        whose: The host's: "provider" or "proxy".
    """
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
        return Refused.unreachable(f"the {whose} refused the connection", "connection_refused")
    if errno.ETIMEDOUT in numbers:  # the system's own deadline
        return Refused.connecting_timed_out(whose)
    if numbers and numbers <= _NO_ROUTE:
        return Refused.unreachable(f"there is no route to the {whose}", "destination_ip_unroutable")
    return Refused.unreachable(f"the {whose} cannot be reached", "destination_unavailable")


def tls_failed(error: BaseException) -> Refused:
    """What to refuse the client with when TLS with the provider failed.

    Args:
        error: What OpenSSL or the system raised.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        fault = _CERTIFICATE_FAULTS.get(error.verify_code, "is not valid")
        return Refused.unreachable(f"the provider's certificate {fault}", "tls_certificate_error")
    if isinstance(error, ssl.SSLEOFError) or not isinstance(error, ssl.SSLError):
        what = "the provider ended the connection during the TLS handshake"
        return Refused.unreachable(what, "connection_terminated")
    if " alert " in str(error):  # not every alert has a reason in ssl
        return Refused.unreachable("the provider refused TLS with an alert", "tls_alert_received")
    return Refused.unreachable("TLS with the provider failed", "tls_protocol_error")
