"""What the proxies' files say beside what the relay does by default: no time passes here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from relay.config import load
from relay.protocol import Timeouts, TrustedProxies
from tests.deploy.fronts import FRONTS, Front
from tests.deploy.paths import DEPLOY

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


def _seconds(file: str, directive: str) -> int:
    """The value of a directive that stands there once."""
    text = (DEPLOY / file).read_text(encoding="utf-8")
    ((number, unit),) = re.findall(rf"(?m)^\s*{directive} (\d+)([smh]?);?$", text)
    return int(number) * _UNITS[unit]


@pytest.mark.parametrize(
    ("file", "directive"),
    [
        ("nginx.conf", "proxy_read_timeout"),
        ("nginx.conf", "proxy_send_timeout"),
        ("nginx.conf", "send_timeout"),
        ("haproxy.cfg", "timeout tunnel"),
    ],
)
def test_silence_is_ended_by_the_relay_first(file: str, directive: str) -> None:
    """It says so with a Close; a proxy just ends the connection."""
    assert _seconds(file, directive) > Timeouts().idle


def test_caddy_has_no_timeout_of_open_sessions() -> None:
    text = (DEPLOY / "Caddyfile").read_text(encoding="utf-8")
    assert not re.search(r"(?m)^\s*(stream_timeout|read_timeout|write_timeout|idle)\b", text)


@pytest.mark.parametrize(
    ("file", "directive"),
    [
        ("nginx.conf", "proxy_read_timeout"),
        ("haproxy.cfg", "timeout server"),
        ("haproxy.cfg", "timeout client"),
        ("Caddyfile", "response_header_timeout"),
    ],
)
def test_the_relay_has_time_to_ask_several_upstreams(file: str, directive: str) -> None:
    """The proxy's 504 would take the place of the relay's, or of the 101."""
    timeouts = Timeouts()
    assert _seconds(file, directive) >= 5 * (timeouts.connect + timeouts.upstream)


@pytest.mark.parametrize(
    ("file", "directive"),
    [
        ("nginx.conf", "client_header_timeout"),
        ("haproxy.cfg", "timeout http-request"),
        ("Caddyfile", "read_header"),
    ],
)
def test_a_slow_head_has_the_time_that_the_relay_gives(file: str, directive: str) -> None:
    assert _seconds(file, directive) == Timeouts().opening


@pytest.mark.parametrize("front", FRONTS.values())
def test_the_relays_part_is_a_configuration(front: type[Front], tmp_path: Path) -> None:
    """The lines in the comment, as they are."""
    path = tmp_path / "relay.toml"
    its = front(tmp_path)
    path.write_text(f'{its.relay_server}\n[gateways."acct/main"]\nauthentication = "none"\n')
    its.close()
    settings = load(path)
    assert settings.trusted_proxies != TrustedProxies()
    assert all(listener.is_local for listener in settings.listeners)


def test_the_configuration_for_cloudflare_is_one(tmp_path: Path) -> None:
    page = (DEPLOY / "cloudflare.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    path = tmp_path / "relay.toml"
    path.write_text(f'{text}\n[gateways."acct/main"]\nauthentication = "none"\n')
    assert 0 < load(path).timeouts.ping_interval < 100  # seconds, after which it cuts
