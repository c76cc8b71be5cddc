from __future__ import annotations

from dataclasses import replace

import pytest

from relay.protocol import Endpoint, Kind, Origin, Provider, Secret, Slot

# --- origins --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "origin", "path"),
    [
        ("wss://api.test", Origin("wss", "api.test", 443), ""),
        ("ws://api.test/", Origin("ws", "api.test", 80), ""),
        ("wss://API.test:8443/v1/realtime", Origin("wss", "api.test", 8443), "/v1/realtime"),
        ("ws://127.0.0.1:9000", Origin("ws", "127.0.0.1", 9000), ""),
        ("wss://[::1]:9001/x", Origin("wss", "::1", 9001), "/x"),
        ("wss://a_b.test/a.b~c:d@e-f", Origin("wss", "a_b.test", 443), "/a.b~c:d@e-f"),
    ],
)
def test_a_url_is_split_into_origin_and_path(url: str, origin: Origin, path: str) -> None:
    assert Origin.parse(url) == (origin, path)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://api.test", "scheme"),
        ("api.test", "scheme"),
        ("wss://user@api.test", "only a scheme"),
        ("wss://@api.test", "only a scheme"),
        ("wss://api.test?x=1", "only a scheme"),
        ("wss://api.test#x", "only a scheme"),
        ("wss://", "host"),
        ("wss:///path", "host"),
        ("wss://a b.test", "host"),
        ("wss://caf\xe9.test", "host"),
        ("wss://a%2fb.test", "host"),
        ("wss://a..b", "host"),
        ("wss://-a.test", "host"),
        (f"wss://{'a' * 64}.test", "host"),
        ("wss://a.test:0", "port"),
        ("wss://[fe80::1%25eth0]", "host"),
        ("wss://api.test/v1/", "path"),
        ("wss://api.test//v1", "path"),
        ("wss://api.test/../v1", "path"),
        ("wss://api.test/./v1", "path"),
        ("wss://api.test/%2e%2e/v1", "path"),
        ("wss://api.test/{x}", "path"),
        ("wss://api.test:port", "Port"),
        ("wss://api.test:65536", "Port"),
        ("wss://[::1", "IPv6"),
    ],
)
def test_a_url_of_another_form_is_refused(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Origin.parse(url)


@pytest.mark.parametrize(
    ("origin", "authority"),
    [
        (Origin("wss", "api.test", 443), "api.test"),
        (Origin("ws", "api.test", 80), "api.test"),
        (Origin("ws", "api.test", 443), "api.test:443"),
        (Origin("wss", "::1", 443), "[::1]"),
        (Origin("wss", "::1", 80), "[::1]:80"),
        (Origin("ws", "api.test", 0), "api.test:0"),
    ],
)
def test_the_authority_leaves_the_default_port_out(origin: Origin, authority: str) -> None:
    assert origin.authority == authority
    assert origin.address == f"{authority.removesuffix(f':{origin.port}')}:{origin.port}"


# --- slots ----------------------------------------------------------------------------------------


def test_a_field_line_carries_the_scheme_and_the_credential() -> None:
    credential = Secret(b"k 1")
    assert Slot(Kind.FIELD, "x-api-key").field(credential) == (b"x-api-key", b"k 1")
    slot = Slot(Kind.FIELD, "authorization", scheme="Bearer")
    assert slot.field(credential) == (b"authorization", b"Bearer k 1")


def test_a_parameter_carries_the_credential_percent_encoded() -> None:
    assert Slot(Kind.QUERY, "key").parameter(Secret(b"a/b&c=\xff")) == b"key=a%2Fb%26c%3D%FF"


# --- endpoints ------------------------------------------------------------------------------------

VOICE = Endpoint("/v1/tts/{voice}/stream", also=("/v1/speak/{voice}",))


@pytest.mark.parametrize(
    ("tail", "path"),
    [
        ("/v1/tts/v.1~:@-_/stream", "/v1/tts/v.1~:@-_/stream"),
        ("/tts/v1/stream", "/v1/tts/v1/stream"),
        ("/v1/speak/v1", "/v1/tts/v1/stream"),
        ("/speak/v1", "/v1/tts/v1/stream"),
        ("/tts/.../stream", "/v1/tts/.../stream"),
        ("/tts/" + "v" * 256 + "/stream", "/v1/tts/" + "v" * 256 + "/stream"),
    ],
)
def test_an_endpoint_is_named_by_its_paths_with_and_without_version(tail: str, path: str) -> None:
    assert VOICE.match(tail, "/v1") == (path, None)


@pytest.mark.parametrize(
    "tail",
    [
        "/v1/tts/v1",
        "/v1/tts/v1/stream/",
        "/v1/tts/v1/stream/x",
        "/v1//tts/v1/stream",
        "/v1/v1/tts/v1/stream",
        "/v2/tts/v1/stream",
        "/V1/tts/v1/stream",
        "/v1/tts/V1/Stream",
        "/v1/tts//stream",
        "/v1/tts/./stream",
        "/v1/tts/../stream",
        "/v1/tts/%2e%2e/stream",
        "/v1/tts/a%2fb/stream",
        "/v1/tts/a;b/stream",
        "/v1/tts/{voice}/stream",
        "/v1/tts/caf\xe9/stream",
        "/v1/tts/a\\b/stream",
        "/v1/tts/" + "v" * 257 + "/stream",
        "/v1/%74ts/v1/stream",
    ],
)
def test_another_path_names_no_endpoint(tail: str) -> None:
    assert VOICE.match(tail, "/v1") is None


def test_without_a_version_prefix_nothing_is_left_out() -> None:
    endpoint = Endpoint("/v1/tts")
    assert endpoint.match("/v1/tts", "") == ("/v1/tts", None)
    assert endpoint.match("/tts", "") is None


@pytest.mark.parametrize(
    ("tail", "model"),
    [
        ("/fal-ai/fast/realtime", "fal-ai/fast"),
        ("/a/realtime", "a"),
        ("/a/b/c.d/@e/realtime", "a/b/c.d/@e"),
        ("/realtime/realtime", "realtime"),
    ],
)
def test_a_model_may_be_several_segments_of_the_path(tail: str, model: str) -> None:
    assert Endpoint("/{model*}/realtime").match(tail, "") == (tail, model)


@pytest.mark.parametrize(
    "tail",
    ["/realtime", "//realtime", "/a//realtime", "/a/../realtime", "/./realtime", "/a%2f/realtime"],
)
def test_no_segment_is_empty_or_goes_up(tail: str) -> None:
    assert Endpoint("/{model*}/realtime").match(tail, "") is None


def test_a_dot_in_a_path_is_a_dot() -> None:
    assert Endpoint("/ws/a.b").match("/ws/axb", "") is None


def test_an_endpoint_says_whether_its_path_has_a_choice() -> None:
    assert VOICE.has_choice
    assert not Endpoint("/v1/tts").has_choice


# --- providers ------------------------------------------------------------------------------------

_KEY = Slot(Kind.FIELD, "x-api-key")
PROVIDER = Provider(
    name="p",
    origin=Origin("wss", "api.test", 443),
    endpoints=(Endpoint("/v1/realtime", model="model", also=("/v1/old",)), Endpoint("/v1/other")),
    slots=(_KEY,),
    stored=_KEY,
    version="/v1",
)


@pytest.mark.parametrize("url", ["ws://localhost:9000", "ws://localhost:9000/"])
def test_a_url_without_a_path_moves_all_endpoints(url: str) -> None:
    moved = PROVIDER.at(url)
    assert moved.origin == Origin("ws", "localhost", 9000)
    assert moved.endpoints == PROVIDER.endpoints


def test_a_url_with_a_path_is_the_only_endpoint() -> None:
    moved = PROVIDER.at("ws://localhost:9000/api/socket")
    assert moved.origin == Origin("ws", "localhost", 9000)
    (endpoint,) = moved.endpoints
    assert (endpoint.path, endpoint.model) == ("/api/socket", "model")
    for tail in ("/api/socket", "/v1/realtime", "/realtime", "/v1/old", "/old"):
        assert endpoint.match(tail, moved.version) == ("/api/socket", None)
    assert endpoint.match("/v1/other", moved.version) is None


def test_the_default_endpoint_may_have_segments_that_another_url_has_not() -> None:
    provider = Provider("p", PROVIDER.origin, (VOICE,), (_KEY,), _KEY, version="/v1")
    (endpoint,) = provider.at("ws://localhost/echo").endpoints
    assert endpoint.match("/tts/v1/stream", "/v1") == ("/echo", None)


def test_a_provider_is_shown_without_the_field_lines_that_were_configured() -> None:
    provider = Provider(
        "p", PROVIDER.origin, (VOICE,), (_KEY,), _KEY, added_fields=((b"x-team", b"sk-secret"),)
    )
    assert "sk-secret" not in repr(provider)


def test_an_endpoint_may_have_a_host_of_its_own() -> None:
    agent = Endpoint("/v1/agent", host="agent.test")
    provider = Provider("p", PROVIDER.origin, (Endpoint("/v1/x"), agent), (_KEY,), _KEY)
    assert provider.origin_of(agent) == Origin("wss", "agent.test", 443)
    assert provider.origins == (Origin("wss", "api.test", 443), Origin("wss", "agent.test", 443))
    moved = provider.at("ws://localhost:9000")
    assert moved.origins == (Origin("ws", "localhost", 9000),)
    assert provider.at("ws://localhost/only").origins == (Origin("ws", "localhost", 80),)
    assert not provider.needs_url


_LIVE = Endpoint("/live")
_VOICE = Endpoint("/voice", host="{}.voice.test")
_FIXED = Endpoint("/fixed", host="fixed.test")
REGIONAL = Provider(
    "r",
    Origin("wss", "api.test", 443),
    (_LIVE, _VOICE, _FIXED),
    (_KEY,),
    _KEY,
    named_host="{}-api.test",
)


@pytest.mark.parametrize(
    ("endpoint", "part", "host"),
    [
        (_LIVE, "", "api.test"),
        (_LIVE, "us-central1", "us-central1-api.test"),
        (_LIVE, "EU", "eu-api.test"),
        (_LIVE, "a" * 59, "a" * 59 + "-api.test"),
        (_VOICE, "me", "me.voice.test"),
        (_FIXED, "", "fixed.test"),
    ],
)
def test_a_client_may_name_a_part_of_the_host(endpoint: Endpoint, part: str, host: str) -> None:
    assert REGIONAL.origin_of(endpoint, part) == Origin("wss", host, 443)


@pytest.mark.parametrize(
    ("endpoint", "part"),
    [
        (_VOICE, ""),
        (_FIXED, "me"),
        *(
            (_LIVE, part)
            for part in (
                "a" * 60,  # with what follows it more than a label holds
                "evil.test",
                "evil.test:80",
                "a@b",
                "-a",
                "a-",
                "a_b",
                "a" * 64,
                "a\n",
                "caf\xe9",
                "{}",
            )
        ),
    ],
)
def test_no_other_host_can_be_made(endpoint: Endpoint, part: str) -> None:
    assert REGIONAL.origin_of(endpoint, part) is None


def test_a_configured_url_leaves_nothing_to_name() -> None:
    moved = replace(REGIONAL, origin=None).at("wss://me.api.test")
    assert moved.origin_of(_LIVE, "other") is None
    assert moved.origins == (Origin("wss", "me.api.test", 443),)
    assert not moved.needs_url


def test_a_provider_whose_customers_have_hosts_or_paths_needs_a_url() -> None:
    assert replace(REGIONAL, origin=None).needs_url
    account = Endpoint("/{account}/run", names_account=True)
    provider = replace(REGIONAL, endpoints=(account,))
    assert provider.needs_url
    moved = provider.at("wss://api.test/mine/run")
    assert not moved.needs_url
    assert moved.endpoints[0].match("/yours/run", "") == ("/mine/run", None)


SEVERAL = Provider(
    "several",
    Origin("wss", "api.test", 443),
    (
        Endpoint("/v1/live", model="model"),
        Endpoint("/v1/tts/{voice}", message_credentials=("key",), also=("/v1/speak/{voice}",)),
        Endpoint("/{model*}/run"),
    ),
    (_KEY,),
    _KEY,
    version="/v1",
)


def test_a_configured_path_has_the_rules_of_the_endpoint_that_has_it() -> None:
    (endpoint,) = SEVERAL.at("wss://api.test/v1/tts/anna").endpoints
    assert endpoint.message_credentials == ("key",)
    assert endpoint.model is None
    for tail in ("/v1/tts/anna", "/v1/tts/other", "/speak/other"):
        assert endpoint.match(tail, "/v1") == ("/v1/tts/anna", None)
    assert endpoint.match("/v1/live", "/v1") is None


def test_a_configured_path_may_fix_the_model() -> None:
    (endpoint,) = SEVERAL.at("wss://api.test/org/app/run").endpoints
    assert endpoint.match("/org/app/run", "/v1") == ("/org/app/run", "org/app")
    assert endpoint.match("/org/other/run", "/v1") is None


def test_a_configured_path_that_no_endpoint_has_has_the_rules_of_the_default_one() -> None:
    (endpoint,) = SEVERAL.at("wss://api.test/elsewhere").endpoints
    assert endpoint.model == "model"
    assert endpoint.match("/live", "/v1") == ("/elsewhere", None)
