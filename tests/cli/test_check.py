"""``relay check``: the summary, and providers on the loopback interface that answer or don't."""

from __future__ import annotations

import io
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import trio
from rich.console import Console

from relay.cli.check import content_notes, dial_providers, model_notes, summary
from relay.protocol import CATALOGUE
from relay.settings import Settings
from tests.certificates import server_context
from tests.config.files import OPEN_GATEWAY, SHA256, load_text, unused_port, write_certificate
from tests.connect_proxy import CREDENTIALS, connect_proxy


def new_console() -> Console:
    """A console that is wide enough for every table, and keeps what it prints."""
    return Console(file=io.StringIO(), width=200)


def rows(console: Console) -> list[list[str]]:
    """The rows of the table that was printed, as their cells."""
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    inner = [line.strip("│") for line in lines if line.startswith("│")]
    return [[cell.strip() for cell in line.split("│")] for line in inner]


def test_the_summary_has_a_row_for_each_gateway(tmp_path: Path) -> None:
    settings = load_text(
        tmp_path,
        OPEN_GATEWAY
        + f"""
[gateways."acct/other"]
lane = "messages"
providers = ["openai", "google-ai-studio"]
tokens = [{{ name = "web", sha256 = "{SHA256}" }}, {{ name = "app", sha256 = "{SHA256[::-1]}" }}]
""",
    )
    console = new_console()
    console.print(summary(settings))
    assert rows(console) == [
        ["acct/main", "none", "-", "all", "verbatim"],
        ["acct/other", "required", "web, app", "google, openai", "messages"],
    ]


def test_a_note_says_which_gateways_let_the_operator_read_messages(tmp_path: Path) -> None:
    settings = load_text(tmp_path, OPEN_GATEWAY)
    assert list(content_notes(settings)) == []
    settings = load_text(tmp_path, OPEN_GATEWAY + "tail_content = true")
    assert list(content_notes(settings)) == [
        "acct/main: the operator may read what messages say (tail_content)"
    ]


