"""The client's opening handshake (RFC 6455 4.2), over h11; and the order of both.

The order of calls, for which the driver brings bytes and deadlines:

    client = ClientHandshake(limits)
    while (request := client.receive_data(read())) is None: ...
    opening = examine(request, providers)
    identity = authenticate(opening.target, ...)              # relay.protocol.gateways
    admission = authorise(identity, opening.target, ...)
    upstream = UpstreamHandshake(upstream_request(admission, ...), nonce, limits)
    write_upstream(upstream.request_data())
    while (answer := upstream.receive_data(read_upstream())) is None: ...
    write(client.accept(opening, answer, session_id))
    inbound, outbound = pipes(...)                            # relay.protocol.lanes

Every step raises :class:`~relay.protocol.errors.Refused` and nothing else for what a peer did;
``client.refuse`` turns it into bytes. What followed either head is in ``early_data``: it is the
beginning of what the pipes get. What the client sends after its request, and before its 101, is the
driver's to keep: a handshake takes no bytes once it has given what it reads.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import cast

import h11

from relay.protocol.credentials import Credentials, read_credentials
from relay.protocol.endpoints import Provider
from relay.protocol.errors import LocalProtocolError, Refused
from relay.protocol.fields import FieldLines, list_members, values
from relay.protocol.head import HeadReader, HeadTooLargeError, MalformedHeadError
from relay.protocol.limits import Limits
from relay.protocol.refusals import HttpAnswer, refusal
from relay.protocol.routing import Target, parse_target
from relay.protocol.subprotocols import answer, offered_entries
from relay.protocol.upstream_opening import UpstreamAnswer, accept_value

__all__ = ["ClientHandshake", "Opening", "Request", "examine"]

_KEY = re.compile(rb"[A-Za-z0-9+/]{22}==")  # RFC 6455 4.1: 16 bytes in base64
_HOST = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~-]+)(:[0-9]{1,5})?")  # RFC 9110 7.2
_ABSOLUTE = re.compile(rb"(?:https?|wss?)://([^/?#]*)(.*)", re.IGNORECASE)  # RFC 9112 3.2.2


@dataclass(frozen=True, slots=True)
class Request:
    """A well-formed HTTP/1 request without a body."""

    method: str
    target: bytes = field(repr=False)
    """In origin form."""
    version: str
    fields: FieldLines = field(repr=False)


@dataclass(frozen=True, slots=True)
class Opening:
    """A client's opening handshake, read and checked; nothing of it is authorised yet."""

    target: Target
    fields: FieldLines = field(repr=False)
    key: bytes = field(repr=False)
    subprotocols: tuple[str, ...] = field(repr=False)
    """The entries that the client offered."""
    credentials: Credentials


