"""From a well-formed configuration to settings that make sense, or to the problems it has."""

from __future__ import annotations

import math
import os
from decimal import Decimal
from ipaddress import ip_network
from pathlib import Path

import pytest

from relay.config import load
from relay.prices import built_in_prices
from relay.protocol import Limits, Secret, Timeouts, TrustedProxies, by_name
from relay.protocol.usage import Usage
from relay.settings import Listener
from tests.config.files import OPEN_GATEWAY, SHA256, load_text, problems_of, write_certificate

GATEWAY = 'gateways."acct/main"'
SECRET = "sk-not-to-be-seen"
CLOSED_GATEWAY = f"""
[gateways."acct/main"]
tokens = [{{ name = "web", sha256 = "{SHA256}" }}]
"""


# Listeners


@pytest.mark.parametrize(
    ("text", "listener"),
    [
        ("127.0.0.1:8080", Listener("http", "127.0.0.1", 8080)),
        ("localhost:0", Listener("http", "localhost", 0)),
        ("[::1]:65535", Listener("http", "::1", 65535)),
        ("http://relay.example.com:80", Listener("http", "relay.example.com", 80)),
        ("unix:/run/relay.sock", Listener("unix", "/run/relay.sock")),
    ],
)
def test_a_listener(tmp_path: Path, text: str, listener: Listener) -> None:
    settings = load_text(tmp_path, f'server.listen = ["{text}"]\n{OPEN_GATEWAY}')
    assert settings.listeners == (listener,)


def test_listeners_have_tls_where_it_is_set_and_no_scheme_says_otherwise(tmp_path: Path) -> None:
    write_certificate(tmp_path)
    settings = load_text(
        tmp_path,
        'server.listen = ["a:1", "http://a:2", "https://a:3", "unix:/a"]\n'
        'server.tls = { certificate = "cert.pem", key = "key.pem" }\n' + OPEN_GATEWAY,
    )
    schemes = [listener.scheme for listener in settings.listeners]
    assert schemes == ["https", "http", "https", "unix"]


