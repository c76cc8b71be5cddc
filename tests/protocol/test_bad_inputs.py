"""Hostile opening handshakes, and what becomes of each: its status, 101 where it is admitted."""

from __future__ import annotations

import pytest

from relay.protocol import ClientHandshake, Gateway, Refused, UpstreamAnswer, redact
from relay.testing.handshakes import ACCEPT, KEY, head, switch
from tests.protocol.handshakes import LIMITS, PROVIDERS, TOKEN, Session, a_gateway, admit, dialled

TARGET = "/v1/acct/main/openai?model=m"
CONNECTION = "Connection: Upgrade"
UPGRADE = "Upgrade: websocket"
VERSION = "Sec-WebSocket-Version: 13"
A_KEY = f"Sec-WebSocket-Key: {KEY.decode()}"
AUTH = f"cf-aig-authorization: Bearer {TOKEN}"
HANDSHAKE = (CONNECTION, UPGRADE, VERSION, A_KEY)


def get(target: str = TARGET, *lines: str, host: str = "relay.test") -> bytes:
    """An authorised opening handshake with these field lines besides."""
    return head(target, *HANDSHAKE, AUTH, *lines, host=host)


def start(line: str) -> bytes:
    """An authorised opening handshake with another request line."""
    return line.encode("latin-1") + get()[get().index(b"\r\n") :]


def with_lines(*lines: str) -> bytes:
    """An opening handshake with these field lines, authorised only by them."""
    return head(TARGET, *HANDSHAKE, *lines)


def upgrade_of(*lines: str) -> bytes:
    """An authorised request with these field lines for the upgrade."""
    return head(TARGET, *lines, AUTH)


def request_line(method: str = "GET", target: str = TARGET, version: str = "HTTP/1.1") -> bytes:
    return start(f"{method} {target} {version}")


