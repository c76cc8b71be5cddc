from __future__ import annotations

import importlib

import pytest

from relay.protocol import CATALOGUE, Kind, Origin, Provider, by_name, parse_target, route
from relay.protocol.fields import request_fields
from relay.testing.handshakes import upgrade
from tests.protocol.handshakes import CONFIGURED, TOKEN, a_gateway, admit

STORED_KEYS = {(provider.name, "default"): "sk-stored" for provider in CATALOGUE}
STORED_LINES = {  # by the provider, or by the target where it is another one
    "openai": [(b"authorization", b"Bearer sk-stored")],
    "google": [],
    "cartesia": [(b"x-api-key", b"sk-stored")],
    "elevenlabs": [(b"xi-api-key", b"sk-stored")],
    "azure-openai": [(b"api-key", b"sk-stored")],
    "google-vertex-ai": [(b"authorization", b"Bearer sk-stored")],
    "deepgram": [(b"authorization", b"Token sk-stored")],
    "fal": [(b"authorization", b"Key sk-stored")],
    "xai": [(b"authorization", b"Bearer sk-stored")],
    "assemblyai": [(b"authorization", b"sk-stored")],
    "assemblyai/v1/ws": [(b"authorization", b"Bearer sk-stored")],
    "hume": [(b"x-hume-api-key", b"sk-stored")],
    "mistral": [(b"authorization", b"Bearer sk-stored")],
    "speechmatics": [(b"authorization", b"Bearer sk-stored")],
    "inworld": [(b"authorization", b"Basic sk-stored")],
    "workers-ai": [(b"cf-aig-authorization", b"Bearer sk-stored")],
}
AUTHORITIES = {  # by the provider, or by the path where it has a host of its own
    "openai": "api.openai.com",
    "google": "generativelanguage.googleapis.com",
    "cartesia": "api.cartesia.ai",
    "elevenlabs": "api.elevenlabs.io",
    "azure-openai": "azure-openai.test",  # configured
    "google-vertex-ai": "aiplatform.googleapis.com",
    "deepgram": "api.deepgram.com",
    "/v1/agent/converse": "agent.deepgram.com",
    "fal": "ws.fal.run",
    "/fal-ai/fast-lcm/realtime": "fal.run",
    "/org/app/sub.1/realtime": "fal.run",
    "xai": "api.x.ai",
    "assemblyai": "streaming.assemblyai.com",
    "/v1/ws": "agents.assemblyai.com",
    "hume": "api.hume.ai",
    "/v1/expression/audio/realtime": "api.cloud.hume.ai",
    "mistral": "api.mistral.ai",
    "speechmatics": "eu2.rt.speechmatics.com",
    "inworld": "api.inworld.ai",
    "workers-ai": "workers-ai.test",  # configured
}

