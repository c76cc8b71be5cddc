"""The relay keeps the laws that it holds others against."""

from __future__ import annotations

import pytest

from relay.testing.laws import Law
from relay.testing.stand import Stand
from relay.testing.subject import Subject
from tests.testing.relays import relay_subject

pytest_plugins = ["relay.testing.fixtures"]


@pytest.fixture(scope="module", params=[False, True], ids=["verbatim", "messages"])
def subject(request: pytest.FixtureRequest) -> Subject:
    return relay_subject(messages_lane=request.param)


def test_the_relay_keeps_the_laws_of_proxies(stand: Stand, proxy_law: Law[Stand]) -> None:
    proxy_law.check(stand)
