"""How many connections a relay takes, by the descriptors that there are."""

from __future__ import annotations

import resource
from dataclasses import replace

import pytest
import structlog

from relay.server import Server
from tests.played_session import settings
from tests.support import real_clock


@pytest.mark.parametrize(
    ("wanted", "places", "warned"), [(None, 450, False), (7, 7, False), (451, 450, True)]
)
@real_clock
async def test_there_are_no_more_places_than_descriptors_allow(
    wanted: int | None, places: int, warned: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1000, 4000))
    with structlog.testing.capture_logs() as log:
        server = Server(replace(settings(), max_sessions=wanted))
    assert server.quotas.max_sessions == places
    assert [each["now"] for each in log] == ([450] if warned else [])


@pytest.mark.parametrize(
    ("limit", "wanted", "most", "warned"),
    [
        (1000, None, 112, False),
        (1 << 20, None, 4096, False),
        (resource.RLIM_INFINITY, None, 4096, False),
        (64, None, 1, False),
        (1000, 7, 7, False),
        (1000, 901, 900, True),
    ],
)
@real_clock
async def test_connections_that_are_no_sessions_are_bounded_by_descriptors(
    limit: int, wanted: int | None, most: int, warned: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limit, limit))
    with structlog.testing.capture_logs() as log:
        server = Server(replace(settings(places=1), max_openings=wanted))
    assert server.openings.most == most
    assert [each["now"] for each in log] == ([900] if warned else [])
