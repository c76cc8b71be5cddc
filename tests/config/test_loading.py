"""Reading ``relay.toml``: what comes out, and what the errors say."""

from __future__ import annotations

import copy
import json
import ssl
import tomllib
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from relay.config import ConfigError, load
from relay.protocol import GatewayToken, Limits, Origin, Secret, Timeouts
from relay.settings import Listener, Settings
from tests.config.files import OPEN_GATEWAY, SHA256, load_text, problems_of, write_certificate

SECRET = "sk-not-to-be-seen"

# The example of the documentation, whole; SHA256 and FOLDER are filled in.
EXAMPLE = """
[server]
listen = ["127.0.0.1:8080", "https://[::1]:8443", "unix:/run/relay.sock"]
tls = { certificate = "cert.pem", key = "key.pem" }
max_sessions = 9000

[limits]
opening_timeout = "10s"
connect_timeout = "10s"
upstream_timeout = "10s"
idle_timeout = "10m"
max_duration = "0s"
write_timeout = "30s"
close_timeout = "5s"
drain_timeout = "25s"
ping_interval = "0s"
ping_timeout = "20s"
linger = "0s"
max_head_size = "16KiB"
max_message_size = "32MiB"
max_fragments = 65536

[gateways."acct/main"]
authentication = "required"
origins = ["https://app.example.com"]
providers = ["openai", "google", "local"]
client_credentials = "allowed"
lane = "verbatim"
compression = "off"
tokens = [{ name = "web", sha256 = "SHA256", providers = ["openai"], models = ["gpt-realtime*"], \
expires = 2027-01-01T00:00:00Z, max_sessions = 50, openings_per_minute = 60 }]
stored_keys = { openai = { default = "env:OPENAI_API_KEY", eu = "file:FOLDER/openai-eu" } }
max_sessions = 200
openings_per_minute = 600

[gateways."acct/main".limits]
max_duration = "30m"

[providers.openai]
url = "wss://localhost:9001"
ca = "ca.pem"

[providers.local]
like = "openai"
url = "ws://127.0.0.1:9000/v1/realtime"
headers = { "X-Team" = "voice" }
"""


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The example, with all that it refers to in place."""
    write_certificate(tmp_path)
    (tmp_path / "openai-eu").write_text("sk-eu\n")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-default")
    return EXAMPLE.replace("SHA256", SHA256).replace("FOLDER", str(tmp_path))


def test_the_whole_example(tmp_path: Path, example: str) -> None:
    settings = load_text(tmp_path, example)
    assert settings.listeners == (
        Listener("https", "127.0.0.1", 8080),  # no scheme: TLS, since `tls` is set
        Listener("https", "::1", 8443),
        Listener("unix", "/run/relay.sock"),
    )
    assert settings.tls is not None
    assert isinstance(settings.tls.context(), ssl.SSLContext)
    assert settings.max_sessions == 9000
    assert settings.limits == Limits()
    assert settings.timeouts == Timeouts()

    assert list(settings.gateways) == ["acct/main"]
    gateway = settings.gateways["acct/main"]
    assert gateway.name == "acct/main"
    assert gateway.authentication_required
    assert gateway.origins == frozenset({"https://app.example.com"})
    assert gateway.providers == frozenset({"openai", "google", "local"})
    assert gateway.client_credentials_allowed
    assert not gateway.messages_lane
    assert not gateway.compression
    assert gateway.tokens == (
        GatewayToken(
            name="web",
            sha256=bytes.fromhex(SHA256),
            providers=frozenset({"openai"}),
            models=("gpt-realtime*",),
            expires=datetime(2027, 1, 1, tzinfo=UTC).timestamp(),
            max_sessions=50,
            openings_per_minute=60,
        ),
    )
    assert gateway.stored_key("openai", "default") == Secret(b"sk-default")
    assert gateway.stored_key("openai", "eu") == Secret(b"sk-eu")
    assert gateway.stored_key("openai", "us") is None
    assert gateway.stored_key("google", "default") is None
    assert gateway.max_sessions == 200
    assert gateway.openings_per_minute == 600
    assert gateway.limits == Limits()
    assert settings.timeouts_of("acct/main") == Timeouts(max_duration=1800)

    openai, local = settings.providers["openai"], settings.providers["local"]
    assert openai.origin == Origin("wss", "localhost", 9001)
    assert [each.path for each in openai.endpoints][:2] == [
        "/v1/realtime",
        "/v1/realtime/translations",
    ]
    assert openai.added_fields == ()
    assert local.name == "local"
    assert local.origin == Origin("ws", "127.0.0.1", 9000)
    assert [each.path for each in local.endpoints] == ["/v1/realtime"]
    assert local.slots == openai.slots
    assert local.added_fields == ((b"x-team", b"voice"),)
    assert settings.trust["openai"] is not settings.trust["local"]


def test_the_least_configuration(tmp_path: Path) -> None:
    settings = load_text(tmp_path, OPEN_GATEWAY)
    assert settings.listeners == (Listener("http", "127.0.0.1", 8080),)
    assert settings.tls is None
    assert settings.max_sessions is None
    assert settings.limits == Limits()
    assert settings.timeouts == Timeouts()
    assert settings.timeouts_of("acct/main") == Timeouts()
    gateway = settings.gateways["acct/main"]
    assert gateway.origins is None
    assert gateway.providers is None
    assert gateway.client_credentials_allowed
    assert not gateway.messages_lane
    assert not gateway.compression
    assert not gateway.tail_content
    assert gateway.tokens == ()
    assert gateway.max_sessions is None
    assert gateway.openings_per_minute is None
    assert gateway.stored_key("openai", "default") is None


def test_a_byte_order_mark_and_carriage_returns_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "relay.toml"
    path.write_bytes(b"\xef\xbb\xbf" + OPEN_GATEWAY.replace("\n", "\r\n").encode())
    assert list(load(path).gateways) == ["acct/main"]


def test_each_line_of_an_error_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "strange name.toml"
    path.write_text("[server]\nlisten = 1\nmax_sessions = 0\n")
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert caught.value.problems == [
        "server.listen: must be an array",
        "server.max_sessions: must be at least 1",
    ]
    assert str(caught.value) == "\n".join(f"{path}: {each}" for each in caught.value.problems)


def test_an_empty_file(tmp_path: Path) -> None:
    assert problems_of(tmp_path, "") == ["gateways: there is none, so nothing could be opened"]


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "none.toml")
    assert str(caught.value) == f"{tmp_path / 'none.toml'}: No such file or directory"


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Is a directory"):
        load(tmp_path)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "relay.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="the file is not UTF-8"):
        load(path)


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("[server]\nlisten 1\n", 2, 8),
        ("[server\n", 1, 8),
        ("[limits]\n\nmax_fragments = 1x\n", 3, 18),
        ("[limits]\n[limits]\n", 2, 8),
        ("a = 1\na = 2\n", 2, 6),
        ("a = 2027-13-45T00:00:00Z\n", 1, 9),
    ],
)
def test_a_syntax_error_has_line_and_column(
    tmp_path: Path, text: str, line: int, column: int
) -> None:
    (problem,) = problems_of(tmp_path, text)
    assert problem.startswith("this is not TOML: ")
    assert problem.endswith(f"(at line {line}, column {column})")


@pytest.mark.parametrize(
    "text", ["a = " + "[" * 5000, "a = " + "9" * 5000, "a = " + "{b=" * 5000], ids=str.split
)
def test_absurd_toml_is_an_error_like_any_other(tmp_path: Path, text: str) -> None:
    (problem,) = problems_of(tmp_path, text)
    assert problem.startswith("this is not TOML: ")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("servers = 1", "servers: unknown key (did you mean server?)"),
        ("nothing_alike = 1", "nothing_alike: unknown key"),
        ("listen = []", "listen: unknown key here (it stands in [server])"),
        (
            "[gateways.'a/b']\nidle_timeout = '1s'",
            'gateways."a/b".idle_timeout: unknown key here (it stands in [limits])',
        ),
        ("[server]\nlsten = []", "server.lsten: unknown key (did you mean listen?)"),
        (
            '[server]\ntls = { cert = "c", certificate = "c", key = "k" }',
            "server.tls.cert: unknown key (did you mean certificate?)",
        ),
        ("[limits]\nidle = '1s'", "limits.idle: unknown key (did you mean idle_timeout?)"),
        (
            "[gateways.'a/b']\norigin = []",
            'gateways."a/b".origin: unknown key (did you mean origins?)',
        ),
        (
            f"[gateways.'a/b']\ntokens = [{{ name = 'a', sha256 = '{SHA256}', expire = 1 }}]",
            'gateways."a/b".tokens[0].expire: unknown key (did you mean expires?)',
        ),
        (
            "[gateways.'a/b'.limits]\nmax_message = '1B'",
            'gateways."a/b".limits.max_message: unknown key (did you mean max_message_size?)',
        ),
        ("[providers.openai]\nuri = 1", "providers.openai.uri: unknown key (did you mean url?)"),
        # A provider's or a gateway's name is no index, and can be anything in an error.
        ("[providers.42]\nuri = 1", "providers.42.uri: unknown key (did you mean url?)"),
        ('"a.b" = 1', '"a.b": unknown key'),
        ('"a\\"\\u001b[31m\\n" = 1', '"a\\"\\u001b[31m\\n": unknown key'),
    ],
)
def test_an_unknown_key(tmp_path: Path, text: str, problem: str) -> None:
    assert problems_of(tmp_path, text) == [problem]


@pytest.mark.parametrize("key", ["opening_timeout", "drain_timeout", "max_head_size"])
def test_a_limit_that_a_gateway_cannot_have(tmp_path: Path, key: str) -> None:
    value = "1KiB" if key.endswith("size") else "1s"
    text = f'{OPEN_GATEWAY}limits = {{ {key} = "{value}" }}'
    assert problems_of(tmp_path, text) == [
        f'gateways."acct/main".limits.{key}: unknown key here (it stands in [limits])'
    ]


DURATION = 'must be a duration such as "500ms", "10s", "5m" or "1h"'
SIZE = 'must be a size such as "512B", "16KiB" or "32MiB"'
GATEWAY_NAME = "must be account_id/gateway_id, each 1 to 64 of A-Z a-z 0-9 _ -"
NAME = "must be 1 to 64 of A-Z a-z 0-9 _ -"
DATE_AND_TIME = "must be a date and time with an offset, such as 2027-01-01T00:00:00Z"
ORIGIN = 'must be "null", or an origin in lower case such as "https://app.example.com"'
GATEWAY = 'gateways."a/b"'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("server = 1", "server: must be a table"),
        ("gateways = []", "gateways: must be a table"),
        ("[gateways]\n'a/b' = 1", f"{GATEWAY}: must be a table"),
        ("[providers]\nopenai = 'wss://a'", "providers.openai: must be a table"),
        ("[server]\nlisten = '127.0.0.1:80'", "server.listen: must be an array"),
        ("[server]\nlisten = []", "server.listen: must not be empty"),
        ("[server]\nlisten = ['a:1', 80]", "server.listen[1]: must be a string"),
        ("[server]\ntls = { key = 'k' }", "server.tls.certificate: is missing"),
        (
            "[server]\ntls = { certificate = '', key = 'k' }",
            "server.tls.certificate: must be the path of a file",
        ),
        (
            "[server]\ntls = { certificate = 'c', key = \"\\u0000\" }",
            "server.tls.key: must be the path of a file",
        ),
        ("[server]\nmax_sessions = '9'", "server.max_sessions: must be a whole number"),
        ("[server]\nmax_sessions = 9.0", "server.max_sessions: must be a whole number"),
        ("[server]\nmax_sessions = true", "server.max_sessions: must be a whole number"),
        ("[server]\nmax_sessions = -1", "server.max_sessions: must be at least 1"),
        (
            "[server]\nallow_inline_secrets = 1",
            "server.allow_inline_secrets: must be true or false",
        ),
        ("[limits]\nidle_timeout = 600", f"limits.idle_timeout: {DURATION}"),
        ("[limits]\nidle_timeout = '600'", f"limits.idle_timeout: {DURATION}"),
        ("[limits]\nidle_timeout = '0s'", "limits.idle_timeout: must be longer than 0s"),
        ("[limits]\nping_timeout = '0s'", "limits.ping_timeout: must be longer than 0s"),
        ("[limits]\nmax_duration = 'none'", f"limits.max_duration: {DURATION}"),
        ("[limits]\nmax_head_size = 16384", f"limits.max_head_size: {SIZE}"),
        ("[limits]\nmax_head_size = '16KB'", f"limits.max_head_size: {SIZE}"),
        (
            "[gateways.main]",
            f"gateways.main: the name {GATEWAY_NAME}",
        ),
        (
            "[gateways.'a/b']\nauthentication = 'off'",
            f"{GATEWAY}.authentication: must be 'required' or 'none'",
        ),
        (
            "[gateways.'a/b']\ncompression = true",
            f"{GATEWAY}.compression: must be 'off' or 'passthrough'",
        ),
        ("[gateways.'a/b']\nlane = 1", f"{GATEWAY}.lane: must be 'verbatim' or 'messages'"),
        (
            "[gateways.'a/b']\nclient_credentials = false",
            f"{GATEWAY}.client_credentials: must be 'allowed' or 'refused'",
        ),
        ("[gateways.'a/b']\norigins = ['*']", f"{GATEWAY}.origins[0]: {ORIGIN}"),
        ("[gateways.'a/b']\nproviders = ['a b']", f"{GATEWAY}.providers[0]: {NAME}"),
        ("[gateways.'a/b']\ntokens = {}", f"{GATEWAY}.tokens: must be an array"),
        ("[gateways.'a/b']\ntokens = ['rly_x']", f"{GATEWAY}.tokens[0]: must be a table"),
        (
            f"[gateways.'a/b']\ntokens = [{{ sha256 = '{SHA256}' }}]",
            f"{GATEWAY}.tokens[0].name: is missing",
        ),
        (
            f"[gateways.'a/b']\ntokens = [{{ name = 'a b', sha256 = '{SHA256}' }}]",
            f"{GATEWAY}.tokens[0].name: {NAME}",
        ),
        (
            f"[gateways.'a/b']\ntokens = [{{ name = 'a', sha256 = '{SHA256.upper()}' }}]",
            f"{GATEWAY}.tokens[0].sha256: must be 64 lower-case hexadecimal digits",
        ),
        (
            f"[gateways.'a/b']\ntokens = [{{ name = 'a', sha256 = '{SHA256}', models = 'x' }}]",
            f"{GATEWAY}.tokens[0].models: must be an array",
        ),
        *(
            (
                f"[gateways.'a/b']\ntokens = [{{name='a', sha256='{SHA256}', expires={expires}}}]",
                f"{GATEWAY}.tokens[0].expires: {DATE_AND_TIME}",
            )
            for expires in ("2027-01-01T00:00:00", "2027-01-01", "00:00:00", "'2027'", "1")
        ),
        (
            "[gateways.'a/b']\nstored_keys = { 'a b' = {} }",
            f'{GATEWAY}.stored_keys."a b": the name {NAME}',
        ),
        (
            "[gateways.'a/b']\nstored_keys = { openai = { 'a b' = 'env:A' } }",
            f'{GATEWAY}.stored_keys.openai."a b": the name {NAME}',
        ),
        ("[providers.'a b']", f'providers."a b": the name {NAME}'),
        (
            "[providers.openai]\nurl = 'wss://a b'",
            'providers.openai.url: must be a URL such as "wss://api.example.com"',
        ),
        ("[providers.openai]\nca = ''", "providers.openai.ca: must be the path of a file"),
        (
            "[providers.openai]\nheaders = { a = 1 }",
            "providers.openai.headers.a: must be a string",
        ),
    ],
)
def test_a_wrong_value(tmp_path: Path, text: str, problem: str) -> None:
    assert problems_of(tmp_path, text) == [problem]


def test_all_wrong_values_are_told_at_once(tmp_path: Path) -> None:
    text = (
        "listen = 1\n[server]\nmax_sessions = 0\n[limits]\nidle_timeout = 1\n[gateways.x]\nlane=1"
    )
    assert problems_of(tmp_path, text) == [
        "server.max_sessions: must be at least 1",
        f"limits.idle_timeout: {DURATION}",
        f"gateways.x: the name {GATEWAY_NAME}",
        "gateways.x.lane: must be 'verbatim' or 'messages'",
        "listen: unknown key here (it stands in [server])",
    ]


@pytest.mark.parametrize(
    ("value", "where", "problem"),
    [
        (f"'{SECRET}'", "stored_keys", "must be a table"),
        (f"['{SECRET}']", "stored_keys", "must be a table"),
        (f"{{ openai = '{SECRET}' }}", "stored_keys.openai", "must be a table"),
        (
            f"{{ openai = {{ default = ['{SECRET}'] }} }}",
            "stored_keys.openai.default",
            "must be a string",
        ),
    ],
)
def test_a_stored_key_of_a_wrong_type_is_not_shown(
    tmp_path: Path, value: str, where: str, problem: str
) -> None:
    text = f"[gateways.'a/b']\nstored_keys = {value}"
    assert problems_of(tmp_path, text) == [f"{GATEWAY}.{where}: {problem}"]


# Whatever stands in the place of whatever value.

MISFITS: list[object] = [
    *(True, -1, 10**30, float("inf"), date(2027, 1, 1), datetime(1, 1, 1)),  # noqa: DTZ001
    *("", "\0", "é\n", "file:", "env:\0=", "unix:", "[::1]:1"),
    *([], [[]], [{}], ["x", 1], {}, {"": 1}, {"x": "x"}, {"x": {"x": "x"}}),
]


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The path of each value in a document."""
    if path:
        yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*path, key))