@pytest.mark.parametrize(
    "text",
    [
        *("", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1"),
        *("127.0.0.1:http", "127.0.0.1:\uff18\uff10", "::1:8080", "[g]:80", "a b:80"),
        *("a..b:80", ".a:80"),
        *("x" * 64 + ":80", "http://127.0.0.1:80/", "http:127.0.0.1:80", "ftp://a:80", "://a:80"),
        *("HTTP://a:80", "ws://a:80", "http://u@a:80", "a:80\\n", "unix:", "unix:a\\u0000b"),
    ],
)
def test_what_is_no_listener(tmp_path: Path, text: str) -> None:
    problems = problems_of(tmp_path, f'server.listen = ["a:1", "{text}"]\n{OPEN_GATEWAY}')
    assert problems == [
        "server.listen[1]: must be HOST:PORT, http://HOST:PORT, https://HOST:PORT or unix:PATH"
    ]


# TLS


def test_an_https_listener_without_tls(tmp_path: Path) -> None:
    assert problems_of(tmp_path, f'server.listen = ["https://a:1"]\n{OPEN_GATEWAY}') == [
        "server.tls: is missing, and a listener is https"
    ]


@pytest.mark.parametrize("missing", ["cert.pem", "key.pem"])
def test_a_missing_file_of_tls(tmp_path: Path, missing: str) -> None:
    write_certificate(tmp_path)
    (tmp_path / missing).unlink()
    text = 'server.tls = { certificate = "cert.pem", key = "key.pem" }\n' + OPEN_GATEWAY
    assert problems_of(tmp_path, text) == [
        f"server.tls: {tmp_path / missing}: No such file or directory"
    ]


@pytest.mark.parametrize(
    ("certificate", "key"),
    [
        ("key.pem", "key.pem"),
        ("cert.pem", "cert.pem"),
        ("cert.pem", "other/key.pem"),
        ("relay.toml", "relay.toml"),
    ],
)
def test_files_that_are_not_a_certificate_and_its_key(
    tmp_path: Path, certificate: str, key: str
) -> None:
    write_certificate(tmp_path)
    (tmp_path / "other").mkdir()
    write_certificate(tmp_path / "other")
    text = f'server.tls = {{ certificate = "{certificate}", key = "{key}" }}\n{OPEN_GATEWAY}'
    assert problems_of(tmp_path, text) == [
        f"server.tls: {tmp_path / certificate}, {tmp_path / key}: not a certificate and its key"
    ]


# Limits


OTHER_LIMITS = """
[limits]
opening_timeout = "1s"
connect_timeout = "2s"
upstream_timeout = "3s"
idle_timeout = "4m"
max_duration = "5h"
write_timeout = "6s"
close_timeout = "500ms"
drain_timeout = "8s"
ping_interval = "9s"
ping_timeout = "10s"
linger = "11s"
max_head_size = "9KiB"
max_message_size = "10MiB"
max_fragments = 11
"""
OTHER_TIMEOUTS = Timeouts(1, 2, 3, 240, 18000, 6, 0.5, 8, 9, 10, 11)


def test_limits(tmp_path: Path) -> None:
    settings = load_text(tmp_path, OTHER_LIMITS + OPEN_GATEWAY)
    limits = Limits(max_head_size=9216, max_message_size=10 * 2**20, max_fragments=11)
    assert settings.timeouts == OTHER_TIMEOUTS
    assert settings.limits == limits
    assert settings.timeouts_of("acct/main") == OTHER_TIMEOUTS
    assert settings.gateways["acct/main"].limits == limits


def test_a_gateway_overrides_what_it_names_and_inherits_the_rest(tmp_path: Path) -> None:
    settings = load_text(
        tmp_path,
        OTHER_LIMITS
        + OPEN_GATEWAY
        + '[gateways."acct/main".limits]\nmax_duration = "0s"\nidle_timeout = "1s"\n'
        + 'max_fragments = 12\nping_interval = "0s"\nlinger = "0s"\n'
        + OPEN_GATEWAY.replace("main", "other")
        + '[gateways."acct/other".limits]\nconnect_timeout = "20s"\nupstream_timeout = "21s"\n'
        + 'write_timeout = "22s"\nclose_timeout = "23s"\nmax_message_size = "24B"\n'
        + 'ping_timeout = "11s"\nlinger = "1m"\n',
    )
    assert settings.timeouts == OTHER_TIMEOUTS
    assert settings.timeouts_of("acct/main") == Timeouts(
        1, 2, 3, 1, math.inf, 6, 0.5, 8, math.inf, 10, 0
    )
    assert settings.timeouts_of("acct/other") == Timeouts(
        1, 20, 21, 240, 18000, 22, 23, 8, 9, 11, 60
    )
    main, other = settings.gateways["acct/main"].limits, settings.gateways["acct/other"].limits
    assert main == Limits(max_head_size=9216, max_message_size=10 * 2**20, max_fragments=12)
    assert other == Limits(max_head_size=9216, max_message_size=24, max_fragments=11)


# Gateways


def test_every_other_choice_of_a_gateway(tmp_path: Path) -> None:
    settings = load_text(
        tmp_path,
        '[gateways."a/b"]\nauthentication = "none"\nclient_credentials = "refused"\n'
        'lane = "messages"\ncompression = "passthrough"\ntail_content = true\n'
        "origins = []\nproviders = []\n"
        "max_sessions = 1\nopenings_per_minute = 2\n"
        'models = ["gpt-*"]\n',
    )
    gateway = settings.gateways["a/b"]
    assert gateway.models == ("gpt-*",)
    assert not gateway.authentication_required
    assert not gateway.client_credentials_allowed
    assert gateway.messages_lane
    assert gateway.compression
    assert gateway.tail_content
    assert gateway.origins == frozenset()  # none, where an absent key means any
    assert gateway.providers == frozenset()
    assert (gateway.max_sessions, gateway.openings_per_minute) == (1, 2)


def test_a_gateway_that_nobody_could_use(tmp_path: Path) -> None:
    assert problems_of(tmp_path, '[gateways."acct/main"]') == [
        (
            f"{GATEWAY}.tokens: nobody could open a session: "
            'add a token (relay token new), or say authentication = "none"'
        )
    ]


def test_two_tokens_of_one_name(tmp_path: Path) -> None:
    tokens = [
        f'{{ name = "{name}", sha256 = "{number:064}" }}' for number, name in enumerate("abacbcc")
    ]
    text = f'[gateways."acct/main"]\ntokens = [{", ".join(tokens)}]'
    assert problems_of(tmp_path, text) == [
        f"{GATEWAY}.tokens: 2 tokens have the name a",
        f"{GATEWAY}.tokens: 2 tokens have the name b",
        f"{GATEWAY}.tokens: 3 tokens have the name c",
    ]


def test_two_tokens_of_one_hash(tmp_path: Path) -> None:
    tokens = [f'{{ name = "{name}", sha256 = "{SHA256}" }}' for name in "ab"]
    text = f'[gateways."acct/main"]\ntokens = [{", ".join(tokens)}]'
    assert problems_of(tmp_path, text) == [f"{GATEWAY}.tokens: 2 tokens have the same sha256"]


def test_gateways_may_have_tokens_of_one_name(tmp_path: Path) -> None:
    settings = load_text(tmp_path, CLOSED_GATEWAY + CLOSED_GATEWAY.replace("main", "other"))
    assert [gateway.tokens[0].name for gateway in settings.gateways.values()] == ["web", "web"]


def test_unknown_providers(tmp_path: Path) -> None:
    text = (
        '[gateways."acct/main"]\nproviders = ["openai", "nobody"]\n'
        f'tokens = [{{ name = "web", sha256 = "{SHA256}", providers = ["nobody", "noone"] }}]\n'
        'stored_keys = { nobody = { default = "env:NONE" } }\n'
    )
    assert problems_of(tmp_path, text) == [
        f"{GATEWAY}.tokens[0].providers: there is no provider nobody",
        f"{GATEWAY}.tokens[0].providers: there is no provider noone",
        f"{GATEWAY}.providers: there is no provider nobody",
        f"{GATEWAY}.stored_keys: there is no provider nobody",
    ]


def test_aliases_of_providers_are_resolved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_KEY", SECRET)
    text = (
        '[gateways."acct/main"]\nproviders = ["google-ai-studio"]\n'
        f'tokens = [{{ name = "web", sha256 = "{SHA256}", providers = ["google-ai-studio"] }}]\n'
        'stored_keys = { google-ai-studio = { default = "env:GOOGLE_KEY" } }\n'
    )
    gateway = load_text(tmp_path, text).gateways["acct/main"]
    assert gateway.providers == frozenset({"google"})
    assert gateway.tokens[0].providers == frozenset({"google"})
    assert gateway.stored_key("google", "default") == Secret(SECRET.encode())


def test_several_problems_are_told_at_once(tmp_path: Path) -> None:
    text = (
        'server.listen = ["https://0.0.0.0:1", "nowhere"]\n'
        '[gateways."acct/main"]\nproviders = ["nobody"]\n'
        'stored_keys = { openai = { default = "sk" } }\n'
        '[providers.openai]\nurl = "http://a"\nca = "none.pem"\nheaders = { Host = "a" }\n'
    )
    assert [problem.partition(": ")[0] for problem in problems_of(tmp_path, text)] == [
        "server.listen[1]",
        "server.tls",
        "providers.openai.url",
        "providers.openai.ca",
        "providers.openai.headers",
        f"{GATEWAY}.tokens",
        f"{GATEWAY}.providers",
        f"{GATEWAY}.stored_keys.openai.default",
    ]


# Proxies in front


@pytest.mark.parametrize(
    ("text", "trusted"),
    [
        ("[]", TrustedProxies()),
        ('["unix"]', TrustedProxies(unix=True)),
        (
            '["10.0.0.0/8", "127.0.0.1", "fd00::/8", "unix"]',
            TrustedProxies(
                (ip_network("10.0.0.0/8"), ip_network("127.0.0.1/32"), ip_network("fd00::/8")),
                unix=True,
            ),
        ),
    ],
)
def test_trusted_proxies(tmp_path: Path, text: str, trusted: TrustedProxies) -> None:
    settings = load_text(tmp_path, f"server.trusted_proxies = {text}\n{OPEN_GATEWAY}")
    assert settings.trusted_proxies == trusted
    assert not settings.proxy_protocol


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "10.0.0.1/8",
            "::ffff:10.0.0.0/104",
            "10.0.0.0/33",
            "proxy.test",
            "unix:/run/relay.sock",
            "10.0.0.0-9",
        ),
        *("Unix", " 10.0.0.1", "10.0.0.1:80", "[::1]", "fe80::1%lo", "010.0.0.1", "*"),
    ],
)
def test_what_is_no_trusted_proxy(tmp_path: Path, text: str) -> None:
    text = f'server.trusted_proxies = ["10.0.0.1", "{text}"]\n{OPEN_GATEWAY}'
    (problem,) = problems_of(tmp_path, text)
    assert problem == (
        'server.trusted_proxies[1]: must be an address, a network such as "10.0.0.0/8" without '
        'host bits, or "unix"'
    )


