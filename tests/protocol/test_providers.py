from __future__ import annotations

import re

import pytest

from relay.protocol import CATALOGUE, Kind, Origin, Provider, by_name
from relay.protocol.fields import request_fields
from tests.protocol.handshakes import TOKEN, a_gateway, admit, upgrade

STORED_KEYS = {(provider.name, "default"): "sk-stored" for provider in CATALOGUE}
STORED_LINES = {
    "openai": [(b"authorization", b"Bearer sk-stored")],
    "google": [],
    "cartesia": [(b"x-api-key", b"sk-stored")],
    "elevenlabs": [(b"xi-api-key", b"sk-stored")],
}
AUTHORITIES = {
    "openai": "api.openai.com",
    "google": "generativelanguage.googleapis.com",
    "cartesia": "api.cartesia.ai",
    "elevenlabs": "api.elevenlabs.io",
}

GOOGLE = "/ws/google.ai.generativelanguage"
LIVE = f"{GOOGLE}.v1beta.GenerativeService.BidiGenerateContent"

# What a client asks for, and what its provider is asked.
PATHS = [
    # The Cloudflare form: nothing after the provider.
    ("openai?model=m", "/v1/realtime?model=m"),
    ("openai/?model=m", "/v1/realtime?model=m"),
    ("google", f"{LIVE}?key=sk-stored"),
    ("google-ai-studio", f"{LIVE}?key=sk-stored"),
    ("cartesia?cartesia_version=2024-06-10", "/tts/websocket?cartesia_version=2024-06-10"),
    ("elevenlabs?agent_id=A", "/v1/convai/conversation?agent_id=A"),
    # openai: the SDKs leave the version out.
    ("openai/realtime?model=gpt-realtime", "/v1/realtime?model=gpt-realtime"),
    ("openai/realtime?call_id=c", "/v1/realtime?call_id=c"),
    ("openai/realtime?intent=transcription", "/v1/realtime?intent=transcription"),
    ("openai/v1/realtime?model=m", "/v1/realtime?model=m"),
    ("openai//realtime?model=m", "/v1/realtime?model=m"),
    ("openai/realtime/translations?model=m", "/v1/realtime/translations?model=m"),
    ("openai/v1/realtime/translations?model=m", "/v1/realtime/translations?model=m"),
    ("openai/live/sessions", "/v1/live/sessions"),
    ("openai/v1/live/sessions", "/v1/live/sessions"),
    (
        "openai/live/sessions/sess_1/attach?graceful_close=true",
        "/v1/live/sessions/sess_1/attach?graceful_close=true",
    ),
    ("openai/v1/live/sessions/sess_1/attach", "/v1/live/sessions/sess_1/attach"),
    ("openai/live/sessions/sess_1/fork", "/v1/live/sessions/sess_1/fork"),
    ("openai/v1/live/sessions/sess_1/fork", "/v1/live/sessions/sess_1/fork"),
    ("openai/responses", "/v1/responses"),
    ("openai/v1/responses", "/v1/responses"),
    # google: the whole method, in each version; a base URL that ends with a slash doubles it.
    *(
        (f"google{slash}{path}", f"{path}?key=sk-stored")
        for path in (
            f"{GOOGLE}.{version}.GenerativeService.{method}"
            for version in ("v1", "v1beta", "v1alpha")
            for method in (
                "BidiGenerateContent",
                "BidiGenerateContentConstrained",
                "BidiGenerateMusic",
            )
        )
        for slash in ("", "/")
    ),
    # cartesia: no version in the path.
    ("cartesia/tts/websocket", "/tts/websocket"),
    ("cartesia/tts/websocket?cartesia_client=js", "/tts/websocket?cartesia_client=js"),
    ("cartesia/stt/websocket?model=ink&language=en", "/stt/websocket?model=ink&language=en"),
    ("cartesia/stt/turns/websocket?model=ink", "/stt/turns/websocket?model=ink"),
    # elevenlabs: the SDKs write the version.
    (
        "elevenlabs/v1/convai/conversation?agent_id=A&source=s&version=1",
        "/v1/convai/conversation?agent_id=A&source=s&version=1",
    ),
    ("elevenlabs/convai/conversation?agent_id=A", "/v1/convai/conversation?agent_id=A"),
    (
        "elevenlabs/v1/text-to-speech/voice-1/stream-input?model_id=m&output_format=pcm_16000",
        "/v1/text-to-speech/voice-1/stream-input?model_id=m&output_format=pcm_16000",
    ),
    ("elevenlabs/text-to-speech/voice-1/stream-input", "/v1/text-to-speech/voice-1/stream-input"),
    (
        "elevenlabs/v1/text-to-speech/voice-1/multi-stream-input",
        "/v1/text-to-speech/voice-1/multi-stream-input",
    ),
    (
        "elevenlabs/text-to-speech/voice-1/multi-stream-input",
        "/v1/text-to-speech/voice-1/multi-stream-input",
    ),
    ("elevenlabs/v1/text-to-dialogue/stream-input", "/v1/text-to-dialogue/stream-input"),
    ("elevenlabs/text-to-dialogue/stream-input", "/v1/text-to-dialogue/stream-input"),
    (
        "elevenlabs/v1/text-to-dialogue/multi-stream-input",
        "/v1/text-to-dialogue/multi-stream-input",
    ),
    ("elevenlabs/text-to-dialogue/multi-stream-input", "/v1/text-to-dialogue/multi-stream-input"),
    (
        "elevenlabs/v1/speech-to-text/realtime?model_id=scribe_v2_realtime",
        "/v1/speech-to-text/realtime?model_id=scribe_v2_realtime",
    ),
    ("elevenlabs/speech-to-text/realtime", "/v1/speech-to-text/realtime"),
]


