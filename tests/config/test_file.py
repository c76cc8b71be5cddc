"""The configuration of a relay that runs: read again, in force or not, and what the log says."""

from __future__ import annotations

import threading
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
import structlog
import trio
from trio.testing import wait_all_tasks_blocked

from relay.config.file import ConfigFile, changed_keys
from relay.config.loading import read
from relay.config.model import ConfigModel
from relay.server import Server
from tests.config.files import OPEN_GATEWAY, SHA256
from tests.support import real_clock

TOKEN = f'tokens = [{{ name = "web", sha256 = "{SHA256}" }}]'
STORED = f'{OPEN_GATEWAY}stored_keys.openai.default = "file:key"\n'
KEY = 'gateways."acct/main".stored_keys.openai.default'
Log = list[MutableMapping[str, Any]]


@pytest.fixture
def log() -> Iterator[Log]:
    """What is logged."""
    with structlog.testing.capture_logs() as lines:
        yield lines


class Running:
    """A server and the file that it runs by."""

    def __init__(self, folder: Path, text: str = OPEN_GATEWAY) -> None:
        self.path = folder / "relay.toml"
        self.path.write_text(text)
        self.file = ConfigFile(self.path)
        self.server = Server(self.file.settings)

    async def reload(self, text: str | None = None) -> None:
        """Read the file again, with another text if there is one."""
        if text is not None:
            self.path.write_text(text)
        await self.file.reload(self.server)


@real_clock
async def test_it_is_read_again_and_what_changed_is_logged_by_its_keys(
    tmp_path: Path, log: Log
) -> None:
    its = Running(tmp_path)
    await its.reload(f'{OPEN_GATEWAY}[limits]\nidle_timeout = "7s"\n[gateways."a/b"]\n{TOKEN}\n')
    assert its.server.settings.timeouts.idle == 7
    assert set(its.server.settings.gateways) == {"acct/main", "a/b"}
    (line,) = log
    assert (line["event"], line["log_level"]) == ("configuration reloaded", "info")
    assert line["changed"] == ["limits.idle_timeout", 'gateways."a/b"']
    assert SHA256 not in str(log)
    await its.reload()
    assert log[-1]["changed"] == []
    await its.reload(OPEN_GATEWAY)
    assert log[-1]["changed"] == ["limits.idle_timeout", 'gateways."a/b"']


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (None, ["No such file or directory"]),
        ("a =", ["this is not TOML: Invalid value (at end of document)"]),
        (
            "[server]\nmax_session = 1\nlisten = 1\n",
            [
                "server.listen: must be an array",
                "server.max_session: unknown key (did you mean max_sessions?)",
            ],
        ),
        (
            f'{STORED}[providers.openai]\nca = "gone.pem"\n',
            [
                "providers.openai.ca: {folder}/gone.pem: No such file or directory",
                f"{KEY}: {{folder}}/key: No such file or directory",
            ],
        ),
        (
            f'{OPEN_GATEWAY}[server]\ntls = {{ certificate = "gone", key = "gone" }}\n',
            ["server.tls: {folder}/gone: No such file or directory"],
        ),
    ],
    ids=["missing", "no TOML", "wrong keys", "missing files", "no certificate"],
)
@real_clock
async def test_what_cannot_be_used_changes_nothing_and_is_told(
    text: str | None, problems: list[str], tmp_path: Path, log: Log
) -> None:
    its = Running(tmp_path)
    before = its.server.settings
    if text is None:
        its.path.unlink()
    await its.reload(text)
    assert its.server.settings is before
    assert {each["log_level"] for each in log} == {"error"}
    assert {each["event"] for each in log} == {"configuration not reloaded"}
    assert {each["file"] for each in log} == {str(its.path)}
    expected = [each.format(folder=tmp_path) for each in problems]
    assert sorted(each["problem"] for each in log) == sorted(expected)
    log.clear()
    await its.reload(OPEN_GATEWAY)
    assert [each["event"] for each in log] == ["configuration reloaded"]
    assert its.server.settings is not before


@real_clock
async def test_a_fault_of_ours_changes_nothing_and_is_told_without_its_words(
    tmp_path: Path, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    its = Running(tmp_path)
    before = its.server.settings

    def fault(*_: object) -> None:
        raise MemoryError("the words")

    monkeypatch.setattr("relay.config.file.resolve", fault)
    await its.reload()
    assert its.server.settings is before
    (line,) = log
    assert (line["event"], line["error"]) == ("fault", "MemoryError")
    assert line["doing"] == "reloading the configuration"
    assert "the words" not in str(log)


@real_clock
async def test_keys_that_anybody_could_use_are_refused_by_what_listens(
    tmp_path: Path, log: Log
) -> None:
    """Wherever the file says that the relay should listen after a restart."""
    its = Running(tmp_path, f'server.listen = ["0.0.0.0:0"]\n{OPEN_GATEWAY}')
    (tmp_path / "key").write_text("sk-stored")
    await its.reload(f'server.listen = ["127.0.0.1:0"]\n{STORED}')
    (line,) = log
    assert line["problem"].startswith('gateways."acct/main".stored_keys: with authentication')
    log.clear()
    open_keys = "open_stored_keys = true\n"
    await its.reload(f'server.listen = ["127.0.0.1:0"]\n{STORED}{open_keys}')
    assert [each["log_level"] for each in log] == ["warning", "info"]
    assert log[1]["changed"] == [
        "server.listen",
        'gateways."acct/main".stored_keys.openai',
        'gateways."acct/main".open_stored_keys',
    ]


@pytest.mark.parametrize("when", ["before", "while it is read"])
@real_clock
async def test_while_the_relay_drains_nothing_changes(
    when: str, tmp_path: Path, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    its = Running(tmp_path)
    before = its.server.settings
    if when == "before":
        its.server.drain()
        monkeypatch.setattr("relay.config.file.read", None)  # it is not even read
    else:

        def read_late(path: Path) -> ConfigModel:
            trio.from_thread.run_sync(its.server.drain)
            return read(path)

        monkeypatch.setattr("relay.config.file.read", read_late)
    await its.reload()
    assert its.server.settings is before
    (line,) = log
    assert (line["event"], line["problem"]) == (
        "configuration not reloaded",
        "the relay is draining",
    )


@real_clock
async def test_other_tasks_go_on_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    its = Running(tmp_path)
    others = threading.Event()
    monkeypatch.setattr("relay.config.file.read", lambda path: others.wait(60) and read(path))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(its.reload)
        await wait_all_tasks_blocked()
        others.set()


@real_clock
async def test_the_end_does_not_wait_for_a_file_that_does_not_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    its = Running(tmp_path)
    stuck = threading.Event()
    monkeypatch.setattr("relay.config.file.read", lambda _: stuck.wait(60))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(its.reload)
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert not stuck.is_set()
    stuck.set()


def test_many_changes_are_a_few_words(tmp_path: Path) -> None:
    old, new = tmp_path / "old.toml", tmp_path / "new.toml"
    old.write_text(OPEN_GATEWAY)
    new.write_text("".join(f'[gateways."a/{number:03}"]\n{TOKEN}\n' for number in range(1000)))
    changed = changed_keys(read(old), read(new))
    assert changed[:2] == ['gateways."acct/main"', 'gateways."a/000"']
    assert changed[-2:] == ['gateways."a/018"', "and 981 more"]
