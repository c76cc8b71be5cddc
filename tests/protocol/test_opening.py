from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable

import pytest

from relay.protocol import (
    ClientHandshake,
    HttpAnswer,
    Limits,
    LocalProtocolError,
    Opening,
    PermessageDeflate,
    ProviderRefused,
    Refused,
    UpstreamAnswer,
    examine,
)
from relay.testing.handshakes import ACCEPT, KEY, UPGRADE_LINES, head, parse_answer, upgrade
from tests.protocol.handshakes import LIMITS, OTHER_TOKEN, PROVIDERS, TOKEN, read, refused

TARGET = "/v1/acct/main/openai?model=m"


def opening_of(data: bytes) -> Opening:
    return examine(read(data), PROVIDERS)


# --- the request's head ---------------------------------------------------------------------------


def test_a_request_is_read_when_its_head_is_whole() -> None:
    client = ClientHandshake(LIMITS)
    data = upgrade(TARGET, "User-Agent: test")
    assert client.receive_data(data[:10]) is None
    request = client.receive_data(data[10:])
    assert request is not None
    assert (request.method, request.target, request.version) == ("GET", TARGET.encode(), "1.1")
    assert request.fields[0] == (b"host", b"relay.test")
    assert request.fields[-1] == (b"user-agent", b"test")
    assert client.early_data == b""


@pytest.mark.parametrize(("data", "started"), [(b"", False), (b"G", True), (b"\r\n", True)])
def test_a_client_that_has_sent_something_has_started(data: bytes, started: bool) -> None:
    client = ClientHandshake(LIMITS)
    client.receive_data(data)
    assert client.started is started


def test_early_data_is_kept() -> None:
    client = ClientHandshake(LIMITS)
    assert client.receive_data(upgrade(TARGET) + b"\x81\x80\0\0\0\0") is not None
    assert client.early_data == b"\x81\x80\0\0\0\0"


@pytest.mark.parametrize("lines", [(), ("Content-Length: 5",)], ids=["request", "refused"])
def test_a_handshake_that_has_its_head_takes_no_more(lines: tuple[str, ...]) -> None:
    client = ClientHandshake(LIMITS)
    with contextlib.suppress(Refused):
        client.receive_data(upgrade(TARGET, *lines) + b"early")
    for data in (b"more", upgrade(TARGET), b""):
        with pytest.raises(LocalProtocolError, match=r"^the request was received already$"):
            client.receive_data(data)
    assert client.early_data == b"early"
    assert client.refuse(Refused.draining(), "id").startswith(b"HTTP/1.1 503 ")


@pytest.mark.parametrize(
    "limits", [Limits(max_head_size=64), Limits(max_field_lines=2), Limits(max_field_line_size=30)]
)
def test_a_head_past_a_limit_is_431(limits: Limits) -> None:
    with refused(431):
        read(upgrade(TARGET), limits)


@pytest.mark.parametrize(
    "data",
    [
        b"\x00",
        b"GET / HTTP/1.1\n\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/1.1x\r\nHost: a\r\n\r\n",
        b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nNo colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nName : value\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    ],
)
def test_what_is_no_request_is_400(data: bytes) -> None:
    with refused(400) as caught:
        read(data)
    assert "malformed request" in caught.value.message


def test_a_refusal_does_not_quote_the_request() -> None:
    with refused(400) as caught:
        read(head("/", f"{TOKEN}"))
    assert TOKEN not in repr(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    "lines",
    [
        ["Content-Length: 5"],
        ["Content-Length: 00"],
        ["Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked", "Content-Length: 0"],
        ["Transfer-Encoding: identity"],
        ["Content-Length: 0", "Content-Length: 1"],
        ["Content-Length: +0"],
        ["Content-Length: " + "9" * 5000],
    ],
)
def test_a_request_with_a_body_is_400(lines: list[str]) -> None:
    with refused(400):
        read(upgrade(TARGET, *lines))


def test_a_body_of_no_bytes_is_none() -> None:
    assert opening_of(upgrade(TARGET, "Content-Length: 0")).key == KEY


