"""From a well-formed configuration to settings that make sense, or to the problems it has."""

from __future__ import annotations

import os
from ipaddress import ip_network
from pathlib import Path

import pytest

from relay.config import load
from relay.protocol import Secret, TrustedProxies
from relay.settings import Listener
from tests.config.files import (
    CLOSED_GATEWAY,
    GATEWAY,
    OPEN_GATEWAY,
    load_text,
    problems_of,
    write_certificate,
)

SECRET = "sk-not-to-be-seen"


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


# All of it


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
