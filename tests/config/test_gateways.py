"""Gateways, their tokens and their stored keys, or what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from relay.protocol import Secret, by_name
from tests.config.files import CLOSED_GATEWAY, GATEWAY, OPEN_GATEWAY, SHA256, load_text, problems_of

SECRET = "sk-not-to-be-seen"


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