# --- the target -----------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["relay.test", "RELAY.test:8080", "127.0.0.1", "[::1]:8443"])
@pytest.mark.parametrize("scheme", ["http", "https", "ws", "WSS"])
def test_a_target_in_absolute_form_names_the_host(scheme: str, host: str) -> None:
    for authority in (host.lower(), host.upper()):
        data = head(f"{scheme}://{authority}{TARGET}", *UPGRADE_LINES, host=host)
        assert read(data).target == TARGET.encode()


@pytest.mark.parametrize(
    "target",
    [
        f"http://evil.example{TARGET}",
        f"http://relay.test:80{TARGET}",
        f"http://user@relay.test{TARGET}",
        f"http://relay.test@evil.example{TARGET}",
        f"http://relay.test\\@evil.example{TARGET}",
        "http://relay.test",
        "http://relay.test?model=m",
        "http://relay.test#/v1",
        f"ftp://relay.test{TARGET}",
        "*",
        "relay.test:443",
        "v1/acct/main/openai",
        f"{TARGET}#fragment",
        f"http://relay.test{TARGET}#fragment",
    ],
)
def test_a_target_of_another_form_or_authority_is_400(target: str) -> None:
    with refused(400):
        read(head(target, *UPGRADE_LINES))


def test_a_target_in_absolute_form_needs_a_host() -> None:
    with refused(400):
        read(b"GET http://relay.test/v1/a/b/openai HTTP/1.0\r\n\r\n")


@pytest.mark.parametrize(
    "host",
    ["", "a b", "caf\xe9.test", "a/b", "user@relay.test", "relay.test:", "[::1", "a,b", "a:b"],
)
def test_a_malformed_host_is_400(host: str) -> None:
    with refused(400):
        read(head(TARGET, *UPGRADE_LINES, host=host))


# --- the opening handshake ------------------------------------------------------------------------


def test_an_opening_has_what_the_handshake_says() -> None:
    opening = opening_of(
        upgrade(
            TARGET,
            f"cf-aig-authorization: {TOKEN}",
            "Sec-WebSocket-Protocol: realtime, relay",
            "Sec-WebSocket-Protocol: other",
        )
    )
    assert opening.key == KEY
    assert opening.subprotocols == ("realtime", "relay", "other")
    assert (opening.target.gateway, opening.target.provider) == ("acct/main", "openai")
    assert opening.target.query == b"model=m"
    assert opening.credentials.gateway_token is not None
    assert opening.credentials.gateway_token.reveal() == TOKEN.encode()


@pytest.mark.parametrize(
    "lines",
    [
        ["Connection: keep-alive, Upgrade", "Upgrade: websocket"],
        ["Connection: keep-alive", "Upgrade: WebSocket", "Connection: uPgRaDe"],
        ["Connection: Upgrade", "Connection: keep-alive", "Upgrade: h2c, websocket"],
        ["Connection: Upgrade, caf\xe9", "Upgrade: websocket"],
    ],
)
def test_upgrade_and_connection_are_lists_of_tokens_in_any_case(lines: list[str]) -> None:
    assert opening_of(head(TARGET, *lines, *UPGRADE_LINES[2:])).key == KEY


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["Connection: Upgrade"],
        ["Upgrade: websocket"],
        ["Connection: close", "Upgrade: websocket"],
        ["Connection: Upgrade", "Upgrade: notwebsocket"],
        ["Connection: Upgrade", "Upgrade: h2c"],
        ["Connection: notUpgrade", "Upgrade: websocket"],
    ],
)
def test_what_is_no_upgrade_is_426_and_told_what_is_spoken_here(lines: list[str]) -> None:
    with refused(426) as caught:
        opening_of(head(TARGET, *lines, *UPGRADE_LINES[2:]))
    assert caught.value.fields == (("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"))


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["Sec-WebSocket-Version: 8"],
        ["Sec-WebSocket-Version: 13, 8"],
        ["Sec-WebSocket-Version: 013"],
        ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 8"],
        ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 13"],
    ],
)
def test_another_version_is_426_and_told_the_right_one(lines: list[str]) -> None:
    with refused(426) as caught:
        opening_of(head(TARGET, *UPGRADE_LINES[:2], *lines, UPGRADE_LINES[3]))
    assert ("Sec-WebSocket-Version", "13") in caught.value.fields


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["Sec-WebSocket-Key:"],
        ["Sec-WebSocket-Key: c2hvcnQ="],
        ["Sec-WebSocket-Key: !!!!not-base64!!!!!!!!=="],
        ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ"],
        ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==="],
        ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Key: another"],
        [f"Sec-WebSocket-Key: {KEY.decode()}"] * 2,
    ],
)
def test_a_key_that_is_not_16_bytes_in_base64_is_400(lines: list[str]) -> None:
    with refused(400):
        opening_of(head(TARGET, *UPGRADE_LINES[:3], *lines))


