"""``[providers.NAME]``: where they are, through what they are reached, and what passes to them."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from relay.protocol import CATALOGUE, Origin, Proxy, Secret, by_name
from tests.certificates import authority
from tests.config.files import OPEN_GATEWAY, load_text, problems_of, write_certificate

SECRET = "sk-not-to-be-seen"


def openai(entry: str) -> str:
    """A configuration with that in the table of ``openai``."""
    return f"{OPEN_GATEWAY}[providers.openai]\n{entry}\n"


def test_the_catalogue_is_there_by_name_and_alias(tmp_path: Path) -> None:
    settings = load_text(tmp_path, OPEN_GATEWAY)
    assert settings.providers == by_name()
    assert set(settings.trust) == {provider.name for provider in CATALOGUE}


def test_a_url_without_a_path_moves_all_endpoints(tmp_path: Path) -> None:
    for url in ("ws://127.0.0.1:9000", "ws://127.0.0.1:9000/"):
        settings = load_text(tmp_path, f'{OPEN_GATEWAY}[providers.google]\nurl = "{url}"\n')
        google = settings.providers["google"]
        assert google.origin == Origin("ws", "127.0.0.1", 9000)
        assert google.endpoints == by_name()["google"].endpoints
        assert settings.providers["google-ai-studio"] == google


def test_a_url_with_a_path_is_the_only_endpoint(tmp_path: Path) -> None:
    text = f'{OPEN_GATEWAY}[providers.openai]\nurl = "wss://[::1]/openai/v1/realtime"\n'
    openai = load_text(tmp_path, text).providers["openai"]
    assert openai.origin == Origin("wss", "::1", 443)
    (endpoint,) = openai.endpoints
    assert endpoint.path == "/openai/v1/realtime"
    assert endpoint.match("/realtime", openai.version) == ("/openai/v1/realtime", None)


def test_a_new_provider_is_like_another_by_name_or_alias(tmp_path: Path) -> None:
    text = (
        OPEN_GATEWAY
        + '[providers.one]\nlike = "google"\nurl = "wss://one.example"\n'
        + '[providers.two]\nlike = "google-ai-studio"\nurl = "wss://two.example"\n'
    )
    settings = load_text(tmp_path, text)
    google = settings.providers["google"]
    assert google == by_name()["google"]  # and so is its alias
    assert settings.providers["google-ai-studio"] == google
    for name in ("one", "two"):
        provider = settings.providers[name]
        assert provider.name == name
        assert provider.origin == Origin("wss", f"{name}.example", 443)
        assert provider.endpoints == google.endpoints
        assert provider.slots == google.slots
        assert provider.stored == google.stored
        assert name in settings.trust


@pytest.mark.parametrize(
    ("name", "entry", "problem"),
    [
        ("local", 'url = "ws://a"', "local.like: is missing: which provider is it like?"),
        ("local", 'like = "openai"', "local.url: is missing"),
        (
            "local",
            'like = "local"\nurl = "ws://a"',
            "local.like: the catalogue has no provider local",
        ),
        ("openai", 'like = "google"', "openai.like: this provider stands in the catalogue"),
        (
            "google-ai-studio",
            'url = "ws://a"',
            "google-ai-studio: is an alias: its name is google",
        ),
        ("openai", 'url = "https://a"', "openai.url: the scheme is not wss or ws"),
        ("openai", 'url = "a.example"', "openai.url: the scheme is not wss or ws"),
        ("openai", 'url = "wss:///v1"', "openai.url: the host is missing or malformed"),
        (
            "openai",
            'url = "wss://user:sk-not-to-be-seen@a"',
            "openai.url: only a scheme, a host, a port and a path may stand here",
        ),
        (
            "openai",
            'url = "wss://a/?key=sk-not-to-be-seen"',
            "openai.url: only a scheme, a host, a port and a path may stand here",
        ),
        ("openai", 'url = "wss://a/../b"', "openai.url: the path is malformed"),
    ],
)
def test_a_provider_that_makes_no_sense(
    tmp_path: Path, name: str, entry: str, problem: str
) -> None:
    text = f"{OPEN_GATEWAY}[providers.{name}]\n{entry}\n"
    assert problems_of(tmp_path, text) == [f"providers.{problem}"]
    # That a gateway names it brings no second problem.
    text = text.replace("[providers", f'providers = ["{name}"]\n[providers')
    assert problems_of(tmp_path, text) == [f"providers.{problem}"]


@pytest.mark.parametrize("url", ["wss://a:99999", "wss://a:x", "wss://[::1", "wss://[x]"])
def test_a_url_that_cannot_be_parsed(tmp_path: Path, url: str) -> None:
    (problem,) = problems_of(tmp_path, f'{OPEN_GATEWAY}[providers.openai]\nurl = "{url}"\n')
    assert problem.startswith("providers.openai.url: ")


def test_a_trust_root_is_for_its_provider_alone(tmp_path: Path) -> None:
    write_certificate(tmp_path, authority("only here"))
    settings = load_text(
        tmp_path,
        f'{OPEN_GATEWAY}[providers.openai]\nca = "ca.pem"\n'
        '[providers.local]\nlike = "openai"\nurl = "wss://localhost"\n',
    )

    def trusts(name: str) -> bool:
        roots = settings.trust[name].get_ca_certs()
        return any((("organizationName", "only here"),) in root["subject"] for root in roots)

    assert trusts("openai")
    assert not trusts("google")
    assert not trusts("local")
    for context in settings.trust.values():
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname


@pytest.mark.parametrize(
    ("ca", "problem"),
    [
        ("none.pem", "none.pem: No such file or directory"),
        ("relay.toml", "relay.toml holds no certificate"),
        ("key.pem", "key.pem holds no certificate"),
    ],
)
def test_a_trust_root_that_is_none(tmp_path: Path, ca: str, problem: str) -> None:
    write_certificate(tmp_path)
    text = f'{OPEN_GATEWAY}[providers.openai]\nca = "{ca}"\n'
    assert problems_of(tmp_path, text) == [f"providers.openai.ca: {tmp_path}/{problem}"]


def test_headers_are_added_in_lower_case(tmp_path: Path) -> None:
    text = f"""{OPEN_GATEWAY}
