from __future__ import annotations

import pytest

from relay.protocol import Endpoint, MessageModel, Origin, Route, Target, parse_target, route
from relay.protocol.routing import model_allowed
from tests.protocol.handshakes import PROVIDERS, TOKEN, refused


@pytest.mark.parametrize(
    ("target", "parts"),
    [
        (b"/v1/a/b/openai", ("a/b", "openai", "", None)),
        (b"/v1/a/b/openai/", ("a/b", "openai", "", None)),
        (b"/v1/a/b/openai///", ("a/b", "openai", "", None)),
        (b"/v1/a/b/openai?", ("a/b", "openai", "", b"")),
        (b"/v1/a/b/openai?x=/y?z", ("a/b", "openai", "", b"x=/y?z")),
        (b"/v1/a/b/openai/realtime", ("a/b", "openai", "/realtime", None)),
        (b"/v1/a/b/openai//realtime", ("a/b", "openai", "/realtime", None)),
        (b"/v1/a/b/openai/a//b/", ("a/b", "openai", "/a//b/", None)),
        (b"/v1/A_z-9/-_/x%2f..;y", ("A_z-9/-_", "x%2f..;y", "", None)),
        (b"/v1/" + b"a" * 64 + b"/b/c", ("a" * 64 + "/b", "c", "", None)),
    ],
)
def test_a_target_is_taken_apart(target: bytes, parts: tuple[str, str, str, bytes | None]) -> None:
    assert parse_target(target) == Target(*parts)


@pytest.mark.parametrize(
    "target",
    [
        b"/",
        b"/healthz",
        b"/v1",
        b"/v1/a/b",
        b"/v1/a/b/",
        b"/v1/a/b/?x",
        b"/v1/a/b//openai",
        b"/v1//b/openai",
        b"/v1/a//openai",
        b"//v1/a/b/openai",
        b"/V1/a/b/openai",
        b"/v2/a/b/openai",
        b"/v1/a.b/c/openai",
        b"/v1/%61/b/openai",
        b"/v1/a%2fb%2fopenai",
        b"/v1/../v1/a/b/openai",
        b"/v1/caf\xe9/b/openai",
        b"/v1/" + b"a" * 65 + b"/b/openai",
        b"/v1/a/" + b"b" * 65 + b"/openai",
        b"/v1?/a/b/openai",
        b"/x/v1/a/b/openai",
    ],
)
def test_what_is_not_the_path_of_a_gateway_is_404(target: bytes) -> None:
    with refused(404):
        parse_target(target)


def test_a_target_is_shown_without_its_query_and_without_tokens() -> None:
    target = parse_target(f"/v1/acct/main/google/{TOKEN}?key=K".encode())
    assert repr(target) == "Target(/v1/acct/main/google/rly_...)"
    assert TOKEN not in repr(parse_target(f"/v1/{TOKEN}/{TOKEN}/{TOKEN}".encode()))


def routed(target: str) -> Route:
    return route(parse_target(f"/v1/a/b/{target}".encode()), PROVIDERS)


def test_an_empty_path_is_the_default_endpoint() -> None:
    found = routed("openai")
    assert found.provider is PROVIDERS["openai"]
    assert found.endpoint is found.provider.endpoints[0]
    assert found.path == "/v1/realtime"


def test_a_native_path_is_its_endpoint() -> None:
    found = routed("elevenlabs/v1/text-to-speech/v~1/stream-input")
    assert found.endpoint.path == "/v1/text-to-speech/{voice}/stream-input"
    assert found.path == "/v1/text-to-speech/v~1/stream-input"
    assert "v~1" not in repr(found)


@pytest.mark.parametrize(
    "target",
    [
        "unknown",
        "OpenAI",
        "openai%00",
        "open%61i",
        "openai;a=b/..;/admin",
        "openai@169.254.169.254/x",
        "__class__",
        "openai/v1",
        "openai/v1/v1/realtime",
        "openai/realtime/",
        "openai/v1//realtime",
        "openai/..",
        "openai/../openai",
        "openai/%2e%2e/realtime",
        "openai/v1/live/sessions/../attach",
        "openai/v1/live/sessions/{session}/attach",
        "openai/v1/chat/completions",
        "google/ws/google.ai.generativelanguage.v2.GenerativeService.BidiGenerateContent",
        "google/v1/ws/google.ai.generativelanguage.v1.GenerativeService.BidiGenerateContent",
        "cartesia/v1/tts/websocket",
        "http://evil.example/",
    ],
)
def test_only_endpoints_of_the_catalogue_can_be_reached(target: str) -> None:
    with refused(400, 2008):
        routed(target)


def route_to(endpoint: Endpoint, model: str | None = None) -> Route:
    provider = PROVIDERS["openai"]
    return Route(provider, endpoint, Origin("wss", "api.test", 443), endpoint.path, model)


IN_QUERY = route_to(Endpoint("/v1/realtime", model="model", other_models=("call_id", "intent")))


@pytest.mark.parametrize(
    "query",
    [
        b"model=gpt-realtime",
        b"a=1&model=gpt-realtime-2025&b",
        b"model=gpt%2Drealtime",
        b"%6dodel=gpt-realtime",
        b"model=gpt-realtime&model=gpt-realtime",
        b"model=gpt-realtime&model=gpt%2Drealtime",
        b"model=@cf/deepgram/nova-3",
        b"model=%40cf%2Fdeepgram%2Fnova-3",
    ],
)
def test_a_model_may_be_used_that_fits_a_pattern(query: bytes) -> None:
    assert model_allowed(query, IN_QUERY, ("other", "gpt-realtime*", "@cf/*/nova-?"))