CLIENT: list[tuple[str, int, bytes]] = [
    # Valid ones, for comparison.
    ("ok-01-plain", 101, get()),
    (
        "ok-02-connection-list",
        101,
        upgrade_of("Connection: keep-alive, Upgrade", UPGRADE, VERSION, A_KEY),
    ),
    (
        "ok-03-case",
        101,
        upgrade_of("Connection: uPgRaDe", "Upgrade: WebSocket", VERSION, A_KEY),
    ),
    (
        "ok-04-connection-two-lines",
        101,
        head(TARGET, "Connection: keep-alive", UPGRADE, VERSION, A_KEY, AUTH, CONNECTION),
    ),
    (
        "ok-05-subproto-auth",
        101,
        with_lines(f"Sec-WebSocket-Protocol: realtime, cf-aig-authorization.{TOKEN}"),
    ),
    ("ok-06-leading-crlf", 101, b"\r\n" + get()),
    # The request line.
    ("h-line-01-http10", 400, request_line(version="HTTP/1.0")),
    ("h-line-03-http20", 400, request_line(version="HTTP/2.0")),
    ("h-line-04-http1.2", 400, request_line(version="HTTP/1.2")),
    ("h-line-05-version-junk", 400, request_line(version="HTTP/1.1x")),
    (
        "h-line-06-post",
        405,
        head(TARGET, *HANDSHAKE, AUTH, "Content-Length: 0", method="POST"),
    ),
    ("h-line-07-head", 405, request_line("HEAD")),
    ("h-line-08-connect", 400, request_line("CONNECT", "169.254.169.254:80")),
    ("h-line-09-trace", 405, request_line("TRACE")),
    (
        "h-line-11-h2-preface",
        400,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    ),
    ("h-line-12-absolute-form", 400, request_line(target=f"http://evil.example{TARGET}")),
    (
        "h-line-13-absolute-metadata",
        400,
        request_line(target="http://169.254.169.254/latest/meta-data/"),
    ),
    ("h-line-15-asterisk", 400, request_line(target="*")),
    ("h-line-17-tab-sep", 400, start(f"GET\t{TARGET}\tHTTP/1.1")),
    ("h-line-18-nul-in-target", 400, request_line(target=f"{TARGET}\0x")),
    ("h-line-19-cr-in-target", 400, request_line(target=f"{TARGET}\rX: y")),
    ("h-line-20-nonascii-target", 400, request_line(target=f"{TARGET}&q=\xff\xfe")),
    ("h-line-21-fragment", 400, request_line(target=f"{TARGET}#frag")),
    ("h-line-23-double-space", 400, start(f"GET  {TARGET} HTTP/1.1")),
    ("h-line-24-leading-crlf-flood", 400, b"\r\n" * 20_000),
    ("h-line-25-space-first-header", 400, get().replace(b"Host", b" Host", 1)),
    ("h-line-26-bare-lf", 400, get().replace(b"\r\n", b"\n")),
    ("h-line-27-garbage-1k", 400, bytes((index * 7 + 13) % 256 for index in range(1024))),
    ("h-line-28-no-newline-1m", 431, b"A" * 2**20),
    # Field lines.
    ("h-hdr-01-obs-fold", 400, get(TARGET, "X-A: one\r\n two")),
    ("h-hdr-02-space-before-colon", 400, get(TARGET, "X-A : 1")),
    ("h-hdr-03-no-colon", 400, get(TARGET, "NoColonHere")),
    ("h-hdr-06-bare-cr-value", 400, get(TARGET, "X-A: a\rX-B: b")),
    ("h-hdr-08-bad-name-char", 400, get(TARGET, "X@A(: 1")),
    ("h-hdr-09-vt-in-name", 400, get(TARGET, "\vUpgrade: websocket")),
    ("h-hdr-13-64k-header", 431, get(TARGET, "X-Big: " + "b" * 65_536)),
    ("h-host-01-missing", 400, get().replace(b"Host: relay.test\r\n", b"")),
    ("h-host-03-two-same", 400, get(TARGET, "Host: relay.test")),
    # The upgrade.
    ("h-upg-01-no-upgrade", 426, upgrade_of(CONNECTION, VERSION, A_KEY)),
    ("h-upg-02-no-connection", 426, upgrade_of(UPGRADE, VERSION, A_KEY)),
    (
        "h-upg-03-connection-close",
        426,
        upgrade_of("Connection: close", UPGRADE, VERSION, A_KEY),
    ),
    (
        "h-upg-04-h2c",
        426,
        head(
            TARGET,
            "Connection: Upgrade, HTTP2-Settings",
            "Upgrade: h2c",
            VERSION,
            A_KEY,
            AUTH,
            "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
        ),
    ),
    (
        "h-upg-05-websocket-and-h2c",
        101,
        upgrade_of(CONNECTION, "Upgrade: h2c, websocket", VERSION, A_KEY),
    ),
    (
        "h-upg-06-upgrade-substring",
        426,
        upgrade_of(CONNECTION, "Upgrade: notwebsocket", VERSION, A_KEY),
    ),
    (
        "h-upg-08-version-8",
        426,
        upgrade_of(CONNECTION, UPGRADE, "Sec-WebSocket-Version: 8", A_KEY),
    ),
    ("h-upg-10-version-missing", 426, upgrade_of(CONNECTION, UPGRADE, A_KEY)),
    ("h-upg-12-version-twice", 426, get(TARGET, "Sec-WebSocket-Version: 8")),
    ("h-upg-13-key-missing", 400, upgrade_of(CONNECTION, UPGRADE, VERSION)),
    (
        "h-upg-14-key-empty",
        400,
        upgrade_of(CONNECTION, UPGRADE, VERSION, "Sec-WebSocket-Key: "),
    ),
    (
        "h-upg-15-key-short",
        400,
        upgrade_of(CONNECTION, UPGRADE, VERSION, "Sec-WebSocket-Key: c2hvcnQ="),
    ),
    (
        "h-upg-17-key-not-b64",
        400,
        upgrade_of(CONNECTION, UPGRADE, VERSION, "Sec-WebSocket-Key: !!!!not-base64!!!!!!!!=="),
    ),
    ("h-upg-19-get-body-cl", 400, get(TARGET, "Content-Length: 5") + b"HELLO"),
    (
        "h-upg-21-cl-and-te",
        400,
        get(TARGET, "Content-Length: 4", "Transfer-Encoding: chunked")
        + b"0\r\n\r\nGET /internal HTTP/1.1\r\nHost: x\r\n\r\n",
    ),
    ("h-upg-23-cl-junk", 400, get(TARGET, "Content-Length: +5") + b"HELLO"),
    ("h-upg-24-cl-1e40", 400, get(TARGET, "Content-Length: " + "9" * 5_000)),
    ("h-upg-25-te-unknown", 400, get(TARGET, "Transfer-Encoding: xchunked") + b"0\r\n\r\n"),
    (
        "h-upg-28-conn-nominates-auth",
        101,
        upgrade_of("Connection: Upgrade, cf-aig-authorization", UPGRADE, VERSION, A_KEY),
    ),
    (
        "h-upg-29-conn-nominates-xff",
        101,
        head(
            TARGET,
            "Connection: Upgrade, X-Forwarded-For, X-Real-IP, Authorization",
            UPGRADE,
            VERSION,
            A_KEY,
            AUTH,
            "X-Forwarded-For: 1.2.3.4",
            "Authorization: Bearer sk-x",
        ),
    ),
    ("h-smug-03-ok-then-http", 101, get() + b"GET /internal/secret HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("h-smug-04-early-frame", 101, get() + b"\x81\x85\0\0\0\0hello"),
    (
        "w-12-upgrade-body-desync",
        400,
        get(TARGET, "Content-Length: 45") + b"GET /internal/secret HTTP/1.1\r\nHost: evil\r\n\r\n",
    ),
    # The gateway token.
    ("h-auth-02-wrong", 401, with_lines("cf-aig-authorization: Bearer wrong")),
    ("h-auth-03-empty-bearer", 401, with_lines("cf-aig-authorization: Bearer ")),
    ("h-auth-04-empty", 401, with_lines("cf-aig-authorization: ")),
    ("h-auth-05-prefix-of-token", 401, with_lines(AUTH[:-1])),
    ("h-auth-06-token-plus-junk", 401, with_lines(f"{AUTH}x")),
    (
        "h-auth-07-case-changed",
        401,
        with_lines(f"cf-aig-authorization: Bearer {TOKEN.swapcase()}"),
    ),
    ("h-auth-10-two-headers-rev", 400, with_lines("cf-aig-authorization: Bearer wrong", AUTH)),
    (
        "h-auth-11-header-vs-subproto",
        400,
        with_lines(
            "cf-aig-authorization: Bearer wrong",
            f"Sec-WebSocket-Protocol: cf-aig-authorization.{TOKEN}",
        ),
    ),
    (
        "h-auth-12-subproto-empty-token",
        401,
        with_lines("Sec-WebSocket-Protocol: cf-aig-authorization."),
    ),
    (
        "h-auth-13-subproto-two-tokens",
        400,
        with_lines(
            f"Sec-WebSocket-Protocol: cf-aig-authorization.bad, cf-aig-authorization.{TOKEN}"
        ),
    ),
    ("h-auth-14-query-token", 401, head(f"{TARGET}&cf-aig-authorization={TOKEN}", *HANDSHAKE)),
    ("h-auth-15-underscore-header", 401, with_lines(f"cf_aig_authorization: Bearer {TOKEN}")),
    ("h-auth-16-token-64k", 431, with_lines("cf-aig-authorization: Bearer " + "t" * 65_536)),
    ("h-auth-17-basic", 401, with_lines("cf-aig-authorization: Basic QDpA")),
    ("w-10-auth-sqli", 401, with_lines("cf-aig-authorization: Bearer ' OR '1'='1")),
    # Subprotocols and extensions.
    ("h-sub-01-invalid-char", 400, get(TARGET, "Sec-WebSocket-Protocol: real time, a@b")),
    ("h-sub-04-redos", 400, get(TARGET, f"Sec-WebSocket-Protocol: a{' ' * 8_000}b")),
    (
        "h-sub-05-1000-tokens",
        101,
        get(TARGET, "Sec-WebSocket-Protocol: " + ",".join(f"p{n}" for n in range(1000))),
    ),
    (
        "h-sub-08-token-only",
        101,
        with_lines(f"Sec-WebSocket-Protocol: cf-aig-authorization.{TOKEN}"),
    ),
    ("h-ext-01-unknown", 101, get(TARGET, "Sec-WebSocket-Extensions: x-foo; a=1")),
    (
        "h-ext-02-bits-99",
        101,
        get(TARGET, "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=99"),
    ),
    (
        "h-ext-06-dup-param",
        101,
        get(
            TARGET,
            "Sec-WebSocket-Extensions: permessage-deflate"
            "; server_no_context_takeover; server_no_context_takeover",
        ),
    ),
    (
        "h-ext-07-1000-offers",
        431,
        get(TARGET, "Sec-WebSocket-Extensions: " + ", ".join(["permessage-deflate"] * 500)),
    ),
    # Origins, where some are listed.
    (
        "h-org-01-evil",
        403,
        with_lines("Origin: https://evil.example", "Cookie: session=victim"),
    ),
    ("h-org-03-null", 403, get(TARGET, "Origin: null")),
    ("h-org-05-malformed", 403, get(TARGET, "Origin: http://a:b")),
    # What must stay here, or as it is.
    (
        "h-fwd-03-proxy-header",
        101,
        get(
            TARGET,
            "Proxy: http://evil.example:8080",
            "Proxy-Authorization: Basic eA==",
            "Proxy-Connection: keep-alive",
        ),
    ),
    ("h-fwd-04-crlf-in-query", 101, get(f"{TARGET}&q=a%0d%0aX-Injected:%201%0d%0a")),
    ("h-fwd-06-log-leak", 101, get(f"{TARGET}&api_key=SECRETKEY123")),
    (
        "r-21-custom-host-header",
        101,
        get(
            TARGET,
            "x-portkey-custom-host: http://169.254.169.254",
            "cf-aig-custom-host: 169.254.169.254",
            "x-upstream: ws://127.0.0.1:1",
        ),
    ),
    ("r-22-dup-query", 101, get(f"{TARGET}&model=evil&model=")),
    ("r-23-semicolon-query", 101, get(f"{TARGET};model=evil")),
    # Other paths.
    ("r-03-double-enc", 400, get("/v1/acct/main/%252e%252e/openai")),
    ("r-04-enc-slash", 404, get("/v1/acct%2fgw%2fopenai?x=1")),
    ("r-07-semicolon", 400, get("/v1/acct/main/openai;a=b/..;/admin")),
    ("r-08-nul-pct", 400, get("/v1/acct/main/openai%00")),
    ("r-10-overlong-utf8", 400, get("/v1/acct/main/%c0%ae%c0%ae/openai")),
    ("r-12-empty-seg", 404, get("/v1//main/openai")),
    ("r-13-missing-provider", 404, get("/v1/acct/main")),
    ("r-14-long-ids", 404, get(f"/v1/{'a' * 4_000}/main/openai")),
    ("r-15-proto-pollution", 404, get("/v1/__proto__/constructor/__class__")),
    ("r-16-at-provider", 400, get("/v1/acct/main/openai@169.254.169.254/x")),
    ("r-18-fal-dotdot", 400, get("/v1/acct/main/fal/..%2f..%2fadmin")),
    ("r-20-other-account", 404, get("/v1/other/main/openai?model=m")),
    (
        "w-11-fragment-in-resource",
        400,
        get("/v1/acct/main/azure-openai/evil.example%23/deployment?api-version=1"),
    ),
    # What crashed others.
    ("w-01-host-nonascii", 400, get(host="caf\xe9.test")),
    ("w-03-host-idna-bad", 400, get(host="xn--a\xad.test")),
    (
        "w-04-connection-nonascii",
        101,
        upgrade_of("Connection: Upgrade, \xe9", UPGRADE, VERSION, A_KEY),
    ),
    ("w-05-subproto-nonascii", 400, get(TARGET, "Sec-WebSocket-Protocol: caf\xe9")),
    ("w-07-host-64-label", 101, get(host="a" * 64 + ".test")),
    (
        "w-08-connection-last-line-wins",
        101,
        head(TARGET, UPGRADE, VERSION, A_KEY, AUTH, CONNECTION, "Connection: keep-alive"),
    ),
]

OPEN = a_gateway(stored_keys={("openai", "default"): "sk-stored"})
LISTED = a_gateway(origins=frozenset({"https://app.example.com"}))
REQUESTS = {name: data for name, _, data in CLIENT}


def status_of_client(data: bytes, gateway: Gateway) -> int:
    try:
        admit(data, gateway)
    except Refused as refused:
        return refused.status
    return 101


@pytest.mark.parametrize(("name", "status", "data"), CLIENT, ids=[name for name, _, _ in CLIENT])
def test_a_clients_handshake_has_its_status(name: str, status: int, data: bytes) -> None:
    assert status_of_client(data, LISTED if name.startswith("h-org") else OPEN) == status


def admitted(name: str) -> Session:
    return admit(REQUESTS[name], OPEN)


@pytest.mark.parametrize("name", ["h-upg-08-version-8", "h-upg-12-version-twice"])
def test_another_version_is_told_the_supported_one(name: str) -> None:
    with pytest.raises(Refused) as caught:
        admitted(name)
    assert ("Sec-WebSocket-Version", "13") in caught.value.fields


@pytest.mark.parametrize("name", ["ok-05-subproto-auth", "h-sub-08-token-only"])
def test_the_token_entry_stays_here(name: str) -> None:
    assert TOKEN.encode() not in admitted(name).upstream_bytes


def test_the_token_entry_is_not_echoed_where_another_one_was_offered() -> None:
    client = ClientHandshake(LIMITS)
    assert client.receive_data(REQUESTS["ok-05-subproto-auth"])
    opening = admitted("ok-05-subproto-auth").opening
    sent = client.accept(opening, UpstreamAnswer(None, ()), "id")
    assert b"Sec-WebSocket-Protocol: realtime\r\n" in sent
    assert TOKEN.encode() not in sent


@pytest.mark.parametrize(
    "name",
    [
        "h-ext-01-unknown",
        "h-ext-02-bits-99",
        "h-ext-06-dup-param",
        "h-fwd-03-proxy-header",
        "h-smug-03-ok-then-http",
        "h-smug-04-early-frame",
        "h-upg-05-websocket-and-h2c",
        "h-upg-28-conn-nominates-auth",
        "r-21-custom-host-header",
    ],
)
def test_what_is_admitted_arrives_like_a_plain_handshake(name: str) -> None:
    assert admitted(name).upstream_bytes == admitted("ok-01-plain").upstream_bytes


def test_a_nominated_credential_arrives() -> None:
    fields = admitted("h-upg-29-conn-nominates-xff").upstream.fields
    assert fields == ((b"authorization", b"Bearer sk-x"),)


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("h-fwd-04-crlf-in-query", b"model=m&q=a%0d%0aX-Injected:%201%0d%0a"),
        ("r-22-dup-query", b"model=m&model=evil&model="),
        ("r-23-semicolon-query", b"model=m;model=evil"),
    ],
)
def test_the_query_arrives_as_it_was(name: str, query: bytes) -> None:
    assert admitted(name).upstream.target == b"/v1/realtime?" + query