[providers.openai]
headers = {{ "X-Team" = "voice and\\tmore", "User-Agent" = "!" }}
"""
    openai = load_text(tmp_path, text).providers["openai"]
    assert openai.added_fields == ((b"x-team", b"voice and\tmore"), (b"user-agent", b"!"))


@pytest.mark.parametrize(
    "name",
    [
        *("Host", "CONNECTION", "upgrade", "Sec-WebSocket-Key", "sec-websocket-protocol"),
        *("Content-Length", "Transfer-Encoding", "TE", "Trailer", "cf-aig-authorization"),
        *("Proxy-Authorization", "proxy-connection"),
    ],
)
def test_headers_that_are_the_relays_own(tmp_path: Path, name: str) -> None:
    text = f'{OPEN_GATEWAY}[providers.openai]\nheaders = {{ {name} = "{SECRET}" }}\n'
    assert problems_of(tmp_path, text) == [
        f"providers.openai.headers: {name} is a field of the relay's own"
    ]


@pytest.mark.parametrize(
    ("provider", "name"),
    [
        ("openai", "Authorization"),
        ("google", "X-Goog-Api-Key"),
        ("cartesia", "x-api-key"),
        ("elevenlabs", "XI-API-KEY"),
    ],
)
def test_headers_that_carry_a_credential(tmp_path: Path, provider: str, name: str) -> None:
    text = f'{OPEN_GATEWAY}[providers.{provider}]\nheaders = {{ {name} = "{SECRET}" }}\n'
    assert problems_of(tmp_path, text) == [
        f"providers.{provider}.headers: {name} is for a credential: see stored_keys"
    ]


@pytest.mark.parametrize("name", ["", "X Team", "X-Team:", "X\\r\\nHost", "Ü", "X\\u0000"])
def test_header_names_that_are_malformed(tmp_path: Path, name: str) -> None:
    text = f'{OPEN_GATEWAY}[providers.openai]\nheaders = {{ "{name}" = "{SECRET}" }}\n'
    (problem,) = problems_of(tmp_path, text)
    assert problem.startswith("providers.openai.headers: '")
    assert problem.endswith("' is not a field name")
    assert problem.isprintable()


@pytest.mark.parametrize(
    "value", ["", " a", "a ", "\\t", "a\\r\\nHost: b", "a\\nb", "ä", "a\\u0000"]
)
def test_header_values_that_are_malformed(tmp_path: Path, value: str) -> None:
    text = f'{OPEN_GATEWAY}[providers.openai]\nheaders = {{ X-Team = "{value}" }}\n'
    assert problems_of(tmp_path, text) == [
        "providers.openai.headers: the value of X-Team cannot stand in a field"
    ]


def test_a_header_that_stands_twice(tmp_path: Path) -> None:
    text = OPEN_GATEWAY + '[providers.openai]\nheaders = { X-Team = "a", x-team = "b" }\n'
    assert problems_of(tmp_path, text) == ["providers.openai.headers: x-team stands there 2 times"]


# Upstreams


def test_upstreams_are_tried_in_their_order(tmp_path: Path) -> None:
    text = openai('upstreams = ["wss://a.example", "wss://b.example:8443", "ws://127.0.0.1:9/"]')
    provider = load_text(tmp_path, text).providers["openai"]
    assert provider.origin == Origin("wss", "a.example", 443)
    assert provider.other_origins == (
        Origin("wss", "b.example", 8443),
        Origin("ws", "127.0.0.1", 9),
    )
    assert provider.endpoints == by_name()["openai"].endpoints
    assert not provider.failover_on_429


def test_upstreams_with_a_path_have_one_endpoint(tmp_path: Path) -> None:
    text = openai('upstreams = ["wss://a.example/v2/rt", "wss://b.example/v2/rt"]')
    (endpoint,) = load_text(tmp_path, text).providers["openai"].endpoints
    assert endpoint.path == "/v2/rt"


def test_a_new_provider_may_have_upstreams_instead_of_a_url(tmp_path: Path) -> None:
    text = (
        f'{OPEN_GATEWAY}[providers.local]\nlike = "openai"\n'
        'upstreams = ["wss://a.example", "wss://b.example"]\nfailover_on_429 = true\n'
    )
    local = load_text(tmp_path, text).providers["local"]
    assert [each.host for each in local.origins] == ["a.example", "b.example"]
    assert local.failover_on_429


def test_a_url_is_the_only_upstream(tmp_path: Path) -> None:
    provider = load_text(tmp_path, openai('url = "wss://a.example"')).providers["openai"]
    assert provider.other_origins == ()


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("upstreams = []", "upstreams: must not be empty"),
        ('upstreams = ["wss://a", 1]', "upstreams[1]: must be a string"),
        ('upstreams = ["wss://a", "https://b"]', "upstreams[1]: the scheme is not wss or ws"),
        ('upstreams = ["https://a", "wss://b"]', "upstreams[0]: the scheme is not wss or ws"),
        (
            f'upstreams = ["wss://a", "wss://b?key={SECRET}"]',
            "upstreams[1]: only a scheme, a host, a port and a path may stand here",
        ),
        (
            'upstreams = ["wss://a/v1", "wss://b"]',
            "upstreams: the path must be the same in all of them",
        ),
        (
            'upstreams = ["wss://a/v1", "wss://b/v2"]',
            "upstreams: the path must be the same in all of them",
        ),
        (
            'url = "wss://a"\nupstreams = ["wss://b"]',
            "upstreams: stands beside url: only one of them may",
        ),
        ("failover_on_429 = true", "failover_on_429: there are no upstreams to go on to"),
        (
            'url = "wss://a"\nfailover_on_429 = true',
            "failover_on_429: there are no upstreams to go on to",
        ),
        ("failover_on_429 = 1", "failover_on_429: must be true or false"),
    ],
)
def test_upstreams_that_make_no_sense(tmp_path: Path, entry: str, problem: str) -> None:
    assert problems_of(tmp_path, openai(entry)) == [f"providers.openai.{problem}"]


# Proxies


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("http://proxy.example:3128", Proxy("proxy.example", 3128)),
        ("http://127.0.0.1:80", Proxy("127.0.0.1", 80)),
        ("http://[::1]:3128", Proxy("::1", 3128)),
    ],
)
def test_a_proxy_is_for_its_provider_alone(tmp_path: Path, url: str, proxy: Proxy) -> None:
    settings = load_text(tmp_path, openai(f'proxy = "{url}"'))
    assert settings.proxies == {"openai": proxy}


def test_the_environment_names_no_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://proxy.example:3128")
    assert load_text(tmp_path, openai('url = "wss://a.example"')).proxies == {}


@pytest.mark.parametrize(
    "url",
    [
        *("http://proxy.example", "proxy.example:3128", "https://proxy.example:3128"),
        *("http://proxy.example:0", "http://proxy.example:65536", "http://:3128", "socks5://a:1"),
        *("http://proxy.example:3128/", "HTTP://proxy.example:3128", "http://[g]:80", "http://"),
        f"http://user:{SECRET}@proxy.example:3128",
    ],
)
def test_what_is_no_proxy(tmp_path: Path, url: str) -> None:
    assert problems_of(tmp_path, openai(f'proxy = "{url}"')) == [
        "providers.openai.proxy: must be http://HOST:PORT, and nothing else"
    ]


def test_credentials_for_a_proxy_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROXY_USER", f"relay:{SECRET}")
    text = openai('proxy = "http://a:1"\nproxy_credentials = "env:PROXY_USER"')
    settings = load_text(tmp_path, text)
    credentials = settings.proxies["openai"].credentials
    assert credentials is not None
    assert credentials() == Secret(f"relay:{SECRET}".encode())
    assert SECRET not in repr(settings)


def test_credentials_of_a_file_follow_it(tmp_path: Path) -> None:
    (tmp_path / "proxy").write_text("relay:one\n")
    text = openai('proxy = "http://a:1"\nproxy_credentials = "file:proxy"')
    credentials = load_text(tmp_path, text).proxies["openai"].credentials
    assert credentials is not None
    assert credentials() == Secret(b"relay:one")
    (tmp_path / "proxy").write_text("relay:another\n")
    assert credentials() == Secret(b"relay:another")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("env:NO_SUCH_NAME", "the environment has no variable of that name"),
        (
            f"relay:{SECRET}",
            "must be env:NAME or file:PATH, unless [server] says allow_inline_secrets = true",
        ),
        ("env:NO_COLON", "must hold user:password"),
        ("file:no-colon", "must hold user:password"),
    ],
)
def test_credentials_that_cannot_be_used(
    tmp_path: Path, text: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_SUCH_NAME", raising=False)
    monkeypatch.setenv("NO_COLON", SECRET)
    (tmp_path / "no-colon").write_text(SECRET)
    entry = f'proxy = "http://a:1"\nproxy_credentials = "{text}"'
    assert problems_of(tmp_path, openai(entry)) == [
        f"providers.openai.proxy_credentials: {problem}"
    ]


def test_credentials_may_stand_in_the_file_where_secrets_may(tmp_path: Path) -> None:
    text = openai(f'proxy = "http://a:1"\nproxy_credentials = "relay:{SECRET}"')
    settings = load_text(tmp_path, f"server.allow_inline_secrets = true\n{text}")
    credentials = settings.proxies["openai"].credentials
    assert credentials is not None
    assert credentials() == Secret(f"relay:{SECRET}".encode())


def test_credentials_without_a_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROXY_USER", f"relay:{SECRET}")
    assert problems_of(tmp_path, openai('proxy_credentials = "env:PROXY_USER"')) == [
        "providers.openai.proxy_credentials: there is no proxy they are for"
    ]


# Field lines that pass


def test_forwarded_names_pass_besides_those_of_the_catalogue(tmp_path: Path) -> None:
    text = openai('forward = ["X-Tenant", "x-trace-id"]\nheaders = { X-Team = "voice" }')
    settings = load_text(tmp_path, text)
    assert settings.providers["openai"].fields == (b"openai-*", b"x-tenant", b"x-trace-id")
    assert settings.providers["google"].fields == by_name()["google"].fields


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("", "'' is not a field name"),
        ("X Tenant", "'X Tenant' is not a field name"),
        *(
            (name, f"{name} is a field of the relay's own")
            for name in (
                *("Host", "connection", "Upgrade", "Content-Length", "TE", "cf-aig-byok-alias"),
                *("Sec-WebSocket-Protocol", "Proxy-Authorization", "transfer-encoding"),
            )
        ),
        *(
            (name, f"{name} is for a credential: see stored_keys")
            for name in ("Authorization", "x-api-key", "XI-API-KEY", "x-goog-api-key")
        ),
        *(
            (name, f"{name} never passes to a provider")
            for name in (
                *("Cookie", "origin", "Forwarded", "X-Forwarded-For", "x-forwarded-client-cert"),
                *("X-Real-IP", "via", "Keep-Alive", "Expect"),
            )
        ),
        ("x-*", "x-* is not one name: a wildcard cannot stand here"),
        ("*", "* is not one name: a wildcard cannot stand here"),
    ],
)
def test_names_that_cannot_be_forwarded(tmp_path: Path, name: str, problem: str) -> None:
    assert problems_of(tmp_path, openai(f'forward = ["{name}"]')) == [
        f"providers.openai.forward: {problem}"
    ]


def test_a_forwarded_name_that_stands_twice(tmp_path: Path) -> None:
    assert problems_of(tmp_path, openai('forward = ["X-Tenant", "x-team", "x-tenant"]')) == [
        "providers.openai.forward: x-tenant stands there 2 times"
    ]


def test_a_forwarded_name_that_is_added_too(tmp_path: Path) -> None:
    text = openai('forward = ["x-tenant"]\nheaders = { X-Tenant = "a" }')
    assert problems_of(tmp_path, text) == [
        "providers.openai.forward: x-tenant also stands in headers, which would replace it"
    ]
