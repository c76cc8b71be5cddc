"""What the client is told of each way in which connecting or TLS fails."""

from __future__ import annotations

import errno
import os
import socket
import ssl

import pytest

from relay.protocol import unreachable


def attempts(*numbers: int) -> OSError:
    """What Trio raises when connecting to each address has failed like that."""
    error = OSError("all attempts to connect to secret.test failed")
    error.__cause__ = ExceptionGroup("", [OSError(each, os.strerror(each)) for each in numbers])
    return error


@pytest.mark.parametrize(
    ("error", "status", "code", "kind"),
    [
        (attempts(errno.ECONNREFUSED), 502, 2100, "connection_refused"),
        (attempts(errno.ENETUNREACH, errno.ECONNREFUSED), 502, 2100, "connection_refused"),
        (attempts(errno.ETIMEDOUT, errno.ECONNREFUSED), 502, 2100, "connection_refused"),
        (attempts(errno.ETIMEDOUT), 504, 2101, "connection_timeout"),
        (attempts(errno.ENETUNREACH, errno.ETIMEDOUT), 504, 2101, "connection_timeout"),
        (attempts(errno.ENETUNREACH, errno.EHOSTUNREACH), 502, 2100, "destination_ip_unroutable"),
        (attempts(errno.EHOSTUNREACH, errno.EACCES), 502, 2100, "destination_unavailable"),
        (OSError("no results found for hostname lookup"), 502, 2100, "destination_unavailable"),
        (attempts(errno.ECONNREFUSED, errno.EMFILE), 503, 2102, "connection_limit_reached"),
        (OSError(errno.EMFILE, "in the lookup"), 503, 2102, "connection_limit_reached"),
        (socket.gaierror(socket.EAI_NONAME, "secret.test"), 502, 2100, "dns_error"),
        (TimeoutError(), 504, 2101, "connection_timeout"),
    ],
)
def test_no_connection(error: OSError, status: int, code: int, kind: str) -> None:
    refused = unreachable(error, "proxy")
    assert (refused.status, refused.code, refused.proxy_error) == (status, code, kind)
    assert "secret.test" not in refused.message
    assert ("the proxy" in refused.message) is (status != 503)


def not_verified(verify_code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed: of secret.test")
    error.verify_code = verify_code
    return error


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (not_verified(10), "tls_certificate_error", "has expired"),
        (not_verified(18), "tls_certificate_error", "is not of an authority"),
        (not_verified(62), "tls_certificate_error", "is not for the provider's name"),
        (not_verified(1), "tls_certificate_error", "the provider's certificate is not valid"),
        (ssl.SSLError(1, "[SSL] tlsv1 alert no application protocol"), "tls_alert_received", ""),
        (
            ssl.SSLError(1, "[SSL] secret.test"),
            "tls_protocol_error",
            "TLS with the provider failed",
        ),
        (ssl.SSLEOFError(8, "EOF occurred"), "connection_terminated", "ended the connection"),
        (ConnectionResetError(errno.ECONNRESET, ""), "connection_terminated", "ended the"),
        (OSError(errno.ENOTCONN, "secret.test"), "connection_terminated", "ended the"),
        (RuntimeError("not the system's"), "connection_terminated", "ended the"),
    ],
)
def test_no_tls(error: Exception, kind: str, words: str) -> None:
    refused = unreachable(error)
    assert (refused.status, refused.code, refused.proxy_error) == (502, 2100, kind)
    assert words in refused.message
    assert "secret.test" not in refused.message