def test_a_key_in_the_query_is_not_shown() -> None:
    session = admitted("h-fwd-06-log-leak")
    assert "SECRETKEY123" not in repr(session)
    assert "SECRETKEY123" not in redact(f"{TARGET}&api_key=SECRETKEY123")


@pytest.mark.parametrize(
    ("name", "rest"),
    [
        ("h-smug-03-ok-then-http", b"GET /internal/secret HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("h-smug-04-early-frame", b"\x81\x85\0\0\0\0hello"),
    ],
)
def test_what_follows_a_handshake_is_taken_for_frames(name: str, rest: bytes) -> None:
    client = ClientHandshake(LIMITS)
    assert client.receive_data(REQUESTS[name])
    assert client.early_data == rest


@pytest.mark.parametrize("line_end", ["%0d%0a", "%0D%0A", "%0a", "%0d", "%00"])
@pytest.mark.parametrize(
    ("target", "lines", "status"),
    [
        ("openai?model=m{}X-Injected: 1", [], 400),  # a space ends the target
        ("openai?model=m{}X-Injected:1", [], 101),
        ("openai{}X-Injected:1", [], 400),
        ("google?api_key=k{}X-Injected:1", [], 101),
        ("deepgram/v1/listen?authorization=k{}X-Injected:1", [], 101),
        ("elevenlabs/v1/text-to-speech/v{}X-Injected:1/stream-input", [], 400),
        ("openai?model=m", ["cf-aig-byok-alias: default{}X-Injected:1"], 400),
        ("openai?model=m", ["Sec-WebSocket-Protocol: a{}X-Injected"], 101),
        ("openai?model=m", ["OpenAI-Beta: a{}X-Injected:1"], 101),
        ("openai?model=m", ["Authorization: Bearer k{}X-Injected:1"], 101),
    ],
)
def test_no_line_can_be_added_to_the_request(
    target: str, lines: list[str], status: int, line_end: str
) -> None:
    """Nothing is decoded on the way, or else refused."""
    gateway = a_gateway(stored_keys={(name, "default"): "sk" for name in PROVIDERS})
    data = get(
        f"/v1/acct/main/{target.format(line_end)}", *(each.format(line_end) for each in lines)
    )
    assert status_of_client(data, gateway) == status
    if status == 101:
        sent = admit(data, gateway).upstream_bytes
        assert not any(line.lower().startswith(b"x-injected") for line in sent.splitlines())
        assert sent.count(b"\r\n\r\n") == 1


# --- providers ------------------------------------------------------------------------------------


def refusing(status: int, phrase: str) -> bytes:
    return (
        f"HTTP/1.1 {status} {phrase}\r\nContent-Type: application/json\r\n"
        'Content-Length: 15\r\nRetry-After: 1\r\n\r\n{"error":"x"} \n'
    ).encode()


def switching(*lines: str) -> bytes:
    return "\r\n".join(["HTTP/1.1 101 Switching Protocols", *lines, "", ""]).encode("latin-1")


ACCEPTED = f"Sec-WebSocket-Accept: {ACCEPT.decode()}"
ADMITTED = switching(UPGRADE, CONNECTION, ACCEPTED)

UPSTREAM: list[tuple[str, int, bytes]] = [
    ("u-01-200", 502, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    (
        "u-02-200-upgrade-hdrs",
        502,
        ADMITTED.replace(b"101 Switching Protocols", b"200 OK"),
    ),
    ("u-03-403", 403, refusing(403, "Forbidden")),
    ("u-03-426", 426, refusing(426, "Upgrade Required")),
    ("u-03-500", 500, refusing(500, "Internal Server Error")),
    ("u-03-503", 503, refusing(503, "Service Unavailable")),
    ("u-06-101-no-upgrade", 502, switching(CONNECTION, ACCEPTED)),
    ("u-07-101-no-connection", 502, switching(UPGRADE, ACCEPTED)),
    (
        "u-08-101-bad-accept",
        502,
        switching(UPGRADE, CONNECTION, f"Sec-WebSocket-Accept: {ACCEPT.decode()[::-1]}"),
    ),
    ("u-09-101-no-accept", 502, switching(UPGRADE, CONNECTION)),
    (
        "u-11-101-unrequested-subproto",
        502,
        switch("Sec-WebSocket-Protocol: not-offered"),
    ),
    ("u-16-1xx-flood", 502, b"HTTP/1.1 100 Continue\r\n\r\n" * 5_000 + ADMITTED),
    ("u-20-eof", 502, b""),
    ("u-24-header-1m", 502, switch("X-Big: " + "b" * 2**20)),
    ("u-25-5000-headers", 502, switch(*(f"X-{number}: 1" for number in range(5_000)))),
    (
        "u-27-setcookie",
        101,
        switch(
            "Set-Cookie: s=1",
            "Server: secret/1.0",
            "X-Internal-IP: 10.0.0.1",
            'Alt-Svc: h3=":443"',
            "Strict-Transport-Security: max-age=1",
        ),
    ),
    ("w-15-101-connection-nonascii", 101, switching(UPGRADE, f"{CONNECTION}, \xe9", ACCEPTED)),
    ("w-16-101-subproto-nonascii", 502, switch("Sec-WebSocket-Protocol: caf\xe9")),
]


def status_of_provider(data: bytes) -> int:
    try:
        answer = dialled("realtime").receive_data(data)
    except Refused as refused:
        return refused.status
    assert answer == UpstreamAnswer(None, ())
    return 101


@pytest.mark.parametrize(
    ("status", "data"), [row[1:] for row in UPSTREAM], ids=[row[0] for row in UPSTREAM]
)
def test_a_providers_answer_has_its_status(status: int, data: bytes) -> None:
    assert status_of_provider(data) == status


def test_an_answer_that_drips_is_accepted_up_to_its_deadline() -> None:
    handshake = dialled()
    for index in range(len(ADMITTED) - 1):
        assert handshake.receive_data(ADMITTED[index : index + 1]) is None
    assert handshake.timed_out().status == 504
    assert handshake.receive_data(ADMITTED[-1:]) == UpstreamAnswer(None, ())
