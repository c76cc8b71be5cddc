"""What the relay runs by."""

from __future__ import annotations

from dataclasses import replace

import pytest

from relay.protocol import Timeouts
from relay.settings import Listener
from tests.played_session import settings


@pytest.mark.parametrize(
    ("listener", "url"),
    [
        (Listener("http", "127.0.0.1", 8080), "http://127.0.0.1:8080"),
        (Listener("https", "::1", 8443), "https://[::1]:8443"),
        (Listener("http", "localhost"), "http://localhost:0"),
        (Listener("unix", "/run/relay.sock"), "unix:/run/relay.sock"),
    ],
)
def test_a_listener_reads_as_its_url(listener: Listener, url: str) -> None:
    assert str(listener) == url


def test_a_gateway_may_have_its_own_timeouts() -> None:
    own = Timeouts(idle=1)
    it = replace(settings(), gateway_timeouts={"acct/other": own})
    assert it.timeouts_of("acct/other") is own
    assert it.timeouts_of("acct/main") is it.timeouts