def test_the_proxy_protocol_is_for_trusted_proxies(tmp_path: Path) -> None:
    text = f"server.proxy_protocol = true\n{OPEN_GATEWAY}"
    assert problems_of(tmp_path, text) == [
        "server.proxy_protocol: needs server.trusted_proxies, which may use it"
    ]
    text = f'server.trusted_proxies = ["::1"]\n{text}'
    assert load_text(tmp_path, text).proxy_protocol


def test_bounds_on_connections(tmp_path: Path) -> None:
    bounds = "max_sessions_per_address = 3\nmax_openings = 4"
    settings = load_text(tmp_path, f"[server]\n{bounds}\n{OPEN_GATEWAY}")
    assert (settings.max_sessions_per_address, settings.max_openings) == (3, 4)
    settings = load_text(tmp_path, OPEN_GATEWAY)
    assert (settings.max_sessions_per_address, settings.max_openings) == (None, None)


# Stored keys


@pytest.mark.parametrize(
    "listen", ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1", "unix:/a"]
)
def test_open_stored_keys_on_this_machine(tmp_path: Path, listen: str) -> None:
    (tmp_path / "key").write_text(SECRET)
    text = (
        f'server.listen = ["{listen}"]\n{OPEN_GATEWAY}'
        'stored_keys = { openai = { default = "file:key" } }'
    )
    assert problems_of(tmp_path, text) == []