def put(document: Any, path: tuple[str | int, ...], value: object) -> dict[str, object]:
    """A copy of a document with another value at that path."""
    changed: dict[str, object] = copy.deepcopy(document)
    container: Any = changed
    for key in path[:-1]:
        container = container[key]
    container[path[-1]] = value
    return changed


def toml(value: object) -> str:
    """A value as TOML writes it inline."""
    match value:
        case bool():
            return str(value).lower()
        case dict():
            items = (f"{json.dumps(key)} = {toml(each)}" for key, each in value.items())
            return f"{{ {', '.join(items)} }}"
        case list():
            return f"[{', '.join(map(toml, value))}]"
        case str():
            return json.dumps(value)
        case date():
            return value.isoformat()
        case _:
            return str(value)


def test_whatever_stands_there_is_used_or_refused(
    tmp_path: Path, example: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))  # the system's take long to load
    document = tomllib.loads(example)
    document["server"]["allow_inline_secrets"] = True
    document["gateways"]["acct/main"]["stored_keys"]["google"] = {"default": SECRET}
    refused = 0
    for path in places(document):
        for value in MISFITS:
            text = "\n".join(
                f"{json.dumps(key)} = {toml(each)}"
                for key, each in put(document, path, value).items()
            )
            for problem in problems_of(tmp_path, text):
                refused += 1
                assert problem.isprintable()
                assert SECRET not in problem
    assert refused > 500


def test_settings_do_not_show_secrets(
    tmp_path: Path, example: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    (tmp_path / "openai-eu").write_text(SECRET)
    text = example.replace('"voice"', f'"{SECRET}"')
    settings: Settings = load_text(tmp_path, text)
    assert settings.gateways["acct/main"].stored_key("openai", "eu") == Secret(SECRET.encode())
    assert SECRET not in repr(settings)
    assert SECRET not in repr(settings.gateways["acct/main"].stored_key("openai", "eu"))