@asynccontextmanager
async def listening(tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A port on which something listens, with TLS if there is a context."""
    async with trio.open_nursery() as nursery:

        async def swallow(stream: trio.abc.Stream) -> None:
            try:
                while await stream.receive_some():
                    pass
            except trio.BrokenResourceError:
                pass

        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        if tls is None:
            nursery.start_soon(trio.serve_listeners, swallow, [listener])
        else:
            nursery.start_soon(trio.serve_listeners, swallow, [trio.SSLListener(listener, tls)])
        yield int(listener.socket.getsockname()[1])
        nursery.cancel_scope.cancel()


def gateway(*providers: str, name: str = "acct/main") -> str:
    """A gateway that allows these providers."""
    return f"[gateways.'{name}']\nauthentication = 'none'\nproviders = {list(providers)}\n"


def provider(name: str, url: str, more: str = "") -> str:
    """A provider at that URL."""
    return f"[providers.{name}]\nlike = 'openai'\nurl = '{url}'\n{more}\n"


async def dialled(settings: Settings) -> tuple[bool, dict[str, tuple[str, str]]]:
    """Whether all providers were reached; the origin of each, and how it went."""
    console = new_console()
    succeeded = await dial_providers(settings, console)
    return succeeded, {name: (origin, reached) for name, origin, reached in rows(console)}


async def _reachable(folder: Path) -> None:
    write_certificate(folder)
    tls = server_context("127.0.0.1")
    async with listening() as plain, listening(tls) as secure:
        settings = load_text(
            folder,
            gateway("secure", "plain")
            + provider("plain", f"ws://127.0.0.1:{plain}")
            + provider("secure", f"wss://127.0.0.1:{secure}", "ca = 'ca.pem'"),
        )
        succeeded, outcomes = await dialled(settings)
    assert succeeded
    assert list(outcomes) == ["plain", "secure"]
    assert outcomes["plain"][0] == f"ws://127.0.0.1:{plain}"
    assert outcomes["secure"][0] == f"wss://127.0.0.1:{secure}"
    assert all(re.fullmatch(r"in \d+ ms", reached) for _, reached in outcomes.values())


def test_reachable_providers(tmp_path: Path) -> None:
    trio.run(_reachable, tmp_path)


async def _unreachable(folder: Path) -> None:
    write_certificate(folder)
    tls = server_context("127.0.0.1")
    async with listening() as plain, listening(tls) as secure:
        settings = load_text(
            folder,
            gateway("closed", "plain", "untrusted", "no-tls")
            + provider("closed", f"ws://127.0.0.1:{unused_port()}")
            + provider("plain", f"ws://127.0.0.1:{plain}")
            + provider("untrusted", f"wss://127.0.0.1:{secure}")
            + provider("no-tls", f"wss://127.0.0.1:{plain}")
            + "[limits]\nconnect_timeout = '100ms'\n",
        )
        succeeded, outcomes = await dialled(settings)
    assert not succeeded
    reached = {name: how for name, (_, how) in outcomes.items()}
    assert reached.pop("plain").startswith("in ")
    assert reached == {
        "closed": "the provider refused the connection",
        "no-tls": "the provider could not be reached in time",
        "untrusted": "the provider's certificate is not of an authority that is trusted",
    }


def test_each_provider_that_is_not_reached_is_told(tmp_path: Path) -> None:
    trio.run(_unreachable, tmp_path)


async def _upstreams(folder: Path) -> None:
    async with listening() as port:
        dead = unused_port()
        settings = load_text(
            folder,
            gateway("local")
            + "[providers.local]\nlike = 'openai'\n"
            + f"upstreams = ['ws://127.0.0.1:{port}', 'ws://127.0.0.1:{dead}']\n",
        )
        console = new_console()
        succeeded = await dial_providers(settings, console)
    assert not succeeded
    first, second = rows(console)
    assert first[:2] == ["local", f"ws://127.0.0.1:{port}"]
    assert first[2].startswith("in ")
    assert second == ["local", f"ws://127.0.0.1:{dead}", "the provider refused the connection"]


def test_every_upstream_of_a_provider_is_dialled(tmp_path: Path) -> None:
    trio.run(_upstreams, tmp_path)


async def _through_a_proxy(folder: Path) -> None:
    write_certificate(folder)
    async with (
        listening(server_context("provider.test")) as port,
        connect_proxy({"provider.test": port}) as proxy,
    ):
        more = f"ca = 'ca.pem'\nproxy = 'http://127.0.0.1:{proxy.port}'"
        settings = load_text(
            folder,
            "server.allow_inline_secrets = true\n"
            + gateway("local", "refused")
            + provider(
                "local", "wss://provider.test", f"{more}\nproxy_credentials = '{CREDENTIALS}'"
            )
            + provider("refused", "wss://provider.test", more),
        )
        succeeded, outcomes = await dialled(settings)
    assert not succeeded
    assert outcomes["local"][1].startswith("in ")
    assert outcomes["refused"][1] == "the proxy opened no tunnel: it answered with status 407"


def test_a_provider_behind_a_proxy_is_dialled_through_it(tmp_path: Path) -> None:
    trio.run(_through_a_proxy, tmp_path)


async def _chosen(folder: Path) -> None:
    async with listening() as port:
        url = f"ws://127.0.0.1:{port}"
        settings = load_text(
            folder,
            gateway("one", "google-ai-studio")
            + gateway("two", "one", name="acct/other")
            + "".join(provider(name, url) for name in ("one", "two", "unused"))
            + f"[providers.google]\nurl = '{url}'\n",
        )
        _, chosen = await dialled(settings)
        everything = replace(settings.gateways["acct/main"], name="acct/everything", providers=None)
        local = {name: settings.providers[name] for name in ("one", "two", "unused")}
        _, all_of_them = await dialled(
            replace(settings, gateways={"acct/everything": everything}, providers=local)
        )
    assert list(chosen) == ["google", "one", "two"]
    assert list(all_of_them) == ["one", "two", "unused"]


def test_what_some_gateway_allows_is_dialled_and_nothing_else(tmp_path: Path) -> None:
    trio.run(_chosen, tmp_path)


async def _none(folder: Path) -> None:
    assert await dialled(load_text(folder, gateway())) == (True, {})


def test_gateways_without_providers(tmp_path: Path) -> None:
    trio.run(_none, tmp_path)


async def _catalogue(folder: Path) -> None:
    write_certificate(folder)
    async with listening(server_context("127.0.0.1")) as port:
        entries = [
            f"[providers.{each.name}]\nurl = 'wss://127.0.0.1:{port}'\nca = 'ca.pem'\n"
            for each in CATALOGUE
        ]
        settings = load_text(folder, OPEN_GATEWAY + "".join(entries))
        succeeded, outcomes = await dialled(settings)
    assert succeeded
    assert set(outcomes) == {each.name for each in CATALOGUE}
    assert all(re.fullmatch(r"in \d+ ms", reached) for _, reached in outcomes.values())


def test_every_provider_of_the_catalogue_can_be_dialled(tmp_path: Path) -> None:
    trio.run(_catalogue, tmp_path)


async def _needs_url(folder: Path) -> None:
    settings = load_text(folder, gateway("azure"))
    assert await dialled(settings) == (
        True,
        {"azure-openai": ("-", "not tried: each customer has a host; set its url")},
    )


def test_a_provider_whose_host_nobody_named_is_not_tried(tmp_path: Path) -> None:
    trio.run(_needs_url, tmp_path)


def test_limits_on_models_are_explained_where_no_query_names_one(tmp_path: Path) -> None:
    settings = load_text(
        tmp_path,
        OPEN_GATEWAY
        + f"""
[gateways."acct/one"]
providers = ["openai", "fal"]
tokens = [{{ name = "web", sha256 = "{SHA256}", models = ["gpt-*"] }}]
[gateways."acct/two"]
providers = ["cartesia"]
models = ["sonic*"]
authentication = "none"
[gateways."acct/fixed"]
providers = ["mine"]
models = ["org/*"]
authentication = "none"
[providers.mine]
like = "fal"
url = "wss://fal.run/org/app/realtime"
[gateways."acct/three"]
providers = ["assemblyai"]
tokens = [{{ name = "web", sha256 = "{SHA256}" }}]
""",
    )
    assert list(model_notes(settings)) == [
        (
            "acct/one: where models are limited, sessions run in the message lane, which reads the "
            "model: openai /v1/live/sessions, openai /v1/responses"
        ),
        (
            "acct/one: where models are limited, refused, since no model is named: "
            "openai /v1/live/sessions/{session}/attach, openai /v1/live/sessions/{session}/fork"
        ),
        (
            "acct/two: where models are limited, sessions run in the message lane, which reads the "
            "model: cartesia /tts/websocket"
        ),
    ]