def test_open_stored_keys_behind_a_proxy(tmp_path: Path) -> None:
    """Who knows where that one listens."""
    (tmp_path / "key").write_text(SECRET)
    text = (
        f'server.trusted_proxies = ["127.0.0.1"]\n{OPEN_GATEWAY}'
        'stored_keys = { openai = { default = "file:key" } }\n'
    )
    (problem,) = problems_of(tmp_path, text)
    assert problem.startswith(f"{GATEWAY}.stored_keys: ")
    assert "a proxy in front" in problem
    assert problems_of(tmp_path, text + "open_stored_keys = true") == []


@pytest.mark.parametrize("listen", ["0.0.0.0:1", "[::]:1", "192.0.2.1:1", "relay.example.com:1"])
def test_open_stored_keys_on_an_exposed_listener(tmp_path: Path, listen: str) -> None:
    (tmp_path / "key").write_text(SECRET)
    text = (
        f'server.listen = ["unix:/a", "{listen}"]\n{OPEN_GATEWAY}'
        'stored_keys = { openai = { default = "file:key" } }\n'
    )
    (problem,) = problems_of(tmp_path, text)
    assert problem.startswith(f'{GATEWAY}.stored_keys: with authentication = "none" and a listener')
    assert problems_of(tmp_path, text + "open_stored_keys = true") == []
    assert problems_of(tmp_path, text + "open_stored_keys = false") == [problem]
    closed = text.replace('"none"', f'"required"\ntokens = [{{ name = "a", sha256 = "{SHA256}" }}]')
    assert problems_of(tmp_path, closed) == []


