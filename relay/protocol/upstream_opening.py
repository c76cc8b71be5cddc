"""The provider's opening handshake (RFC 6455 4.1), over h11: request out, answer in."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from typing import cast

import h11

from relay.protocol.answers import AnswerReader
from relay.protocol.compression import (
    NegotiationError,
    PermessageDeflate,
    accepted_compression,
)
from relay.protocol.credentials import contains_secret
from relay.protocol.errors import ProviderRefused, Refused
from relay.protocol.fields import answer_fields, list_members, values
from relay.protocol.gateways import UpstreamRequest
from relay.protocol.limits import Limits

__all__ = ["UpstreamAnswer", "UpstreamHandshake", "accept_value"]

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 1.3
_MAX_REFUSAL_BODY = 64 * 1024


def accept_value(key: bytes) -> bytes:
    """The Sec-WebSocket-Accept for a key (RFC 6455 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())


@dataclass(frozen=True, slots=True)
class UpstreamAnswer:
    """The provider's 101."""

    subprotocol: str | None = field(repr=False)
    """The entry it chose of those it was offered."""
    fields: tuple[tuple[bytes, bytes], ...] = field(repr=False)
    """Its field lines that may pass to the client."""
    compression: PermessageDeflate | None = None
    """What it accepted of the compression that it was offered; then messages may be compressed."""


class UpstreamHandshake:
    """The client's side of the opening handshake, towards the provider.

    Args:
        request: What to ask.
        nonce: Sixteen random bytes (RFC 6455 4.1).
        limits: The bounds on the answer's head.
    """

    def __init__(self, request: UpstreamRequest, nonce: bytes, limits: Limits) -> None:
        self._request = request
        self._key = base64.b64encode(nonce)
        self._connection = h11.Connection(h11.CLIENT)
        self._answer = AnswerReader(self._connection, limits, "provider")
        self._refusal: h11.Response | None = None  # its body is being read
        self._body = bytearray()

    @property
    def early_data(self) -> bytes:
        """What the provider sent after its 101."""
        return self._answer.rest

    @property
    def refused(self) -> bool:
        """Whether the provider refuses the upgrade; the body of its refusal is still to come."""
        return self._refusal is not None

    def request_data(self) -> bytes:
        """The bytes of the request."""
        request = self._request
        fields = [
            (b"Host", request.origin.authority.encode()),
            (b"Upgrade", b"websocket"),
            (b"Connection", b"Upgrade"),
            (b"Sec-WebSocket-Version", b"13"),
            (b"Sec-WebSocket-Key", self._key),
        ]
        if request.subprotocols:
            offer = ", ".join(request.subprotocols).encode()
            fields.append((b"Sec-WebSocket-Protocol", offer))
        if request.compression:
            offer = ", ".join(map(str, request.compression)).encode()
            fields.append((b"Sec-WebSocket-Extensions", offer))
        head = h11.Request(method="GET", target=request.target, headers=[*fields, *request.fields])
        return self._connection.send(head) + self._connection.send(h11.EndOfMessage())

    def receive_data(self, data: bytes) -> UpstreamAnswer | None:
        """Take bytes of the provider; return its 101 once it is there.

        Args:
            data: The bytes read; ``b""`` once they have ended.

        Raises:
            ProviderRefused: The provider answered with 4xx or 5xx.
            Refused: 502 for anything else that is not a valid 101.
            LocalProtocolError: The 101 was received already.
        """
        if self._refusal is not None:
            self._connection.receive_data(data)
            self._read_body()
            return None
        response = self._answer.receive_data(data)
        if response is None:
            return None
        if isinstance(response, h11.InformationalResponse):
            return self._receive_switch(response)
        self._receive_refusal(response)
        return None

    def timed_out(self) -> Refused:
        """What to refuse the client with when the deadline for the answer has passed."""
        if self._refusal is not None:
            return self._provider_refused(None, "; its body did not end in time")
        return Refused(
            504, 2101, "the provider did not answer in time", proxy_error="http_response_timeout"
        )

    def _receive_switch(self, response: h11.InformationalResponse) -> UpstreamAnswer:
        """Check a 101 wholly (RFC 6455 4.1)."""
        fields = tuple(response.headers)
        if response.http_version != b"1.1":
            raise self._answer.bad_gateway("answered 101 in another version of HTTP")
        if [each.lower() for each in list_members(fields, b"upgrade")] != [b"websocket"]:
            raise self._answer.bad_gateway("answered 101 without Upgrade: websocket")
        if b"upgrade" not in {each.lower() for each in list_members(fields, b"connection")}:
            raise self._answer.bad_gateway("answered 101 without Connection: Upgrade")
        accepts = values(fields, b"sec-websocket-accept")
        if len(accepts) != 1 or not hmac.compare_digest(accepts[0], accept_value(self._key)):
            raise self._answer.bad_gateway("answered 101 with a wrong Sec-WebSocket-Accept")
        try:
            compression = accepted_compression(fields, self._request.compression)
        except NegotiationError as error:
            raise self._answer.bad_gateway(f"accepted {error}") from None
        chosen = [each.decode("latin-1") for each in values(fields, b"sec-websocket-protocol")]
        if len(chosen) > 1 or not set(chosen) <= set(self._request.subprotocols):
            raise self._answer.bad_gateway("chose a subprotocol that was not offered")
        return UpstreamAnswer(
            subprotocol=chosen[0] if chosen else None,
            fields=tuple(
                (name, value)
                for name, value in answer_fields(fields, refusal=False)
                if not contains_secret(name + b": " + value, self._request.secrets)
            ),
            compression=compression,
        )

    def _receive_refusal(self, response: h11.Response) -> None:
        """Take the head of a final answer; what follows it is its body."""
        if not 400 <= response.status_code < 600:  # RFC 9110 15: there are no others
            raise self._answer.bad_gateway(f"answered with status {response.status_code}")
        self._refusal = response
        if self._answer.rest:  # h11 takes b"" for the end of the connection
            self._connection.receive_data(self._answer.rest)
        self._read_body()

    def _read_body(self) -> None:
        """Collect the body of a refusal; raise it once it is whole, or cannot be."""
        while True:
            try:
                event = self._connection.next_event()
            except h11.RemoteProtocolError:
                raise self._provider_refused(None, "; its body is broken") from None
            if isinstance(event, h11.Data):
                self._body += event.data
                if len(self._body) > _MAX_REFUSAL_BODY:
                    raise self._provider_refused(None, "; its body is too large to pass on")
            elif event is h11.NEED_DATA:
                return
            else:
                raise self._provider_refused(bytes(self._body), "")

    def _provider_refused(self, body: bytes | None, why: str) -> ProviderRefused:
        """The provider's refusal as the client may see it."""
        refused = cast("h11.Response", self._refusal)
        secrets = self._request.secrets
        received = tuple(refused.headers)
        if body is not None and values(received, b"content-encoding"):
            body, why = None, "; its body is compressed, though that was not asked for"
        if body is not None and contains_secret(body, secrets):
            body, why = None, "; its body is not shown, because it shows a credential"
        fields = tuple(
            (name.decode("ascii"), value.decode("latin-1"))
            for name, value in answer_fields(received, refusal=True)
            if not contains_secret(name + b": " + value, secrets)
            and (body is not None or name != b"content-type")
        )
        message = f"the provider refused the session with status {refused.status_code}{why}"
        return ProviderRefused(refused.status_code, message, fields=fields, body=body)
