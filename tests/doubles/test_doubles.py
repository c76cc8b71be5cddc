"""The doubles as servers: over TCP and TLS, among hostile peers, and in sight of what leaks."""

from __future__ import annotations

import functools
import json
import ssl
from collections.abc import Callable

import pytest
import trio
import trustme
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect as ws_connect
from websockets.typing import Subprotocol

from relay.doubles import DOUBLES, Request, serve_double, serve_stream
from relay.protocol import CATALOGUE
from tests.doubles.peer import KEY, connect, refusal
from tests.support import trio_test

TARGETS = {
    "openai": ("/v1/realtime?model=gpt-realtime", {"Authorization": f"Bearer {KEY}"}),
    "google": (
        "/ws/google.ai.generativelanguage.v1.GenerativeService.BidiGenerateContent",
        {"x-goog-api-key": KEY},
    ),
    "cartesia": ("/tts/websocket", {"X-API-Key": KEY}),
    "elevenlabs": ("/v1/convai/conversation?agent_id=mine", {"xi-api-key": KEY}),
    "azure-openai": ("/openai/v1/realtime?model=m", {"api-key": KEY}),
    "google-vertex-ai": (
        "/ws/google.cloud.aiplatform.v1.LlmBidiService/BidiGenerateContent",
        {"Authorization": f"Bearer {KEY}"},
    ),
    "deepgram": ("/v1/listen?model=nova-3", {"Authorization": f"Token {KEY}"}),
    "fal": ("/fal-ai/flux", {"Authorization": f"Key {KEY}"}),
    "xai": ("/v1/responses", {"Authorization": f"Bearer {KEY}"}),
    "assemblyai": ("/v3/ws?sample_rate=16000", {"Authorization": KEY}),
    "hume": ("/v0/evi/chat", {"X-Hume-Api-Key": KEY}),
    "mistral": (
        "/v1/audio/transcriptions/realtime?model=m",
        {"Authorization": f"Bearer {KEY}"},
    ),
    "speechmatics": ("/v2", {"Authorization": f"Bearer {KEY}"}),
    "inworld": (
        "/api/v1/realtime/session?key=k&protocol=realtime",
        {"Authorization": f"Basic {KEY}"},
    ),
    "workers-ai": (
        "/v1/a/g/workers-ai?model=@cf/deepgram/nova-3",
        {"cf-aig-authorization": f"Bearer {KEY}"},
    ),
}
TOKEN = "rly_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

Client = Callable[[int], None]


def run_against(
    provider: str,
    client: Client,
    *,
    ssl_context: ssl.SSLContext | None = None,
    observe: Callable[[Request], None] | None = None,
) -> None:
    """Run ``client`` in a thread, with the port of a double of ``provider``."""

    async def main() -> None:
        serve = functools.partial(
            serve_double, provider, KEY, ssl_context=ssl_context, observe=observe
        )
        async with trio.open_nursery() as nursery:
            port = await nursery.start(serve)
            await trio.to_thread.run_sync(client, port)
            nursery.cancel_scope.cancel()

    trio.run(main)


