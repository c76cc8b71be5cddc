"""The commands of each page, typed in their order by somebody who does as the page says."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import pytest

from relay.gateway_token import token_hash
from relay.records.store import Store, check_url
from tests.config.files import OPEN_GATEWAY, write_certificate
from tests.docs.commands import (
    Reader,
    Shell,
    all_commands,
    blocks,
    commands_of,
    commands_to_follow,
)
from tests.docs.excuses import CANNOT_RUN, Excuse
from tests.docs.snippets import ROOT, Snippet, snippets
from tests.e2e.requirements import needs
from tests.records.documented import DOCUMENTED

_ELSEWHERE = {"docs/deploy.md": "tests/docs/test_install.py"}
"""By page: who follows it, if not this module."""

_DEMO = "relay demo"
_ON_FREE_PORTS = f"{_DEMO} --http-port 0 --https-port 0 --admin-port 0"
_SERVES = "listening on "


@dataclass(frozen=True, slots=True)
class Demo:
    """What a running demo says of itself."""

    url: str
    """Of its listener with TLS."""
    token: str
    ca: str
    admin_url: str
    admin_token: str


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """One that holds sessions."""

    def found(pattern: str) -> str:
        (first, *_) = re.findall(pattern, printed)
        return str(first)

    shell = Shell(tmp_path_factory.mktemp("demo"))
    with shell.serving(f"{_ON_FREE_PORTS} --live", "Serving until Ctrl-C.") as printed:
        yield Demo(
            found(r"relay at (wss://localhost:\d+)/v1/demo/main"),
            found(r'"cf-aig-authorization": "(rly_[\w-]+)"'),
            found(r"NODE_EXTRA_CA_CERTS=(\S+)"),
            found(r"page  (http://\S+)/ "),
            found(r"RELAY_ADMIN_TOKEN=(rly_[\w-]+)"),
        )


def _lead_to_a_session(reader: Reader, page: str, more: str = "") -> None:
    """From a token to a session: README.md and docs/start.md have the same commands for it.

    Args:
        reader: Of the page.
        page: Whose configuration is used, but for its ports.
        more: What is added to it.
    """
    shell = reader.shell
    token, line = reader.types("relay token new").splitlines()
    (its_hash,) = re.findall(r'sha256 = "(\w+)"', line)
    reader.knows |= {"rly_…": token, "the hash that relay token new printed": its_hash}
    (configuration,) = snippets(page, "toml")
    (program,) = snippets("docs/start.md", "python")
    (shell.folder / "provider.py").write_text(program.text)
    with shell.serving("python provider.py", _SERVES) as printed:
        provider = f"ws://127.0.0.1:{printed.split()[-1]}"
        text = reader.fill_in(configuration.text).replace("ws://127.0.0.1:9000", provider)
        assert ':8080"' in text
        text = text.replace(":8080", ":0") + more.format(provider=provider)
        (shell.folder / "relay.toml").write_text(text)
        reader.types("export OPENAI_API_KEY=")
        reader.types("relay check")
        command = reader.next("relay serve").text
        with shell.serving(command, _SERVES) as said:
            url = said.split()[-1].rstrip("/")
            reader.knows["ws://127.0.0.1:8080"] = url.replace("http://", "ws://")
            probe = reader.next("relay probe").text
            assert "101" in shell.run(probe)
            if "With a wrong token" in (ROOT / page).read_text(encoding="utf-8"):
                assert "401" in shell.run(probe.replace(token, token[:-1] + "_"), code=1)


def _readme(reader: Reader, _: Demo) -> None:
    reader.types("python3 -m venv ")
    reader.knows["sk-..."] = "sk-example"  # what the double takes
    more = '\n[records]\n[providers.openai]\nurl = "{provider}"\n'
    _lead_to_a_session(reader, "README.md", more)
    header, session = reader.types("relay sessions").splitlines()
    assert header.startswith("session ")
    assert "the client closed with 1000 after" in session
    reader.knows["01a205e7"] = session[:8]
    assert "\ngateway   acct/main " in reader.types("relay sessions")
    exported = reader.types("relay sessions --since 24h")
    (row,) = csv.DictReader(io.StringIO(exported))
    assert row["id"].startswith(session[:18])


def _start(reader: Reader, _: Demo) -> None:
    reader.types("python3 -m venv ")
    reader.knows[_DEMO] = _ON_FREE_PORTS
    assert "elevenlabs" in reader.types("relay demo --once")
    _lead_to_a_session(reader, "docs/start.md")


def _admin(reader: Reader, demo: Demo) -> None:
    folder, knows = reader.shell.folder, reader.knows
    knows |= {"rly_...": demo.admin_token, "http://127.0.0.1:9464": demo.admin_url}
    reader.types("export RELAY_ADMIN_TOKEN=")
    asks = reader.next("curl ").text
    reader.types("export RELAY_ADMIN_TOKEN=")
    reader.shell.environment["RELAY_ADMIN_URL"] = demo.admin_url  # 9464 may be somebody else's
    _check_top(reader.types("relay top"))

    admin, *_ = snippets("docs/admin.md", "toml")
    admin_text = admin.text.replace('"..."', f'"{token_hash(demo.admin_token)}"')
    server = f'[server]\nlisten = ["127.0.0.1:0"]\n{OPEN_GATEWAY}{admin_text}'
    write_certificate(folder)
    tls = 'tls = { certificate = "cert.pem", key = "key.pem" }\n'
    (folder / "tls.toml").write_text(f'{server}listen = "https://localhost:0"\n{tls}')
    with reader.shell.serving("relay serve -c tls.toml", _SERVES) as printed:
        knows["https://relay.example:9464"], *_ = re.findall(r"admin on (\S+)", printed)
        _check_top(reader.types("relay top --url https:"))
    knows["/run/relay/admin.sock"] = str(folder / "admin.sock")
    (folder / "unix.toml").write_text(f'{server}listen = "unix:admin.sock"\n')
    with reader.shell.serving("relay serve -c unix.toml", _SERVES):
        _check_top(reader.types("relay top --url unix:"))
    needs(shutil.which("curl"), "curl")
    assert "sessions" in json.loads(reader.shell.run(asks))


def _check_top(printed: str) -> None:
    assert re.match(r"\d+ live: \d+ opening, ", printed)


def _faults(reader: Reader, _: Demo) -> None:
    reader.knows[_DEMO] = _ON_FREE_PORTS
    for beginning, faulty in (("--fault reset", 15), ("--fault 'openai=close", 2)):
        command = reader.next(f"{_DEMO} {beginning}").text
        with reader.shell.serving(command, "Serving until Ctrl-C.") as printed:
            found = re.findall(r"^\S.* at ([a-z, -]+):$", printed, re.MULTILINE)
            assert len(", ".join(found).split(", ")) == faulty


def _examples(reader: Reader, demo: Demo) -> None:
    reader.knows |= {
        "wss://localhost:8443": demo.url,
        "rly_...": demo.token,
        "/tmp/relay-demo-.../ca.pem": demo.ca,  # noqa: S108
        "8000": "0",
    }
    for name in ("RELAY_URL", "OPENAI_API_KEY", "CARTESIA_API_KEY"):
        reader.types(f"export {name}=")
    in_node = reader.next("NODE_EXTRA_CA_CERTS=").text
    _run_the_four(reader.shell, reader.next("SSL_CERT_FILE=").text)
    page = (ROOT / "examples/browser/index.html").read_bytes()
    with reader.shell.serving(reader.next("python -m http.server").text, "Serving") as printed:
        (url,) = re.findall(r"\((http://127\.0\.0\.1:\d+/)\)", printed)
        with urlopen(url) as answer:  # noqa: S310 - loopback
            assert answer.read() == page
    needs(shutil.which("node"), "node")
    needs(True if (ROOT / "examples/node/node_modules/ws").exists() else None, "ws")
    _run_the_four(reader.shell, in_node)


def _run_the_four(shell: Shell, of_openai: str) -> None:
    """Run the program that is named, and those for the other keys that are exported."""
    for provider in ("openai", "google", "cartesia", "elevenlabs"):
        assert "closed with 1000" in shell.run(of_openai.replace("openai", provider))


def _records(reader: Reader, _: Demo) -> None:
    folder = reader.shell.folder
    (folder / "relay.toml").write_text(f"{OPEN_GATEWAY}[records]\n")
    store = Store(check_url("sqlite:relay.db", folder))
    store.write(DOCUMENTED)
    store.close()
    for _each in range(2):
        command = reader.next("relay sessions")
        assert _lines(reader.shell.run(command.text)) == _lines(command.printed)


def _lines(printed: str) -> list[str]:
    """Without the blanks with which columns are filled up."""
    return [line.rstrip() for line in printed.splitlines()]


_FOLLOWED: Mapping[str, Callable[[Reader, Demo], None]] = {
    "README.md": _readme,
    "docs/admin.md": _admin,
    "docs/faults.md": _faults,
    "docs/records.md": _records,
    "docs/start.md": _start,
    "examples/README.md": _examples,
}
_IN_THE_REPOSITORY = {"examples/README.md"}
"""Pages whose commands are for its uppermost folder; others are followed in one of their own."""


@pytest.mark.parametrize("snippet", blocks(), ids=str)
def test_each_block_for_a_shell_has_commands(snippet: Snippet) -> None:
    assert list(commands_of(snippet))


def test_somebody_follows_each_page() -> None:
    pages = {each.page for each in all_commands() if commands_to_follow(each.page)}
    assert pages == _FOLLOWED.keys() | _ELSEWHERE.keys()
    for page, module in _ELSEWHERE.items():
        assert f'Reader("{page}"' in (ROOT / module).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", _FOLLOWED)
def test_its_commands_do_what_it_says(page: str, demo: Demo, tmp_path: Path) -> None:
    reader = Reader(page, Shell(tmp_path, ROOT if page in _IN_THE_REPOSITORY else None))
    _FOLLOWED[page](reader, demo)
    reader.is_done()


@pytest.mark.parametrize("excuse", CANNOT_RUN.values(), ids=list(CANNOT_RUN))
def test_what_excuses_a_command_is_so(excuse: Excuse) -> None:
    assert excuse.instead.is_there()


def test_no_command_is_excused_in_vain() -> None:
    assert CANNOT_RUN.keys() <= {each.text for each in all_commands()}
