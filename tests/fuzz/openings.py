"""What the targets of the opening share: the way through it, and its laws."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote_to_bytes

import h11
from websockets.exceptions import SecurityError
from websockets.server import ServerProtocol

from relay.protocol import (
    CATALOGUE,
    ClientHandshake,
    Gateway,
    Limits,
    Opening,
    ProviderRefused,
    Refused,
    UpstreamHandshake,
    UpstreamRequest,
    examine,
    refusal,
    upstream_request,
)
from relay.testing.handshakes import NONCE, parse_answer, switch
from tests.protocol.handshakes import (
    CONFIGURED,
    LIMITS,
    OTHER_TOKEN,
    TOKEN,
    a_gateway,
    admission_of,
)

__all__ = [
    "GATEWAYS",
    "HTTP_WORDS",
    "SMALL_HEADS",
    "STORED_KEY",
    "check_refusal",
    "check_shows_none",
    "open_session",
]

STORED_KEY = "sk-stored/key+1"
_STORED = {(provider.name, "default"): STORED_KEY for provider in CATALOGUE}
GATEWAYS: tuple[Gateway, ...] = (
    a_gateway(stored_keys=_STORED),
    a_gateway(authentication_required=False, compression=True),
    a_gateway(authentication_required=False, models=("m", "gpt-*"), stored_keys=_STORED),
    a_gateway(
        origins=frozenset({"https://app.test"}),
        client_credentials_allowed=False,
        messages_lane=True,
        stored_keys=_STORED,
    ),
)

SMALL_HEADS = Limits(max_head_size=600, max_field_lines=9, max_field_line_size=200)
"""Limits that the fuzzer's heads can pass."""

HTTP_WORDS = (
    b"\r\n",
    b"\r\n\r\n",
    b"HTTP/1.1",
    b"HTTP/1.0",
    b"Host: ",
    b"Connection: ",
    b"Upgrade",
    b"websocket",
    b"Content-Length: ",
    b"Transfer-Encoding: chunked",
    b"Sec-WebSocket-Protocol: ",
    b"Sec-WebSocket-Extensions: ",
    b"permessage-deflate",
    b"client_max_window_bits",
    b"server_max_window_bits=9",
)


class _Received(NamedTuple):
    """All that becomes of an opening handshake; equal however it was cut."""

    answer: bytes
    upstream: bytes
    early_data: bytes


def open_session(chunks: list[bytes], gateway: Gateway, limits: Limits = LIMITS) -> object:
    """Take a client's bytes to the provider and back, and check every law on the way.

    Args:
        chunks: What the client sends.
        gateway: Whom it asks.
        limits: The bounds on its head.

    Returns:
        What was seen, to be compared.
    """
    client = ClientHandshake(limits)
    try:
        for number, chunk in enumerate(chunks, start=1):
            request = client.receive_data(chunk)
            if request is not None:
                early_data = client.early_data + b"".join(chunks[number:])
                break
            assert sum(map(len, chunks[:number])) <= limits.max_head_size + 2
        else:
            return check_refusal(client, Refused(408, 2000, "too slow")), client.started
        opening = examine(request, CONFIGURED)
        admission = admission_of(opening, gateway, CONFIGURED)
        upstream = upstream_request(admission, opening.fields, opening.credentials)
    except Refused as refused:
        return check_refusal(client, refused)
    provider = UpstreamHandshake(upstream, NONCE, LIMITS)
    sent = provider.request_data()
    _check_upstream(sent, upstream)
    check_shows_none(sent, TOKEN, OTHER_TOKEN)
    answer = provider.receive_data(switch())
    assert answer is not None
    accepted = client.accept(opening, answer, "id")
    _check_accepted(accepted, opening)
    for shown in (repr(request), repr(opening), repr(admission), repr(upstream)):
        check_shows_none(shown.encode(), TOKEN, OTHER_TOKEN, STORED_KEY)
    return _Received(accepted, sent, early_data)


def check_refusal(client: ClientHandshake, refused: Refused) -> bytes:
    """A refusal is HTTP that another parser reads, says so by its status, and shows no secret."""
    assert 400 <= refused.status <= 599
    sent = client.refuse(refused, "id")
    body = refusal(refused, "id").body
    # No body of ours is empty: without one, the client has asked with HEAD.
    ours = not isinstance(refused, ProviderRefused)
    answer = parse_answer(sent, "HEAD" if ours and not sent.endswith(body) else "GET")
    assert answer.status == refused.status
    assert answer.values("Connection") == ["close"]
    check_shows_none(sent, TOKEN, OTHER_TOKEN, STORED_KEY)
    check_shows_none(f"{refused!r} {refused}".encode(), TOKEN, OTHER_TOKEN, STORED_KEY)
    return sent


def check_shows_none(text: bytes, *secrets: str) -> None:
    """None of these stands there, percent-encoded or not."""
    plain = unquote_to_bytes(text)
    for secret in secrets:
        assert secret.encode() not in text
        assert secret.encode() not in plain


def _check_upstream(sent: bytes, upstream: UpstreamRequest) -> None:
    """Two other parsers find one request in it, and that it opens a WebSocket."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=4 * LIMITS.max_head_size)
    connection.receive_data(sent)
    request = connection.next_event()
    assert isinstance(request, h11.Request)
    assert request.target == upstream.target
    assert isinstance(connection.next_event(), h11.EndOfMessage)
    assert connection.trailing_data == (b"", False)
    names = [name for name, _ in request.headers]
    for name in (b"host", b"connection", b"upgrade", b"sec-websocket-key"):
        assert names.count(name) == 1
    for name in (b"cookie", b"origin", b"forwarded"):
        assert name not in names
    server = ServerProtocol()
    server.receive_data(sent)
    if server.handshake_exc is not None:
        assert isinstance(server.handshake_exc, SecurityError)  # its limits are lower than ours
        return
    (event,) = server.events_received()
    assert server.accept(event).status_code == 101  # type: ignore[arg-type]


def _check_accepted(accepted: bytes, opening: Opening) -> None:
    """Another parser finds a 101 in it, which answers what was offered and shows no secret."""
    connection = h11.Connection(h11.CLIENT)
    fields = [("Host", "relay.test"), ("Upgrade", "websocket")]
    connection.send(h11.Request(method="GET", target="/", headers=fields))
    connection.receive_data(accepted)
    answer = connection.next_event()
    assert isinstance(answer, h11.InformationalResponse)
    assert answer.status_code == 101
    assert connection.trailing_data == (b"", False)
    chosen = [value.decode() for name, value in answer.headers if name == b"sec-websocket-protocol"]
    assert len(chosen) == bool(opening.subprotocols)
    assert set(chosen) <= set(opening.subprotocols)
    secrets = opening.credentials.secret_subprotocols
    if not set(opening.subprotocols) <= secrets:  # otherwise its sender gets one back
        assert secrets.isdisjoint(chosen)
        check_shows_none(accepted, TOKEN, OTHER_TOKEN)
    check_shows_none(accepted, STORED_KEY)
