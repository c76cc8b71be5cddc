from __future__ import annotations

import pytest

from relay.protocol import (
    ConnectHandshake,
    Limits,
    LocalProtocolError,
    Origin,
    Proxy,
    Secret,
)
from tests.protocol.handshakes import LIMITS, refused

ORIGIN = Origin("wss", "provider.test", 443)
PLAIN = Origin("ws", "provider.test", 80)
OPENED = b"HTTP/1.1 200 Connection established\r\n\r\n"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n"
CREDENTIALS = Secret(b"relay:open sesame")


def asked(
    origin: Origin = ORIGIN, credentials: Secret | None = None, limits: Limits = LIMITS
) -> ConnectHandshake:
    """A handshake whose request has just been sent."""
    handshake = ConnectHandshake(origin, credentials, limits)
    handshake.request_data()
    return handshake


@pytest.mark.parametrize(
    ("origin", "target"),
    [
        (ORIGIN, b"provider.test:443"),
        (PLAIN, b"provider.test:80"),
        (Origin("wss", "::1", 8443), b"[::1]:8443"),
    ],
)
def test_the_request_names_host_and_port(origin: Origin, target: bytes) -> None:
    assert ConnectHandshake(origin, None, LIMITS).request_data() == (
        b"CONNECT " + target + b" HTTP/1.1\r\nHost: " + target + b"\r\n\r\n"
    )


def test_credentials_are_those_of_basic() -> None:
    sent = ConnectHandshake(ORIGIN, CREDENTIALS, LIMITS).request_data()
    # RFC 7617 2: base64 of user-id, a colon, and the password.
    assert b"\r\nProxy-Authorization: Basic cmVsYXk6b3BlbiBzZXNhbWU=\r\n" in sent


def test_a_proxy_is_shown_without_its_credentials() -> None:
    assert "sesame" not in repr(Proxy("proxy.test", 3128, lambda: CREDENTIALS))


@pytest.mark.parametrize(
    "data",
    [
        OPENED,
        b"HTTP/1.0 200 OK\r\n\r\n",
        b"HTTP/1.1 201\r\nVia: 1.1 proxy\r\n\r\n",
        b"HTTP/1.1 299 Fine\r\n\r\n",
        # RFC 9110 9.3.6: such field lines mean nothing here.
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        INTERIM * 8 + OPENED,
    ],
)
@pytest.mark.parametrize("origin", [ORIGIN, PLAIN], ids=["wss", "ws"])
def test_any_2xx_opens_the_tunnel(data: bytes, origin: Origin) -> None:
    assert asked(origin).receive_data(data) == b""
    handshake = asked(origin)
    for index in range(len(data) - 1):
        assert handshake.receive_data(data[index : index + 1]) is None
    assert handshake.receive_data(data[-1:]) == b""


def test_what_follows_belongs_to_an_upstream_without_tls() -> None:
    assert asked(PLAIN).receive_data(OPENED + b"HTTP/1.1 400 ") == b"HTTP/1.1 400 "


def test_a_handshake_that_has_its_answer_takes_no_more() -> None:
    handshake = asked(PLAIN)
    assert handshake.receive_data(OPENED) == b""
    with pytest.raises(LocalProtocolError, match=r"^the answer was received already$"):
        handshake.receive_data(b"HTTP/1.1 400 ")


def test_nothing_may_follow_where_tls_has_to_begin() -> None:
    with refused(502, 2100) as caught:
        asked(ORIGIN).receive_data(OPENED + b"\x16")
    assert caught.value.proxy_error == "http_protocol_error"


@pytest.mark.parametrize("status", [300, 302, 400, 403, 407, 429, 500, 502, 503, 599, 999])
def test_any_other_answer_is_502_and_says_which(status: int) -> None:
    lines = b"Proxy-Authenticate: Basic\r\nLocation: https://elsewhere.test\r\n"
    data = b"HTTP/1.1 %d Words\r\n%sContent-Length: 4\r\n\r\nbody" % (status, lines)
    with refused(502, 2100) as caught:
        asked(ORIGIN, CREDENTIALS).receive_data(data)
    assert caught.value.message == (f"the proxy opened no tunnel: it answered with status {status}")
    assert caught.value.proxy_error == "destination_unavailable"
    assert caught.value.fields == ()


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
        b"HTTP/1.1 099 No\r\n\r\n",
        b"HTTP/1.1 1010 No\r\n\r\n",
        b"ICY 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\n\n",
        b"HTTP/1.1 200 OK\r\nfolded: a\r\n b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"\x05\x00",
        b"\x16\x03\x01",
        b"HTTP/1.1 200 OK\r\nx: " + b"a" * 9000,
        b"HTTP/1.1 200 OK\r\n" + b"x: 1\r\n" * 101,
        b"A" * 20_000,
        INTERIM * 9,
    ],
)
def test_what_is_no_valid_answer_is_502(data: bytes) -> None:
    with refused(502, 2100) as caught:
        asked().receive_data(data)
    assert caught.value.proxy_error == "http_protocol_error"
    assert caught.value.__context__ is None or caught.value.__suppress_context__


def test_each_answer_has_the_limits_on_a_head_to_itself() -> None:
    limits = Limits(max_head_size=len(OPENED))
    assert asked(limits=limits).receive_data(INTERIM * 8 + OPENED) == b""


@pytest.mark.parametrize("received", [b"", OPENED[:-1], INTERIM])
def test_an_end_before_the_answer_is_502(received: bytes) -> None:
    handshake = asked()
    if received:
        assert handshake.receive_data(received) is None
    with refused(502, 2100) as caught:
        handshake.receive_data(b"")
    assert caught.value.message == "the proxy closed the connection without an answer"