def tls_contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What a server on localhost and a client that trusts it need."""
    ca = trustme.CA()
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("localhost").configure_cert(server_context)
    client_context = ssl.create_default_context()
    ca.configure_trust(client_context)
    return server_context, client_context


def test_there_is_a_double_of_each_provider_of_the_catalogue() -> None:
    assert set(DOUBLES) == {provider.name for provider in CATALOGUE}
    assert all(double.provider == name for name, double in DOUBLES.items())


def test_an_unknown_provider_is_an_error_before_anything_is_bound() -> None:
    with pytest.raises(KeyError):
        trio.run(serve_double, "nobody", KEY)


@pytest.mark.parametrize("provider", DOUBLES)
def test_a_stock_client_is_served(provider: str) -> None:
    seen: list[Request] = []
    target, headers = TARGETS[provider]

    def client(port: int) -> None:
        url = f"ws://127.0.0.1:{port}{target}"
        with ws_connect(url, additional_headers=headers) as ws:
            ws.ping().wait()
            ws.close(4000, "enough")
            assert ws.close_code == 4000

    run_against(provider, client, observe=seen.append)
    assert [request.target for request in seen] == [target]


def test_a_conversation_over_tls() -> None:
    server_context, client_context = tls_contexts()

    def client(port: int) -> None:
        url = f"wss://localhost:{port}/v1/text-to-speech/voice/stream-input"
        headers = {"xi-api-key": KEY}
        with ws_connect(url, ssl=client_context, additional_headers=headers) as ws:
            ws.send(json.dumps({"text": "Hello"}))
            assert json.loads(ws.recv())["audio"]
            ws.send(json.dumps({"text": ""}))
            assert json.loads(ws.recv()) == {"isFinal": True}
            with pytest.raises(ConnectionClosed):
                ws.recv()
            assert ws.close_code == 1000

    run_against("elevenlabs", client, ssl_context=server_context)


def test_a_refusal_has_the_providers_body() -> None:
    def client(port: int) -> None:
        with pytest.raises(InvalidStatus) as caught:
            ws_connect(f"ws://127.0.0.1:{port}/v1/realtime?model=m")
        response = caught.value.response
        assert response.status_code == 401
        assert response.headers["Content-Type"] == "application/json"
        assert response.headers["Connection"] == "close"
        assert response.body is not None
        assert json.loads(response.body)["error"]["type"] == "invalid_request_error"

    run_against("openai", client)


HOSTILE = (b"", b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 70_000, b"GET / HTTP/1.1\r\n")


@pytest.mark.parametrize("tls", [False, True])
def test_hostile_peers_neither_stop_the_server_nor_print_anything(
    tls: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    server_context, client_context = tls_contexts() if tls else (None, None)
    target, headers = TARGETS["openai"]

    async def send_and_leave(port: int, data: bytes) -> None:
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            await stream.send_all(data)

    def client(port: int) -> None:
        for data in HOSTILE:
            trio.run(send_and_leave, port, data)
        url = f"{'wss' if tls else 'ws'}://localhost:{port}{target}"
        vanishing = ws_connect(url, ssl=client_context, additional_headers=headers)
        vanishing.close_socket()  # without a Close
        with ws_connect(url, ssl=client_context, additional_headers=headers) as ws:
            assert json.loads(ws.recv())["type"] == "session.created"

    run_against("openai", client, ssl_context=server_context)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("provider", DOUBLES)
@pytest.mark.parametrize(
    ("query", "header", "subprotocols", "slot"),
    [
        ("", ("cf-aig-byok-alias", "x"), [], "header cf-aig-byok-alias"),
        ("", ("X-Any", TOKEN), [], "header x-any"),
        (f"key={TOKEN}", None, [], "query parameter key"),
        ("", None, ["realtime", "cf-aig-authorization.x"], "subprotocol entry"),
    ],
)
@trio_test
async def test_a_leak_is_refused_before_anything_else(
    provider: str,
    query: str,
    header: tuple[str, str] | None,
    subprotocols: list[str],
    slot: str,
) -> None:
    target, credential = TARGETS[provider]
    mark = "&" if "?" in target else "?"
    headers = [*credential.items(), *([header] if header else [])]
    status, body = await refusal(
        provider, f"{target}{mark}{query}", headers=headers, subprotocols=subprotocols
    )
    assert status == 400
    assert body == {"error": f"leak: {slot}"}


@trio_test
async def test_a_leaking_request_is_observed_too() -> None:
    seen: list[str] = []

    def observe(request: Request) -> None:
        seen.append(request.path)

    ours, theirs = trio.testing.memory_stream_pair()
    await ours.send_all(
        b"GET /leak HTTP/1.1\r\nHost: double\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"cf-aig-authorization: x\r\n\r\n"
    )
    await serve_stream("openai", KEY, theirs, observe=observe)
    assert seen == ["/leak"]


def test_a_stock_client_takes_the_subprotocol() -> None:
    entries = [Subprotocol("realtime"), Subprotocol(f"openai-insecure-api-key.{KEY}")]

    def client(port: int) -> None:
        url = f"ws://127.0.0.1:{port}/v1/realtime?model=m"
        with ws_connect(url, subprotocols=entries) as ws:
            assert ws.subprotocol == "realtime"

    run_against("openai", client)


@trio_test
async def test_two_connections_do_not_share_anything() -> None:
    target, headers = TARGETS["openai"]
    ids = []
    for _ in range(2):
        async with connect("openai", target, headers=list(headers.items())) as peer:
            ids.append((await peer.json())["session"]["id"])
    assert ids[0] != ids[1]