@pytest.mark.parametrize(("asked", "upstream"), PATHS, ids=[asked for asked, _ in PATHS])
def test_a_target_leads_to_its_endpoint(asked: str, upstream: str) -> None:
    session = admit(
        upgrade(f"/v1/acct/main/{asked}", f"cf-aig-authorization: {TOKEN}"),
        a_gateway(stored_keys=STORED_KEYS),
    )
    name = session.admission.route.provider.name
    assert session.upstream.origin == Origin("wss", AUTHORITIES[name], 443)
    assert session.upstream.target == upstream.encode()
    assert list(session.upstream.fields) == STORED_LINES[name]
    assert session.upstream.subprotocols == ()


def test_the_table_has_every_endpoint_of_the_catalogue() -> None:
    pinned = {upstream.partition("?")[0] for _, upstream in PATHS}
    catalogue = {endpoint.path for provider in CATALOGUE for endpoint in provider.endpoints}
    assert {re.sub(r"\{\w+\}", "*", path) for path in catalogue} == {
        re.sub("sess_1|voice-1", "*", path) for path in pinned
    }


# What each provider's documented clients send besides, and what of it arrives.
HANDSHAKES = [
    (
        "openai?model=m",
        [
            f"cf-aig-authorization: {TOKEN}",
            "Authorization: Bearer sk-own",
            "OpenAI-Beta: realtime=v1",
            "OpenAI-Organization: org",
            "User-Agent: OpenAI/Python 3",
            "X-Stainless-Lang: python",
            "Content-Type: application/json",
            "Accept: application/json",
            "Origin: https://app.example.com",
            "Sec-WebSocket-Extensions: permessage-deflate",
        ],
        [
            (b"openai-beta", b"realtime=v1"),
            (b"openai-organization", b"org"),
            (b"user-agent", b"OpenAI/Python 3"),
            (b"x-stainless-lang", b"python"),
            (b"authorization", b"Bearer sk-own"),
        ],
        (),
    ),
    (
        "openai/realtime?model=m",
        [
            "Sec-WebSocket-Protocol: realtime, openai-insecure-api-key.ek_1",
            "Sec-WebSocket-Protocol: openai-organization.org, openai-project.p",
            "Sec-WebSocket-Protocol: openai-agents-sdk.0.20.0, openai-beta.realtime-v1",
            f"Sec-WebSocket-Protocol: relay, cf-aig-authorization.{TOKEN}",
        ],
        [],
        (
            "realtime",
            "openai-insecure-api-key.ek_1",
            "openai-organization.org",
            "openai-project.p",
            "openai-agents-sdk.0.20.0",
        ),
    ),
    (
        f"google{GOOGLE}.v1.GenerativeService.BidiGenerateContentConstrained",
        [
            f"cf-aig-authorization: {TOKEN}",
            "x-goog-api-key: auth_tokens/x",
            "Authorization: Token auth_tokens/x",
            "x-goog-api-client: google-genai-sdk/3.4.0",
            "x-goog-user-project: p",
            "x-server-timeout: 60",
        ],
        [
            (b"x-goog-api-client", b"google-genai-sdk/3.4.0"),
            (b"x-goog-user-project", b"p"),
            (b"x-server-timeout", b"60"),
            (b"x-goog-api-key", b"auth_tokens/x"),
            (b"authorization", b"Token auth_tokens/x"),
        ],
        (),
    ),
    (
        "cartesia/tts/websocket",
        [
            f"cf-aig-authorization: {TOKEN}",
            "Authorization: Bearer sk_car",
            "Cartesia-Version: 2026-08-14",
            "openai-beta: x",
        ],
        [(b"cartesia-version", b"2026-08-14"), (b"authorization", b"Bearer sk_car")],
        (),
    ),
    (
        "elevenlabs?agent_id=A",
        [
            "X-Fern-Language: Python",
            f"Sec-WebSocket-Protocol: xi-api-key.sk_el, cf-aig-authorization.{TOKEN}",
        ],
        [(b"x-fern-language", b"Python"), (b"xi-api-key", b"sk_el")],
        (),
    ),
    (
        "elevenlabs/v1/convai/conversation?agent_id=A",
        [f"Sec-WebSocket-Protocol: convai, bearer.t, cf-aig-authorization.{TOKEN}"],
        [],
        ("convai", "bearer.t"),
    ),
]


