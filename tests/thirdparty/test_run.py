"""What a run says, and how it ends."""

from __future__ import annotations

from unittest.mock import Mock

import pytest
import typer
from typer.testing import CliRunner

from relay.testing.laws import PROXY_LAWS
from tests.testing.tunnel import Tunnel
from tests.thirdparty import __main__ as program
from tests.thirdparty.proxies import Proxy

PINGS = [law for law in PROXY_LAWS if law.name == "pings"]


class SwallowsAll(Tunnel):
    def chunk(self, data: bytes) -> bytes:
        return data[:0]


def there(tunnel: Tunnel) -> Proxy:
    return Proxy("there", tunnel.subject(), lambda: None)


def run(monkeypatch: pytest.MonkeyPatch, *proxies: Proxy) -> tuple[int, str]:
    """The exit code and what is printed, of a run over these and one law."""
    monkeypatch.setattr(program, "settings", Mock())  # else they would hold for other tests, too
    monkeypatch.setattr(program, "install", Mock())
    monkeypatch.setattr(program, "RECEIVERS", {})
    monkeypatch.setattr(program, "PROXIES", proxies)
    monkeypatch.setattr(program, "PROXY_LAWS", PINGS)
    monkeypatch.setattr(program, "_NAMES", [each.name for each in proxies])
    app = typer.Typer()
    app.command()(program.main)
    result = CliRunner().invoke(app, ["--patience", "0.5"])
    return result.exit_code, result.output


@pytest.mark.parametrize(("skips_nothing", "expected"), [("1", 1), ("", 0)])
def test_what_is_not_there_is_not_measured(
    monkeypatch: pytest.MonkeyPatch, skips_nothing: str, expected: int
) -> None:
    monkeypatch.setenv("RELAY_SKIP_NOTHING", skips_nothing)
    gone = Proxy("gone", Tunnel().subject(), lambda: "no gone is installed")
    code, output = run(monkeypatch, gone, there(Tunnel()))
    assert code == expected
    (row,) = [line for line in output.splitlines() if "gone" in line]
    assert "not measured" in row
    assert "no gone is installed" in row
    (row,) = [line for line in output.splitlines() if "there" in line]
    assert "pings" in row
    assert "yes" in row


@pytest.mark.parametrize(("tunnel", "expected"), [(Tunnel(), 0), (SwallowsAll(), 1)])
def test_what_breaks_and_is_not_explained_fails_the_run(
    monkeypatch: pytest.MonkeyPatch, tunnel: Tunnel, expected: int
) -> None:
    monkeypatch.setenv("RELAY_SKIP_NOTHING", "1")
    code, output = run(monkeypatch, there(tunnel))
    assert code == expected
    assert ("unexplained" in output) is bool(expected)