GOOGLE = "/ws/google.ai.generativelanguage"
VERTEX = "/ws/google.cloud.aiplatform"
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
    # azure-openai: both generations of URLs, and Voice Live.
    ("azure?model=m", "/openai/v1/realtime?model=m"),
    ("azure-openai/openai/v1/realtime?model=m", "/openai/v1/realtime?model=m"),
    (
        "azure/openai/realtime?api-version=2025-04-01-preview&deployment=d",
        "/openai/realtime?api-version=2025-04-01-preview&deployment=d",
    ),
    ("azure/openai/v1/live", "/openai/v1/live"),
    ("azure/openai/v1/live/sessions", "/openai/v1/live"),
    ("azure/openai/v1/live/sessions/sess_1/attach", "/openai/v1/live/sessions/sess_1/attach"),
    ("azure/openai/v1/responses", "/openai/v1/responses"),
    (
        "azure/voice-live/realtime?api-version=2026-07-15&x-ms-client-sdk=a+(b)/c&model=m",
        "/voice-live/realtime?api-version=2026-07-15&x-ms-client-sdk=a+(b)/c&model=m",
    ),
    # google-vertex-ai
    ("vertex", f"{VERTEX}.v1beta1.LlmBidiService/BidiGenerateContent"),
    *(
        (
            f"google-vertex-ai{VERTEX}.{version}.LlmBidiService/BidiGenerateContent",
            f"{VERTEX}.{version}.LlmBidiService/BidiGenerateContent",
        )
        for version in ("v1", "v1beta1")
    ),
    # deepgram
    ("deepgram?model=nova-3", "/v1/listen?model=nova-3"),
    *(
        (f"deepgram{path}?model=m&keyterm=a&keyterm=b", f"{path}?model=m&keyterm=a&keyterm=b")
        for path in ("/v1/listen", "/v2/listen", "/v1/speak", "/v2/speak")
    ),
    ("deepgram/v1/agent/converse", "/v1/agent/converse"),
    # fal: the model is the path.
    ("fal/fal-ai/fast-lcm-diffusion", "/fal-ai/fast-lcm-diffusion"),
    ("fal/fal-ai/fast-lcm/realtime?max_buffering=1", "/fal-ai/fast-lcm/realtime?max_buffering=1"),
    ("fal/org/app/sub.1/realtime", "/org/app/sub.1/realtime"),
    # xai
    ("grok?model=grok-voice-latest", "/v1/realtime?model=grok-voice-latest"),
    *(
        (f"xai{version}/{path}?model=m", f"/v1/{path}?model=m")
        for path in ("realtime", "tts", "stt", "responses")
        for version in ("", "/v1")
    ),
    # assemblyai
    ("assemblyai?sample_rate=16000", "/v3/ws?sample_rate=16000"),
    ("assemblyai/v3/ws?speech_model=m", "/v3/ws?speech_model=m"),
    ("assemblyai/v1/ws", "/v1/ws"),
    # hume
    ("hume?config_id=c", "/v0/evi/chat?config_id=c"),
    ("hume/v0/evi/chat", "/v0/evi/chat"),
    ("hume/evi/chat", "/v0/evi/chat"),
    ("hume/v0/evi/chat/chat_1/connect", "/v0/evi/chat/chat_1/connect"),
    ("hume/v0/tts/stream/input", "/v0/tts/stream/input"),
    ("hume/v1/expression/audio/realtime", "/v1/expression/audio/realtime"),
    # mistral
    ("mistral?model=m", "/v1/audio/transcriptions/realtime?model=m"),
    ("mistral/v1/audio/transcriptions/realtime", "/v1/audio/transcriptions/realtime"),
    ("mistral/audio/speech/realtime?model=m", "/v1/audio/speech/realtime?model=m"),
    # speechmatics
    ("speechmatics", "/v2"),
    ("speechmatics/v2", "/v2"),
    ("speechmatics/v2/?jwt=", "/v2"),
    ("speechmatics/v2/en?sm-sdk=x", "/v2/en?sm-sdk=x"),
    # inworld
    ("inworld?key=s&protocol=realtime", "/api/v1/realtime/session?key=s&protocol=realtime"),
    ("inworld/api/v1/realtime/session", "/api/v1/realtime/session"),
    ("inworld/v1/realtime", "/v1/realtime"),
    # workers-ai: Cloudflare's form, to the account that is configured.
    (
        "workers-ai?model=@cf/deepgram/nova-3&encoding=linear16",
        "/v1/A/G/workers-ai?model=@cf/deepgram/nova-3&encoding=linear16",
    ),
]


@pytest.mark.parametrize(("asked", "upstream"), PATHS, ids=[asked for asked, _ in PATHS])
def test_a_target_leads_to_its_endpoint(asked: str, upstream: str) -> None:
    session = admit(
        upgrade(f"/v1/acct/main/{asked}", f"cf-aig-authorization: {TOKEN}"),
        a_gateway(stored_keys=STORED_KEYS),
        CONFIGURED,
    )
    name = session.admission.route.provider.name
    host = AUTHORITIES.get(upstream.partition("?")[0], AUTHORITIES[name])
    if name in {"azure-openai", "workers-ai"}:
        host = AUTHORITIES[name]
    assert session.upstream.origin == Origin("wss", host, 443)
    assert session.upstream.target == upstream.encode()
    assert list(session.upstream.fields) == STORED_LINES.get(asked, STORED_LINES[name])
    assert session.upstream.subprotocols == ()