@pytest.mark.parametrize(
    ("asked", "lines", "fields", "subprotocols"),
    HANDSHAKES,
    ids=[f"{number}-{row[0].partition('/')[0]}" for number, row in enumerate(HANDSHAKES)],
)
def test_a_documented_handshake_arrives_as_the_provider_expects_it(
    asked: str,
    lines: list[str],
    fields: list[tuple[bytes, bytes]],
    subprotocols: tuple[str, ...],
) -> None:
    session = admit(upgrade(f"/v1/acct/main/{asked}", *lines), a_gateway(stored_keys=STORED_KEYS))
    assert list(session.upstream.fields) == fields
    assert session.upstream.subprotocols == subprotocols


def test_providers_are_found_by_name_and_by_alias() -> None:
    providers = by_name()
    assert set(providers) == {
        "openai",
        "google",
        "google-ai-studio",
        "cartesia",
        "elevenlabs",
    }
    assert providers["google"] is providers["google-ai-studio"]


each_provider = pytest.mark.parametrize("provider", CATALOGUE, ids=lambda each: str(each.name))


@each_provider
def test_a_stored_key_goes_where_the_client_could_put_one(provider: Provider) -> None:
    assert provider.stored in provider.slots
    assert provider.stored.kind in {Kind.FIELD, Kind.QUERY}
    assert provider.stored.becomes is None


@each_provider
def test_a_credential_never_passes_as_an_ordinary_field_line(provider: Provider) -> None:
    names = [slot.name.encode() for slot in provider.slots if slot.kind is Kind.FIELD]
    lines = [(name, b"1") for name in (*names, b"cf-aig-authorization", b"cookie", b"host")]
    assert request_fields(lines, provider.fields) == []


@each_provider
def test_names_are_written_as_they_are_compared(provider: Provider) -> None:
    assert all(slot.name.islower() for slot in provider.slots)
    assert all(name == name.lower() for name in provider.fields)
    assert all(endpoint.path.startswith(f"{provider.version}/") for endpoint in provider.endpoints)
    assert "{" not in provider.endpoints[0].path
