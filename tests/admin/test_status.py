"""What everybody is told before they log in."""

from __future__ import annotations

import pytest

from tests.admin.fakes import Relay, client, log_in, with_admin
from tests.support import trio_test


@trio_test
async def test_it_says_whether_one_is_logged_in() -> None:
    async with client(Relay()) as it:
        at_first = {"draining": False, "has_token": True, "logged_in": False}
        assert (await it.get("/api/status")).json() == at_first
        mine = await log_in(it)
        assert (await it.get("/api/status")).json() == at_first
        shown = (await it.get("/api/status", headers=mine)).json()
        assert shown == at_first | {"logged_in": True}
        await it.post("/api/logout", headers=mine)
        assert (await it.get("/api/status", headers=mine)).json() == at_first


@trio_test
async def test_it_says_whether_the_relay_drains() -> None:
    relay = Relay()
    relay.drain()
    async with client(relay) as it:
        assert (await it.get("/api/status")).json()["draining"] is True


@pytest.mark.parametrize("fields", [{}, {"Cookie": "relay_admin=x", "X-Relay": "x"}])
@trio_test
async def test_it_says_that_nobody_can_log_in(fields: dict[str, str]) -> None:
    async with client(Relay(with_admin(token_sha256=None)), fields) as it:
        found = (await it.get("/api/status")).json()
        assert found == {"draining": False, "has_token": False, "logged_in": False}