@pytest.mark.parametrize("method", ["POST", "HEAD", "OPTIONS", "PUT", "TRACE", "get"])
def test_another_method_is_405_and_told_the_right_one(method: str) -> None:
    with refused(405) as caught:
        opening_of(head(TARGET, *UPGRADE_LINES, method=method))
    assert caught.value.fields == (("Allow", "GET"),)


@pytest.mark.parametrize("version", ["1.0", "1.2", "2.0", "0.9"])
def test_another_version_of_http_is_400(version: str) -> None:
    with refused(400):
        opening_of(head(TARGET, *UPGRADE_LINES, version=version))


@pytest.mark.parametrize(
    "origins",
    [
        ["https://a.example", "https://b.example"],
        ["https://a.example", "https://a.example"],
        ["null", "null"],
    ],
)
def test_two_origins_are_400(origins: list[str]) -> None:
    with refused(400):
        opening_of(upgrade(TARGET, *(f"Origin: {origin}" for origin in origins)))


def test_two_gateway_tokens_are_400() -> None:
    with refused(400):
        opening_of(
            upgrade(
                TARGET, f"cf-aig-authorization: {TOKEN}", f"Authorization: Bearer {OTHER_TOKEN}"
            )
        )


# --- the answers ----------------------------------------------------------------------------------


def handshake(data: bytes) -> tuple[ClientHandshake, Opening]:
    client = ClientHandshake(LIMITS)
    request = client.receive_data(data)
    assert request is not None
    return client, examine(request, PROVIDERS)


def test_a_101_accepts_the_key_and_passes_on_the_providers_ids() -> None:
    client, opening = handshake(upgrade(TARGET))
    upstream = UpstreamAnswer(None, ((b"x-request-id", b"caf\xe9"),))
    assert client.accept(opening, upstream, "0190-id") == (
        b"HTTP/1.1 101 Switching Protocols\r\n"
        b"Upgrade: websocket\r\n"
        b"Connection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + ACCEPT + b"\r\n"
        b"cf-aig-log-id: 0190-id\r\n"
        b"x-request-id: caf\xe9\r\n"
        b"\r\n"
    )


@pytest.mark.parametrize(
    ("offered", "chosen", "answered"),
    [
        ("realtime, openai-insecure-api-key.k", "realtime", b"realtime"),
        ("openai-insecure-api-key.k, realtime", "openai-insecure-api-key.k", b"realtime"),
        (f"cf-aig-authorization.{TOKEN}, relay", None, b"relay"),
    ],
)
def test_a_101_answers_one_offered_entry(offered: str, chosen: str, answered: bytes) -> None:
    client, opening = handshake(upgrade(TARGET, f"Sec-WebSocket-Protocol: {offered}"))
    sent = client.accept(opening, UpstreamAnswer(chosen, ()), "id")
    assert sent.count(b"Sec-WebSocket-Protocol") == 1
    assert b"\r\nSec-WebSocket-Protocol: " + answered + b"\r\n" in sent