@pytest.mark.parametrize(
    "query",
    [
        None,
        b"",
        b"model",
        b"model=",
        b"a=1",
        b"model=evil",
        b"model=GPT-realtime",
        b"model=gpt-realtime&model=evil",
        b"model=evil&model=gpt-realtime",
        b"model=gpt-realtime&model=",
        b"model=gpt-realtime&%6dodel=evil",
        # What another parser would read in another way.
        b"model=gpt-realtime&Model=evil",
        b"model=gpt-realtime&MODEL=evil",
        b"model=gpt-realtime;model=evil",
        b"x=1;model=evil&model=gpt-realtime",
        b"model=gpt-realtime&x=1;model=evil",
        b"model=gpt-realtime%26model=evil",
        b"model=gpt-realtime%00evil",
        b"model=gpt-realtime%2541",
        b"model=gpt-realtime+x",
        b"model=gpt-realtime%20x",
        b"model=gpt-realtime%0a",
        b"model=gpt-realtime,evil",
        b"model=gpt-realtime%C3%A9",
        b"model=gpt-realtime" + b"x" * 256,
        b"model=gpt-realtime&model[]=evil",
        b"model=gpt-realtime&model[a]=evil",
        b"Model=gpt-realtime",
        b"+model=gpt-realtime",
        b"model[]=gpt-realtime",
        b"model%C1=gpt-realtime",
        b"model=gpt-realtime&+model=evil",
        b"model=gpt-realtime&%20model=evil",
        b"model%20=evil&model=gpt-realtime",
        b"model%00=evil&model=gpt-realtime",
        b"model=gpt-realtime&call_id=c",
        b"model=gpt-realtime&Call_ID=c",
        b"model=gpt-realtime&intent=transcription",
    ],
)
def test_no_other_model_may_be_used(query: bytes | None) -> None:
    assert not model_allowed(query, IN_QUERY, ("other", "gpt-realtime*"))


def test_an_endpoint_whose_model_nothing_names_allows_none() -> None:
    assert not model_allowed(b"model=m", route_to(Endpoint("/v1/agent")), ("*",))


def test_an_endpoint_whose_model_stands_in_messages_is_judged_there() -> None:
    found = route_to(Endpoint("/v1/live", message_models=(MessageModel("session.model"),)))
    assert model_allowed(None, found, ("m",))


def test_a_model_in_the_path_has_to_fit_too() -> None:
    found = route_to(Endpoint("/{model*}"), "fal-ai/fast")
    assert model_allowed(b"model=evil", found, ("fal-ai/*",))
    assert not model_allowed(b"model=fal-ai/fast", found, ("other/*",))


# --- parts of a host ------------------------------------------------------------------------------

LIVE = "openai/v1/realtime"


@pytest.mark.parametrize(
    ("target", "host", "path"),
    [
        (f"azure/my-res/{LIVE}", "my-res.openai.azure.com", f"/{LIVE}"),
        ("azure-openai/my-res", "my-res.openai.azure.com", f"/{LIVE}"),
        (f"azure//my-res//{LIVE}", "my-res.openai.azure.com", f"/{LIVE}"),
        ("azure/my-res/", "my-res.openai.azure.com", f"/{LIVE}"),
        (f"azure/openai/{LIVE}", "openai.openai.azure.com", f"/{LIVE}"),
        (
            "azure/res/voice-live/realtime",
            "res.services.ai.azure.com",
            "/voice-live/realtime",
        ),
        (
            "vertex/us-central1/ws/google.cloud.aiplatform.v1.LlmBidiService/BidiGenerateContent",
            "us-central1-aiplatform.googleapis.com",
            "/ws/google.cloud.aiplatform.v1.LlmBidiService/BidiGenerateContent",
        ),
    ],
)
def test_a_client_may_name_its_part_of_the_host(target: str, host: str, path: str) -> None:
    found = routed(target)
    assert found.origin == Origin("wss", host, 443)
    assert found.path == path
    assert found.names_account


def test_without_a_part_the_host_is_the_providers() -> None:
    found = routed("vertex")
    assert found.origin == Origin("wss", "aiplatform.googleapis.com", 443)
    assert not found.names_account


@pytest.mark.parametrize(
    "target",
    [
        "azure",
        f"azure/{LIVE}",
        "azure/voice-live/realtime",
        f"azure/evil.example/{LIVE}",
        f"azure/evil.example:443/{LIVE}",
        f"azure/-/{LIVE}",
        f"azure/a@b/{LIVE}",
        f"azure/res/res/{LIVE}",
        f"azure/{'a' * 64}/{LIVE}",
        "azure/res/v1/realtime",
        "vertex/us.evil/ws/google.cloud.aiplatform.v1.LlmBidiService/BidiGenerateContent",
        "openai/my-res/v1/realtime",
        "fal",
        "fal/",
        "workers-ai",
    ],
)
def test_no_other_host_or_path_can_be_named(target: str) -> None:
    with refused(400, 2008):
        routed(target)


def test_a_path_that_names_an_account_is_marked() -> None:
    assert routed("workers-ai/v1/acc/gw/workers-ai").names_account
