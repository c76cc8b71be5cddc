"""Asking an HTTP proxy for a tunnel to an upstream (RFC 9110 9.3.6), over h11."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass

import h11

from relay.protocol.answers import AnswerReader
from relay.protocol.endpoints import Origin
from relay.protocol.errors import Refused
from relay.protocol.limits import Limits
from relay.protocol.secret import Secret

__all__ = ["ConnectHandshake", "Proxy"]


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy through which a provider is reached."""

    host: str
    """A name or an address, an IPv6 address without brackets."""
    port: int
    credentials: Callable[[], Secret] | None = None
    """Gives ``user:password``; None if the proxy asks for nothing."""


class ConnectHandshake:
    """The client's side of a CONNECT exchange.

    Args:
        origin: Where the tunnel is to lead; its name is resolved by the proxy.
        credentials: ``user:password`` for the proxy, if it wants that (RFC 7617 2).
        limits: The bounds on the answer's head.
    """

    def __init__(self, origin: Origin, credentials: Secret | None, limits: Limits) -> None:
        self._origin = origin
        self._credentials = credentials
        self._connection = h11.Connection(h11.CLIENT)
        self._answer = AnswerReader(self._connection, limits, "proxy")

    def request_data(self) -> bytes:
        """The bytes of the request."""
        target = self._origin.address.encode()  # RFC 9112 3.2.3: always with the port
        fields = [(b"Host", target)]
        if self._credentials is not None:
            value = base64.b64encode(self._credentials.reveal())
            fields.append((b"Proxy-Authorization", b"Basic " + value))
        head = h11.Request(method="CONNECT", target=target, headers=fields)
        return self._connection.send(head) + self._connection.send(h11.EndOfMessage())

    def receive_data(self, data: bytes) -> bytes | None:
        """Take bytes of the proxy; return what followed its answer once the tunnel is there.

        Args:
            data: The bytes read; ``b""`` once they have ended.

        Returns:
            The first bytes of the upstream, mostly ``b""``; None while the answer is not whole.

        Raises:
            Refused: 502 if the proxy opens no tunnel, or upstream bytes come where TLS has to
                begin, with us.
            LocalProtocolError: The answer was received already.
        """
        response = self._answer.receive_data(data)
        return None if response is None else self._receive_answer(response)

    def _receive_answer(self, response: h11.Response | h11.InformationalResponse) -> bytes:
        # Any 2xx opens the tunnel; it has no body, whatever its field lines say (RFC 9110 9.3.6).
        if not 200 <= response.status_code < 300:
            raise Refused(
                502,
                2100,
                f"the proxy opened no tunnel: it answered with status {response.status_code}",
                proxy_error="destination_unavailable",
            )
        if self._answer.rest and self._origin.scheme == "wss":
            raise self._answer.bad_gateway("sent bytes before TLS had begun")
        return self._answer.rest