class ClientHandshake:
    """The server's side of the opening handshake, towards the client.

    Args:
        limits: The bounds on the request's head.
    """

    def __init__(self, limits: Limits) -> None:
        self._head = HeadReader(limits)
        self._connection = h11.Connection(h11.SERVER)
        self._method = ""
        self._is_answered = False

    @property
    def started(self) -> bool:
        """Whether the client has sent anything."""
        return not self._head.empty

    @property
    def early_data(self) -> bytes:
        """What the client sent after its request's head."""
        return self._head.rest

    def receive_data(self, data: bytes) -> Request | None:
        """Take bytes of the client; return its request once the head is whole.

        Raises:
            Refused: 431 for a head over its limits, 400 for anything that is not a well-formed
                request without a body.
            LocalProtocolError: The head was whole already. What comes after it follows
                :attr:`early_data`, and is the caller's to keep.
        """
        if self._method:
            raise LocalProtocolError("the request was received already")
        try:
            head = self._head.receive_data(data)
        except HeadTooLargeError as error:
            raise Refused(431, 2000, str(error)) from None
        except MalformedHeadError as error:
            raise Refused(400, 2000, f"malformed request: {error}") from None
        if head is None:
            return None
        self._connection.receive_data(head)
        try:
            event = cast("h11.Request", self._connection.next_event())
        except h11.RemoteProtocolError:
            # Not the engine's words, which can quote the peer's bytes.
            raise Refused(400, 2000, "malformed request") from None
        self._method = event.method.decode("ascii")
        fields = tuple(event.headers)
        # RFC 9112 6.3; a body could be taken for frames, or for a second request.
        if values(fields, b"transfer-encoding") or set(values(fields, b"content-length")) - {b"0"}:
            raise Refused(400, 2000, "the request has a body")
        return Request(
            method=self._method,
            target=_origin_form(event.target, fields),
            version=event.http_version.decode("ascii"),
            fields=fields,
        )

    def timed_out(self) -> Refused:
        """What to refuse the client with when the deadline for its request has passed.

        A client that has not :attr:`started` is better left without an answer: it may be somebody's
        spare connection.
        """
        return Refused(408, 2000, "the request did not come in time")

    def accept(self, opening: Opening, upstream: UpstreamAnswer, session_id: str) -> bytes:
        """The 101 that answers the client, once the provider's has come.

        Raises:
            LocalProtocolError: The client was answered already.
        """
        chosen = answer(
            opening.subprotocols,
            opening.credentials.secret_subprotocols,
            upstream.subprotocol,
        )
        fields = [
            (b"Upgrade", b"websocket"),
            (b"Connection", b"Upgrade"),
            (b"Sec-WebSocket-Accept", accept_value(opening.key)),
            (b"cf-aig-log-id", session_id.encode()),
            *upstream.fields,
        ]
        if chosen is not None:
            fields.append((b"Sec-WebSocket-Protocol", chosen.encode()))
        if upstream.compression is not None:
            fields.append((b"Sec-WebSocket-Extensions", str(upstream.compression).encode()))
        head = h11.InformationalResponse(
            status_code=101, headers=fields, reason=HTTPStatus(101).phrase
        )
        return self._send(head)

    def refuse(self, refused: Refused, session_id: str) -> bytes:
        """The answer to a client that is refused; the connection ends after it.

        Raises:
            LocalProtocolError: The client was answered already. After its 101 it is told by a
                Close (:func:`~relay.protocol.closing.ending`).
        """
        return self.answer(refusal(refused, session_id))

    def answer(self, response: HttpAnswer) -> bytes:
        """A final answer to the client; the connection ends after it.

        Raises:
            LocalProtocolError: The client was answered already.
        """
        try:
            phrase = HTTPStatus(response.status).phrase
        except ValueError:
            phrase = ""  # a provider's own invention
        fields = [
            *((name.encode(), value.encode("latin-1")) for name, value in response.fields),
            (b"Content-Length", str(len(response.body)).encode()),
            (b"Connection", b"close"),
        ]
        head = h11.Response(status_code=response.status, headers=fields, reason=phrase)
        body = b"" if self._method == "HEAD" else response.body  # RFC 9110 9.3.2
        return self._send(head, h11.Data(data=body), h11.EndOfMessage())

    def _send(self, *events: h11.Event) -> bytes:
        """The bytes of the one answer that there is."""
        if self._is_answered:
            raise LocalProtocolError("the client was answered already")
        self._is_answered = True
        return b"".join(self._connection.send(event) or b"" for event in events)


def _origin_form(target: bytes, fields: FieldLines) -> bytes:
    """The target in origin form; the authority of an absolute one must be the ``Host``.

    Raises:
        Refused: 400 for a Host that is none, another authority, or a target of another form.
    """
    host = values(fields, b"host")  # h11 has seen to it that HTTP/1.1 has exactly one
    if host and not _HOST.fullmatch(host[0]):
        raise Refused(400, 2000, "malformed Host")
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is not None:
        if not host or absolute[1].lower() != host[0].lower():
            raise Refused(400, 2000, "the target names another authority than Host")
        target = absolute[2]
    if not target.startswith(b"/") or b"#" in target:
        raise Refused(400, 2000, "malformed target")
    return target


def examine(request: Request, providers: Mapping[str, Provider]) -> Opening:
    """Read an opening handshake out of a request.

    Args:
        request: The client's.
        providers: By name and alias; they tell where credentials can stand.

    Raises:
        Refused: 404 for another path than a gateway's, 400 for what is malformed or contradicts
            itself, 405 for another method than GET, 426 for what is no upgrade to WebSocket 13.
    """
    fields = request.fields
    if request.version != "1.1":  # RFC 6455 4.1
        raise Refused(400, 2000, "HTTP/1.1 is needed")
    if len(values(fields, b"origin")) > 1:  # RFC 6454 7.3
        raise Refused(400, 2000, "more than one Origin")
    offered = offered_entries(fields)
    target = parse_target(request.target)
    provider = providers.get(target.provider)
    credentials = read_credentials(fields, target.query, offered, provider)
    if request.method != "GET":
        raise Refused(405, 2000, "only GET opens a session", fields=(("Allow", "GET"),))
    upgrades = {member.lower() for member in list_members(fields, b"upgrade")}
    connection = {member.lower() for member in list_members(fields, b"connection")}
    if b"websocket" not in upgrades or b"upgrade" not in connection:
        raise _upgrade_required("this is a WebSocket endpoint")
    versions = values(fields, b"sec-websocket-version")
    if versions != [b"13"]:
        raise _upgrade_required("only version 13 of WebSocket is spoken")
    keys = values(fields, b"sec-websocket-key")
    if len(keys) != 1 or not _KEY.fullmatch(keys[0]):
        raise Refused(400, 2000, "Sec-WebSocket-Key is not 16 bytes in base64")
    return Opening(target, fields, keys[0], offered, credentials)


def _upgrade_required(message: str) -> Refused:
    # RFC 9110 15.5.22, RFC 6455 4.4
    fields = (("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"))
    return Refused(426, 2000, message, fields=fields)