def test_stored_keys_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    monkeypatch.setenv("BAD_KEY", f"{SECRET} and more")
    (tmp_path / "empty").write_text("\n")
    text = f"""{CLOSED_GATEWAY}
[{GATEWAY}.stored_keys.openai]
unset = "env:NO_SUCH_KEY"
bad = "env:BAD_KEY"
mistaken = "env:{SECRET}"
inline = "{SECRET}"
missing = "file:none"
empty = "file:empty"
folder = "file:."
"""
    where = f"{GATEWAY}.stored_keys.openai"
    problems = problems_of(tmp_path, text)
    assert problems == [
        f"{where}.unset: the environment has no variable of that name",
        f"{where}.bad: the key holds spaces or characters that are not visible ASCII",
        f"{where}.mistaken: the environment has no variable of that name",
        (
            f"{where}.inline: must be env:NAME or file:PATH, "
            "unless [server] says allow_inline_secrets = true"
        ),
        f"{where}.missing: {tmp_path / 'none'}: No such file or directory",
        f"{where}.empty: the key is empty",
        f"{where}.folder: {tmp_path}: Is a directory",
    ]


def test_an_inline_key_where_that_is_allowed(tmp_path: Path) -> None:
    text = (
        f"server.allow_inline_secrets = true\n{CLOSED_GATEWAY}"
        f'stored_keys = {{ openai = {{ default = "{SECRET}" }} }}\n'
    )
    gateway = load_text(tmp_path, text).gateways["acct/main"]
    assert gateway.stored_key("openai", "default") == Secret(SECRET.encode())


@pytest.mark.parametrize(
    ("name", "what", "url"),
    [
        ("azure", "", "wss://me.openai.azure.com"),
        (
            "workers-ai",
            ", with the path of your account",
            "wss://gateway.ai.cloudflare.com/v1/A/G/workers-ai",
        ),
    ],
)
def test_a_stored_key_goes_only_where_the_configuration_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, what: str, url: str
) -> None:
    monkeypatch.setenv("KEY", "sk")
    text = f'{OPEN_GATEWAY}stored_keys = {{ {name} = {{ default = "env:KEY" }} }}\n'
    full_name = by_name()[name].name
    assert problems_of(tmp_path, text) == [
        (
            f'gateways."acct/main".stored_keys.{name}: set providers.{full_name}.url{what}: '
            "a stored key goes only where that says"
        )
    ]
    text += f'[providers.{full_name}]\nurl = "{url}"\n'
    assert problems_of(tmp_path, text) == []