def test_a_101_answers_no_entry_when_none_was_offered() -> None:
    client, opening = handshake(upgrade(TARGET))
    sent = client.accept(opening, UpstreamAnswer(None, ()), "id")
    assert b"sec-websocket-protocol" not in sent.lower()


def test_a_101_passes_on_what_the_provider_accepted_of_the_compression() -> None:
    client, opening = handshake(upgrade(TARGET))
    upstream = UpstreamAnswer(None, (), PermessageDeflate((("server_max_window_bits", 9),)))
    sent = client.accept(opening, upstream, "id")
    line = b"\r\nSec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9\r\n"
    assert line in sent


def test_a_101_accepts_no_compression_that_the_provider_did_not() -> None:
    client, opening = handshake(upgrade(TARGET, "Sec-WebSocket-Extensions: permessage-deflate"))
    sent = client.accept(opening, UpstreamAnswer(None, ()), "id")
    assert b"sec-websocket-extensions" not in sent.lower()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GET / HT",
        b"\x00",
        b"GET / HTTP/1.1\r\n\r\n",
        upgrade(TARGET, "Transfer-Encoding: chunked"),
        upgrade(TARGET, "Content-Length: 5") + b"hello",
        upgrade(TARGET) + b"early",
        head("/healthz", version="1.0"),
        head("http://evil.example/", method="CONNECT"),
        head("/", "Expect: 100-continue", method="POST"),
    ],
)
def test_a_client_can_be_refused_at_any_point(data: bytes) -> None:
    client = ClientHandshake(LIMITS)
    try:
        client.receive_data(data)
    except Refused as error:
        refusal = error
    else:
        refusal = Refused(408, 2000, "too slow")
    answer = parse_answer(client.refuse(refusal, "id"))
    assert answer.status == refusal.status
    assert refusal.message.encode() in answer.body
    assert answer.values("Connection") == ["close"]
    assert answer.values("Content-Length") == [str(len(answer.body))]
    assert answer.values("cf-aig-log-id") == ["id"]


def test_a_client_is_answered_once() -> None:
    answers: list[Callable[[ClientHandshake, Opening], bytes]] = [
        lambda client, opening: client.accept(opening, UpstreamAnswer(None, ()), "id"),
        lambda client, _opening: client.refuse(Refused.fault(), "id"),
    ]
    for first, second in itertools.product(answers, repeat=2):
        client, opening = handshake(upgrade(TARGET))
        assert first(client, opening)
        with pytest.raises(LocalProtocolError, match=r"^the client was answered already$"):
            second(client, opening)


@pytest.mark.parametrize("target", ["/healthz", "/v1/acct/main/openai"])
def test_an_answer_to_head_has_no_body(target: str) -> None:
    client = ClientHandshake(LIMITS)
    client.receive_data(head(target, method="HEAD"))
    sent = client.answer(HttpAnswer(200, [("Content-Type", "text/plain")], b"ok\n"))
    assert sent.endswith(b"\r\n\r\n")
    assert parse_answer(sent, "HEAD").values("Content-Length") == ["3"]


def test_a_status_without_a_name_is_passed_on() -> None:
    sent = ClientHandshake(LIMITS).answer(HttpAnswer(599, [], b""))
    assert sent.startswith(b"HTTP/1.1 599 \r\n")
    assert parse_answer(sent).status == 599


def test_a_providers_field_line_beyond_ascii_is_passed_on() -> None:
    refusal = ProviderRefused(401, "no", fields=(("dg-error", "caf\xe9"),), body=b"x")
    sent = ClientHandshake(LIMITS).refuse(refusal, "id")
    assert b"\r\ndg-error: caf\xe9\r\n" in sent


def test_a_request_that_does_not_come_in_time() -> None:
    handshake = ClientHandshake(LIMITS)
    handshake.receive_data(b"GET /v1/acct")
    refused = handshake.timed_out()
    assert (refused.status, refused.code) == (408, 2000)
    assert handshake.refuse(refused, "id").startswith(b"HTTP/1.1 408 ")
