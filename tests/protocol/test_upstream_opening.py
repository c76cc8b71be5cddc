from __future__ import annotations

import pytest

from relay.protocol import (
    Limits,
    LocalProtocolError,
    Origin,
    PermessageDeflate,
    ProviderRefused,
    Refused,
    Secret,
    UpstreamHandshake,
    UpstreamRequest,
)
from relay.protocol.upstream_opening import accept_value
from relay.testing.handshakes import ACCEPT, KEY, NONCE, switch
from tests.protocol.handshakes import LIMITS, answer_to, dialled, refused

STORED = b"sk-stored/key"
SECRETS = (Secret(STORED),)


def test_the_accept_value_is_that_of_the_rfc() -> None:
    assert accept_value(KEY) == ACCEPT  # RFC 6455 1.3


def test_the_request_is_an_opening_handshake() -> None:
    request = UpstreamRequest(
        origin=Origin("wss", "::1", 8443),
        target=b"/v1/realtime?model=a%20b&x=<y>",
        fields=((b"user-agent", b"sdk/1"), (b"authorization", b"Bearer k")),
        subprotocols=("realtime", "x.y"),
        secrets=(),
    )
    assert UpstreamHandshake(request, NONCE, LIMITS).request_data() == (
        b"GET /v1/realtime?model=a%20b&x=<y> HTTP/1.1\r\n"
        b"Host: [::1]:8443\r\n"
        b"Upgrade: websocket\r\n"
        b"Connection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: " + KEY + b"\r\n"
        b"Sec-WebSocket-Protocol: realtime, x.y\r\n"
        b"user-agent: sdk/1\r\n"
        b"authorization: Bearer k\r\n"
        b"\r\n"
    )


def test_no_subprotocols_are_offered_when_there_are_none() -> None:
    request = UpstreamRequest(Origin("ws", "localhost", 80), b"/", (), (), ())
    sent = UpstreamHandshake(request, NONCE, LIMITS).request_data()
    assert b"sec-websocket-protocol" not in sent.lower()
    assert b"sec-websocket-extensions" not in sent.lower()


def test_compression_is_offered_in_the_order_of_the_offers() -> None:
    offers = (PermessageDeflate((("client_max_window_bits", None),)), PermessageDeflate())
    request = UpstreamRequest(Origin("ws", "localhost", 80), b"/", (), (), (), compression=offers)
    sent = UpstreamHandshake(request, NONCE, LIMITS).request_data()
    assert (
        b"\r\nSec-WebSocket-Extensions: "
        b"permessage-deflate; client_max_window_bits, permessage-deflate\r\n"
    ) in sent


# --- the 101 --------------------------------------------------------------------------------------


def test_a_valid_101_is_accepted() -> None:
    answer = answer_to(switch())
    assert (answer.subprotocol, answer.fields) == (None, ())


def test_a_101_may_come_byte_by_byte() -> None:
    handshake = dialled()
    data = switch("x-request-id: 1")
    for index in range(len(data) - 1):
        assert handshake.receive_data(data[index : index + 1]) is None
    answer = handshake.receive_data(data[-1:])
    assert answer is not None
    assert answer.fields == ((b"x-request-id", b"1"),)


def test_what_follows_the_101_is_kept() -> None:
    handshake = dialled()
    assert handshake.receive_data(switch() + b"\x81\x02hi") is not None
    assert handshake.early_data == b"\x81\x02hi"


@pytest.mark.parametrize("data", [b"\x81\x02hi", switch(), b""])
def test_a_handshake_that_has_its_101_takes_no_more(data: bytes) -> None:
    handshake = dialled()
    assert handshake.receive_data(switch() + b"early") is not None
    with pytest.raises(LocalProtocolError, match=r"^the answer was received already$"):
        handshake.receive_data(data)
    assert handshake.early_data == b"early"


def test_upgrade_and_connection_are_read_in_any_case() -> None:
    data = (
        b"HTTP/1.1 101 OK\r\nUPGRADE: WebSocket\r\nConnection: keep-alive\r\n"
        b"Connection: upgrade, caf\xe9\r\nSec-WebSocket-Accept: " + ACCEPT + b"\r\n\r\n"
    )
    assert answer_to(data).subprotocol is None


def test_the_chosen_subprotocol_is_one_of_those_offered() -> None:
    answer = answer_to(switch("Sec-WebSocket-Protocol: b"), "a", "b")
    assert answer.subprotocol == "b"