def test_a_key_of_a_file_follows_it(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sk-one\n")
    text = CLOSED_GATEWAY + 'stored_keys = { openai = { default = "file:key" } }\n'
    gateway = load_text(tmp_path, text).gateways["acct/main"]
    (tmp_path / "key").write_text("sk-another\n")
    assert gateway.stored_key("openai", "default") == Secret(b"sk-another")
    (tmp_path / "key").unlink()
    assert gateway.stored_key("openai", "default") == Secret(b"sk-another")


def test_gateways_do_not_share_their_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONE", "sk-one")
    monkeypatch.setenv("TWO", "sk-two")
    settings = load_text(
        tmp_path,
        CLOSED_GATEWAY
        + 'stored_keys = { openai = { default = "env:ONE" } }\n'
        + CLOSED_GATEWAY.replace("main", "other")
        + 'stored_keys = { openai = { eu = "env:TWO" } }\n',
    )
    main, other = settings.gateways["acct/main"], settings.gateways["acct/other"]
    assert main.stored_key("openai", "default") == Secret(b"sk-one")
    assert main.stored_key("openai", "eu") is None
    assert other.stored_key("openai", "eu") == Secret(b"sk-two")
    assert other.stored_key("openai", "default") is None


def test_one_alias_twice_by_two_names_of_a_provider(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", SECRET)
    text = CLOSED_GATEWAY + (
        'stored_keys = { google = { a = "env:KEY", b = "env:KEY" }, '
        'google-ai-studio = { b = "env:KEY", c = "env:KEY" } }'
    )
    assert problems_of(tmp_path, text) == [
        f"{GATEWAY}.stored_keys.google-ai-studio.b: google has another key by this alias"
    ]


# Paths


def test_relative_paths_are_relative_to_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, elsewhere = tmp_path / "configuration", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    write_certificate(folder)
    (folder / "key").write_text(SECRET)
    text = f"""
server.listen = ["unix:relay.sock"]
server.tls = {{ certificate = "cert.pem", key = "key.pem" }}
{CLOSED_GATEWAY}
stored_keys = {{ openai = {{ default = "file:key" }} }}
[providers.openai]
ca = "ca.pem"
"""
    (folder / "relay.toml").write_text(text)
    monkeypatch.chdir(elsewhere)
    for path in (folder / "relay.toml", Path(os.path.relpath(folder / "relay.toml"))):
        settings = load(path)
        (listener,) = settings.listeners
        assert Path(listener.host).resolve() == folder / "relay.sock"
        gateway = settings.gateways["acct/main"]
        assert gateway.stored_key("openai", "default") == Secret(SECRET.encode())


def test_absolute_paths_stay_absolute(tmp_path: Path) -> None:
    folder = tmp_path / "configuration"
    folder.mkdir()
    (tmp_path / "key").write_text(SECRET)
    text = (
        f'server.listen = ["unix:{tmp_path}/relay.sock"]\n{CLOSED_GATEWAY}'
        f'stored_keys = {{ openai = {{ default = "file:{tmp_path}/key" }} }}\n'
    )
    settings = load_text(folder, text)
    assert settings.listeners == (Listener("unix", f"{tmp_path}/relay.sock"),)


# Prices


def test_own_prices_stand_beside_those_of_the_built_in_table(tmp_path: Path) -> None:
    text = '[prices.mistral."my-*"]\ninput_audio_seconds = "0.5 / 1h"\n'
    prices = load_text(tmp_path, OPEN_GATEWAY + text).prices
    assert prices.cost("mistral", "my-model", Usage(input_audio_seconds=Decimal(7200))) == 1
    assert prices.version == f"{built_in_prices().version}+relay.toml"
    assert load_text(tmp_path, OPEN_GATEWAY).prices is built_in_prices()


def test_prices_that_mean_nothing_are_problems(tmp_path: Path) -> None:
    text = """
    [prices.nobody.m]
    [prices.grok.m]
    [prices.openai."gpt-*"]
    input_text_tokens = "4.00"
    tokens = "1 / 1M"
    """
    problems = problems_of(tmp_path, OPEN_GATEWAY + text)
    assert problems[:3] == [
        "prices.nobody: there is no provider of that name",
        "prices.grok: there is no provider of that name",
        (
            'prices.openai."gpt-*".input_text_tokens: must be dollars for a number of them, '
            'such as "4.00 / 1M"'
        ),
    ]
    assert problems[3].startswith('prices.openai."gpt-*".tokens: there is no such unit; there are ')


# Metadata


def test_a_token_s_metadata_has_the_form_that_clients_are_held_to(tmp_path: Path) -> None:
    token = f'tokens = [{{ name = "web", sha256 = "{SHA256}", metadata = {{ %s }} }}]'
    gateway = f'[gateways."a/b"]\n{token}'
    settings = load_text(tmp_path, gateway % 'team = "voice", beta = true, share = 0.5, n = 1')
    assert settings.gateways["a/b"].tokens[0].metadata == {
        "team": "voice",
        "beta": True,
        "share": 0.5,
        "n": 1,
    }
    where = 'gateways."a/b".tokens[0].metadata'
    six = ", ".join(f"{name} = 1" for name in "abcdef")
    assert problems_of(tmp_path, gateway % six) == [f"{where}: must be at most 5 entries"]
    assert problems_of(tmp_path, gateway % '"cf.x" = 1') == [
        f"{where}: cf.x cannot be an entry (docs/records.md)"
    ]
