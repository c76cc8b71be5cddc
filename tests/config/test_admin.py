"""Tests of relay.config.admin."""

from __future__ import annotations

from pathlib import Path

import pytest

from relay.settings import AdminSettings, Listener
from tests.config.files import OPEN_GATEWAY, SHA256, load_text, problems_of, write_certificate

TLS = 'tls = { certificate = "cert.pem", key = "key.pem" }\n'
TOKEN = f'token_sha256 = "{SHA256}"\n'


def admin_of(folder: Path, table: str) -> AdminSettings | None:
    return load_text(folder, OPEN_GATEWAY + table).admin


def test_there_is_none_by_default(tmp_path: Path) -> None:
    assert admin_of(tmp_path, "") is None


def test_an_empty_table_is_enough_for_health_and_metrics(tmp_path: Path) -> None:
    assert admin_of(tmp_path, "[admin]") == AdminSettings(Listener("http", "127.0.0.1", 9464))


def test_its_token_and_its_names(tmp_path: Path) -> None:
    table = f'[admin]\nlisten = "unix:admin.sock"\n{TOKEN}hosts = ["admin.example.com"]'
    admin = admin_of(tmp_path, table)
    assert admin == AdminSettings(
        Listener("unix", str(tmp_path / "admin.sock")),
        bytes.fromhex(SHA256),
        frozenset({"admin.example.com"}),
    )
    assert SHA256 not in repr(admin)
    assert "d2d2" not in repr(admin)


def test_tls_makes_it_https(tmp_path: Path) -> None:
    write_certificate(tmp_path)
    admin = admin_of(tmp_path, f'[admin]\nlisten = "0.0.0.0:9464"\n{TOKEN}{TLS}')
    assert admin is not None
    assert admin.listener == Listener("https", "0.0.0.0", 9464)  # noqa: S104
    assert admin.tls is not None


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ('listen = "9464"', "admin.listen: must be HOST:PORT, https://HOST:PORT or unix:PATH"),
        ('listen = "https://[::1]:1"', "admin.tls: is missing, and the listener is https"),
        (f'listen = "0.0.0.0:1"\n{TOKEN}', "admin.listen: is not loopback, so the token"),
        (TLS, "admin.tls: "),
        ('token_sha256 = "rly_x"', "admin.token_sha256: must be 64 lower-case"),
        ('hosts = ["a.example:80"]', "admin.hosts[0]: must be a host in lower case"),
        ('hosts = ["https://a.example"]', "admin.hosts[0]: must be a host in lower case"),
        ("token = 1", "admin.token: unknown key (did you mean token_sha256?)"),
    ],
)
def test_what_cannot_be_used_is_a_problem(tmp_path: Path, table: str, problem: str) -> None:
    [found] = problems_of(tmp_path, f"{OPEN_GATEWAY}[admin]\n{table}")
    assert found.startswith(problem)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
def test_on_loopback_a_token_needs_no_tls(tmp_path: Path, host: str) -> None:
    assert problems_of(tmp_path, f'{OPEN_GATEWAY}[admin]\nlisten = "{host}:1"\n{TOKEN}') == []


def test_without_a_token_it_may_listen_anywhere(tmp_path: Path) -> None:
    assert problems_of(tmp_path, f'{OPEN_GATEWAY}[admin]\nlisten = "0.0.0.0:1"') == []