def test_a_101_is_shown_without_the_subprotocol() -> None:
    entry = "openai-insecure-api-key.K"
    answer = answer_to(switch(f"Sec-WebSocket-Protocol: {entry}"), entry)
    assert answer.subprotocol == entry
    assert entry not in repr(answer)


def test_field_lines_that_show_a_credential_do_not_pass_with_a_101() -> None:
    answer = answer_to(
        switch(
            f"x-request-id: {STORED.decode()}",
            "request-id: sk-stored%2Fkey",
            "dg-request-id: 1",
            "Retry-After: 1",
            "Set-Cookie: s=1",
            "Server: secret/1.0",
        ),
        secrets=SECRETS,
    )
    assert answer.fields == ((b"dg-request-id", b"1"),)


SWITCH_LINES = [
    b"HTTP/1.1 101 Switching Protocols",
    b"Upgrade: websocket",
    b"Connection: Upgrade",
    b"Sec-WebSocket-Accept: " + ACCEPT,
]


def changed(index: int, *lines: bytes) -> bytes:
    """A 101 with other lines in the place of one."""
    return b"\r\n".join([*SWITCH_LINES[:index], *lines, *SWITCH_LINES[index + 1 :], b"", b""])


@pytest.mark.parametrize(
    "data",
    [
        changed(0, b"HTTP/1.0 101 Switching Protocols"),
        changed(0, b"HTTP/1.1 200 OK"),
        changed(0, b"HTTP/1.1 204 No Content"),
        changed(0, b"HTTP/1.1 302 Found", b"Location: https://elsewhere.test"),
        changed(0, b"HTTP/1.1 399 No"),
        changed(0, b"HTTP/1.1 600 No"),
        changed(0, b"HTTP/1.1 999 No"),
        changed(0, b"HTTP/1.1 099 No"),
        changed(0, b"HTTP/1.1 1010 No"),
        changed(0, b"ICY 101 OK"),
        changed(0, b"GET / HTTP/1.1"),
        changed(1),
        changed(1, b"Upgrade: h2c"),
        changed(1, b"Upgrade: websocket, h2c"),
        changed(1, b"Upgrade: websocket", b"Upgrade: websocket"),
        changed(1, b"Upgrade: notwebsocket"),
        changed(2),
        changed(2, b"Connection: close"),
        changed(2, b"Connection: notUpgrade"),
        changed(3),
        changed(3, b"Sec-WebSocket-Accept: =" + ACCEPT[:-1]),
        changed(3, b"Sec-WebSocket-Accept: " + ACCEPT.swapcase()),
        changed(3, b"Sec-WebSocket-Accept: " + ACCEPT + b", " + ACCEPT),
        changed(3, SWITCH_LINES[3], SWITCH_LINES[3]),
        changed(3, b"Sec-WebSocket-Accept: caf\xe9"),
        switch("Sec-WebSocket-Extensions: permessage-deflate"),
        switch("Sec-WebSocket-Extensions:"),
        switch("Sec-WebSocket-Protocol: other"),
        switch("Sec-WebSocket-Protocol: A"),
        switch("Sec-WebSocket-Protocol: a, b"),
        switch("Sec-WebSocket-Protocol: a", "Sec-WebSocket-Protocol: a"),
        switch("Sec-WebSocket-Protocol:"),
        switch("Sec-WebSocket-Protocol: caf\xe9"),
        switch("folded: a", " b"),
        switch().replace(b"\r\n", b"\n"),
        b"\x16\x03\x01",
        b"\r\n\r\n" + switch(),
        switch("x-big: " + "b" * 9000),
        switch(*("x: 1" for _ in range(200))),
        b"A" * 20_000,
    ],
)
def test_what_is_no_valid_101_is_502(data: bytes) -> None:
    with refused(502, 2100) as caught:
        dialled("a", "b").receive_data(data)
    assert caught.value.proxy_error == "http_protocol_error"
    assert not isinstance(caught.value, ProviderRefused)
    assert caught.value.fields == ()
    assert caught.value.__context__ is None or caught.value.__suppress_context__


OFFER = PermessageDeflate((("client_max_window_bits", None),))


@pytest.mark.parametrize("line", ["", "; client_max_window_bits=10; server_no_context_takeover"])
def test_compression_that_was_offered_may_be_accepted(line: str) -> None:
    handshake = dialled(compression=(OFFER,))
    answer = handshake.receive_data(switch(f"Sec-WebSocket-Extensions: permessage-deflate{line}"))
    assert answer is not None
    assert str(answer.compression) == f"permessage-deflate{line}"