def test_the_table_has_every_endpoint_of_the_catalogue() -> None:
    pinned = {
        route(parse_target(f"/v1/a/b/{asked}".encode()), CONFIGURED).endpoint for asked, _ in PATHS
    }
    assert pinned == {
        endpoint for provider in CONFIGURED.values() for endpoint in provider.endpoints
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
    (
        "azure/my-resource/openai/realtime?api-version=v&deployment=d",
        [
            f"cf-aig-authorization: {TOKEN}",
            "api-key: K",
            "x-ms-client-request-id: 1",
            "OpenAI-Beta: realtime=v1",
        ],
        [(b"x-ms-client-request-id", b"1"), (b"openai-beta", b"realtime=v1"), (b"api-key", b"K")],
        (),
    ),
    (
        "azure/my-resource",
        [
            "Sec-WebSocket-Protocol: realtime, openai-insecure-api-key.K",
            f"Sec-WebSocket-Protocol: cf-aig-authorization.{TOKEN}",
        ],
        [(b"api-key", b"K")],
        ("realtime",),
    ),
    (
        "vertex/us-central1",
        [
            f"cf-aig-authorization: {TOKEN}",
            "Authorization: Bearer ya29.x",
            "x-goog-user-project: p",
        ],
        [(b"x-goog-user-project", b"p"), (b"authorization", b"Bearer ya29.x")],
        (),
    ),
    (
        "deepgram/v1/listen",
        [f"cf-aig-authorization: {TOKEN}", "Authorization: bearer jwt", "X-Fern-SDK-Name: d"],
        [(b"x-fern-sdk-name", b"d"), (b"authorization", b"bearer jwt")],
        (),
    ),
    (
        "deepgram/v1/listen",
        [
            "Sec-WebSocket-Protocol: token, K, x-deepgram-session-id, 1f2e",
            f"Sec-WebSocket-Protocol: cf-aig-authorization.{TOKEN}",
        ],
        [],
        ("token", "K", "x-deepgram-session-id", "1f2e"),
    ),
    (
        "fal/fal-ai/fast-lcm-diffusion",
        [f"Sec-WebSocket-Protocol: fal-api-key.K, cf-aig-authorization.{TOKEN}"],
        [(b"authorization", b"Key K")],
        (),
    ),
    (
        "xai/realtime",
        [f"Sec-WebSocket-Protocol: xai-client-secret.K, cf-aig-authorization.{TOKEN}"],
        [],
        ("xai-client-secret.K",),
    ),
    (
        "assemblyai/v3/ws",
        [
            f"cf-aig-authorization: {TOKEN}",
            "Authorization: K",
            "AssemblyAI-Version: 2025-05-12",
        ],
        [(b"assemblyai-version", b"2025-05-12"), (b"authorization", b"K")],
        (),
    ),
    (
        "hume/v0/evi/chat",
        [f"cf-aig-authorization: {TOKEN}", "X-Hume-Api-Key: K", "X-Hume-Client-Name: python_sdk"],
        [(b"x-hume-client-name", b"python_sdk"), (b"x-hume-api-key", b"K")],
        (),
    ),
    (
        "mistral/v1/audio/transcriptions/realtime",
        [f"Sec-WebSocket-Protocol: realtime, rt_K, cf-aig-authorization.{TOKEN}"],
        [],
        ("realtime", "rt_K"),
    ),
    (
        "inworld/api/v1/realtime/session?key=s&protocol=realtime",
        [f"cf-aig-authorization: {TOKEN}", "Authorization: Basic SzpT"],
        [(b"authorization", b"Basic SzpT")],
        (),
    ),
    (
        "workers-ai/v1/mine/gw/workers-ai?model=@cf/deepgram/flux",
        [f"cf-aig-authorization: {TOKEN}", "Authorization: Bearer K"],
        [(b"cf-aig-authorization", b"Bearer K")],
        (),
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
    aliases = {
        "google-ai-studio": "google",
        "azure": "azure-openai",
        "vertex": "google-vertex-ai",
        "grok": "xai",
    }
    assert set(providers) == {*(each.name for each in CATALOGUE), *aliases}
    assert len(CATALOGUE) == 15
    assert all(providers[alias] is providers[name] for alias, name in aliases.items())


each_provider = pytest.mark.parametrize("provider", CATALOGUE, ids=lambda each: str(each.name))


@each_provider
def test_a_stored_key_goes_where_the_client_could_put_one(provider: Provider) -> None:
    assert provider.stored in [slot.becomes or slot for slot in provider.slots]
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
    assert all(endpoint.path.startswith("/") for endpoint in provider.endpoints)
    assert provider.endpoints[0].path.startswith(f"{provider.version}/")
    assert "{" not in provider.endpoints[0].path or provider.name in {"fal", "workers-ai"}


@each_provider
def test_a_model_is_named_in_one_place(provider: Provider) -> None:
    for endpoint in provider.endpoints:
        places = (endpoint.model, endpoint.message_models, "{model" in endpoint.path)
        assert sum(map(bool, places)) <= 1


@each_provider
def test_an_entry_says_what_it_rests_on(provider: Provider) -> None:
    module = importlib.import_module(
        f"relay.protocol.providers.{provider.name.replace('-', '_').removesuffix('_ai')}"
        if provider.name == "google-vertex-ai"
        else f"relay.protocol.providers.{provider.name.replace('-', '_')}"
    )
    assert module.__doc__ is not None
    assert "Documented: " in module.__doc__