def test_compression_that_was_offered_need_not_be_accepted() -> None:
    answer = dialled(compression=(OFFER,)).receive_data(switch())
    assert answer is not None
    assert answer.compression is None


@pytest.mark.parametrize(
    "lines",
    [
        ["Sec-WebSocket-Extensions:"],
        ["Sec-WebSocket-Extensions: x-other"],
        ["Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"],
        ["Sec-WebSocket-Extensions: permessage-deflate; unknown-and-secret"],
        ["Sec-WebSocket-Extensions: permessage-deflate"] * 2,
    ],
)
def test_compression_that_was_not_offered_so_is_502(lines: list[str]) -> None:
    with refused(502, 2100) as caught:
        dialled(compression=(OFFER,)).receive_data(switch(*lines))
    assert caught.value.proxy_error == "http_protocol_error"
    assert caught.value.message.startswith("the provider accepted ")
    assert "unknown" not in caught.value.message
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("received", [b"", b"HTTP/1.1 101 Swi", b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_an_end_before_the_answer_is_502(received: bytes) -> None:
    handshake = dialled()
    if received:
        assert handshake.receive_data(received) is None
    with refused(502, 2100):
        handshake.receive_data(b"")


INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"


@pytest.mark.parametrize("count", [1, 8])
def test_interim_answers_are_passed_over(count: int) -> None:
    handshake = dialled()
    assert handshake.receive_data(INTERIM * count) is None
    assert handshake.receive_data(switch()) is not None
    assert answer_to(INTERIM * count + switch()).subprotocol is None


def test_endless_interim_answers_are_502() -> None:
    with refused(502, 2100):
        dialled().receive_data(INTERIM * 9)


def test_each_answer_has_the_limits_on_a_head_to_itself() -> None:
    limits = Limits(max_head_size=len(switch()))
    assert dialled(limits=limits).receive_data(INTERIM * 8 + switch()) is not None
    with refused(502, 2100):
        dialled(limits=limits).receive_data(switch("a: b"))


# --- the provider's refusals ----------------------------------------------------------------------


def refusal_in(
    *pieces: bytes, secrets: tuple[Secret, ...] = SECRETS, complete: bool = True
) -> ProviderRefused:
    """The refusal that comes with the last of the pieces, or with the end after them."""
    handshake = dialled(secrets=secrets)
    for piece in pieces[:-1] if complete else pieces:
        assert handshake.receive_data(piece) is None
    with pytest.raises(ProviderRefused) as caught:
        handshake.receive_data(pieces[-1] if complete else b"")
    return caught.value


def refusal_head(status: int, *lines: bytes) -> bytes:
    return b"\r\n".join([b"HTTP/1.1 %d No" % status, *lines, b"", b""])


@pytest.mark.parametrize("status", [400, 401, 403, 407, 426, 429, 499, 500, 503, 599])
def test_4xx_and_5xx_are_passed_on_with_status_and_body(status: int) -> None:
    refusal = refusal_in(refusal_head(status, b"Content-Length: 2") + b"no")
    assert (refusal.status, refusal.body, refusal.fields) == (status, b"no", ())


@pytest.mark.parametrize(
    "pieces",
    [
        [refusal_head(401, b"Content-Length: 0")],
        [refusal_head(401, b"Content-Length: 0", b"Connection: keep-alive")],
        [refusal_head(401, b"Transfer-Encoding: chunked"), b"0\r\n\r\n"],
    ],
)
def test_a_refusal_without_a_body_is_not_waited_upon(pieces: list[bytes]) -> None:
    assert refusal_in(*pieces).body == b""


def test_a_body_of_known_length_ends_where_it_says() -> None:
    refusal = refusal_in(refusal_head(401, b"Content-Length: 4"), b"a", b"bcd" + b"rest")
    assert refusal.body == b"abcd"


def test_a_chunked_body_is_passed_on_in_one() -> None:
    refusal = refusal_in(
        refusal_head(401, b"Transfer-Encoding: chunked") + b"3\r\nabc\r\n", b"1\r\nd\r\n0\r\n\r\n"
    )
    assert refusal.body == b"abcd"


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_a_body_of_unknown_length_ends_with_the_connection(version: bytes) -> None:
    head = b"HTTP/" + version + b" 503 Unavailable\r\n\r\n"
    assert refusal_in(head + b"ab", b"cd", complete=False).body == b"abcd"


@pytest.mark.parametrize(
    "pieces",
    [
        [refusal_head(401, b"Content-Length: 5"), b"abc"],
        [refusal_head(401, b"Transfer-Encoding: chunked"), b"3\r\nab"],
    ],
)
def test_a_body_that_ends_early_is_not_shown(pieces: list[bytes]) -> None:
    refusal = refusal_in(*pieces, complete=False)
    assert (refusal.status, refusal.body) == (401, None)
    assert "broken" in refusal.message


def test_a_body_that_breaks_its_coding_is_not_shown() -> None:
    refusal = refusal_in(refusal_head(401, b"Transfer-Encoding: chunked"), b"zz\r\n")
    assert (refusal.status, refusal.body) == (401, None)


def test_a_body_is_passed_on_up_to_64_kib() -> None:
    head = refusal_head(401)
    assert refusal_in(head, b"x" * 65536, complete=False).body == b"x" * 65536
    refusal = refusal_in(head, b"x" * 65536, b"x")
    assert (refusal.status, refusal.body) == (401, None)
    assert "too large" in refusal.message


def test_a_compressed_body_is_not_shown() -> None:
    refusal = refusal_in(refusal_head(401, b"Content-Encoding: gzip", b"Content-Length: 1") + b"x")
    assert (refusal.status, refusal.body) == (401, None)
    assert "compressed" in refusal.message


@pytest.mark.parametrize(
    "shown",
    [
        b"bad key sk-stored/key!",
        b"https://provider.test/?key=sk-stored%2Fkey",
        b"https://provider.test/?key=%73k-stored%2fkey",
        b'{"key": "sk-stored\\/key"}',
    ],
)
def test_a_body_that_shows_the_credential_is_not_shown(shown: bytes) -> None:
    length = b"Content-Length: %d" % len(shown)
    refusal = refusal_in(refusal_head(401, length, b"Content-Type: text/plain"), shown)
    assert (refusal.status, refusal.body, refusal.fields) == (401, None, ())
    assert "sk-stored" not in str(refusal)


def test_a_credential_is_found_across_the_pieces_of_a_body() -> None:
    refusal = refusal_in(refusal_head(401), b"bad key sk-sto", b"red/key", complete=False)
    assert refusal.body is None


def test_safe_field_lines_are_passed_on() -> None:
    refusal = refusal_in(
        refusal_head(
            429,
            b"Content-Type: application/json",
            b"Retry-After: 7",
            b"dg-error: caf\xe9",
            b"X-RateLimit-Remaining: 0",
            b"x-ratelimit-limit: sk-stored/key",
            b"x-ratelimit-sk-lower: 1",
            b"WWW-Authenticate: Bearer",
            b"Location: https://elsewhere.test",
            b"Set-Cookie: s=1",
            b"Server: secret/1.0",
            b"Content-Length: 2",
        )
        + b"{}",
        secrets=(*SECRETS, Secret(b"sk-lower")),
    )
    assert refusal.fields == (
        ("content-type", "application/json"),
        ("retry-after", "7"),
        ("dg-error", "caf\xe9"),
        ("x-ratelimit-remaining", "0"),
        ("www-authenticate", "Bearer"),
    )


def test_a_refusal_may_follow_interim_answers() -> None:
    assert refusal_in(INTERIM + refusal_head(403, b"Content-Length: 0")).status == 403


# --- deadlines ------------------------------------------------------------------------------------


@pytest.mark.parametrize("received", [b"", b"HTTP/1.1 101 Swi", INTERIM])
def test_no_answer_in_time_is_504(received: bytes) -> None:
    handshake = dialled()
    if received:
        handshake.receive_data(received)
    error = handshake.timed_out()
    assert (error.status, error.code) == (504, 2101)
    assert error.proxy_error == "http_response_timeout"


def test_a_refusal_whose_body_is_late_is_still_the_providers() -> None:
    assert not dialled().refused
    handshake = dialled()
    head = refusal_head(403, b"Content-Length: 9", b"Content-Encoding: gzip", b"Retry-After: 7")
    handshake.receive_data(head + b"abc")
    assert handshake.refused
    error: Refused = handshake.timed_out()
    assert isinstance(error, ProviderRefused)
    assert (error.status, error.body) == (403, None)
    assert "in time" in error.message
    assert error.fields == (("retry-after", "7"),)
