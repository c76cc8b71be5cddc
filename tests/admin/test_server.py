"""A relay and its admin listener, together."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from relay.records.settings import RecordSettings
from relay.records.store import check_url
from relay.settings import AdminSettings, Listener
from relay.testing.frames import close
from tests.admin.fakes import BEARER, SHA256
from tests.config.files import OPEN_GATEWAY
from tests.loopback import HTTP, Relay, close_session, running
from tests.serving import relay, write
from tests.support import AWAY, real_clock

ADMIN = AdminSettings(Listener("http", "127.0.0.1", 0), SHA256)


def _client(it: Relay) -> httpx.AsyncClient:
    (address,) = it.server.admin_addresses
    return httpx.AsyncClient(base_url=str(address), headers=BEARER)


async def _live(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await client.get("/api/sessions/live")).json()["sessions"]
    return found


@real_clock
async def test_a_session_is_seen_and_ended_and_found_again(tmp_path: Path) -> None:
    records = RecordSettings(check_url("sqlite:relay.db", tmp_path))
    server = {"admin": ADMIN, "records": records}
    async with running(HTTP, server=server) as it, _client(it) as client:
        session = await it.open()
        (row,) = await _live(client)
        path = f"/api/sessions/{row['id']}"
        assert (await client.get(path)).json()["live"] is True
        await client.post(f"{path}/end", json={"reason": "over budget"})
        assert await session.answer_close() == close(1008, "over budget")
        await session.end()
        while True:
            await trio.sleep(0.01)  # until its record is written
            ended = (await client.get("/api/sessions")).json()["sessions"]
            if ended:
                break
        assert await _live(client) == []
        assert "over budget" in (await client.get(path)).json()["explanation"]
        (row,) = ended
        (day,) = (await client.get("/api/totals")).json()["days"]
        assert (day["provider"], day["sessions"]) == (row["provider"], 1)
        assert (row["ended_by"], row["live"]) == ("relay", False)
        metrics = (await client.get("/metrics")).text
        assert 'relay_sessions_total{gateway="acct/main",outcome="ended"' in metrics


@real_clock
async def test_a_restart_by_the_operator_ends_the_relay_and_its_admin_listener() -> None:
    async with running(HTTP, server={"admin": ADMIN}) as it, _client(it) as client:
        session = await it.open()
        assert (await client.post("/api/drain", json={"restart": True})).status_code == 202
        assert await session.answer_close() == close(1012, "service restart")
        await session.end()
        await it.ended.wait()
        with pytest.raises(httpx.ConnectError):
            await httpx.AsyncClient().get(str(it.server.admin_addresses[0]))


@real_clock
async def test_it_is_not_ready_while_it_drains() -> None:
    async with running(HTTP, server={"admin": ADMIN}) as it, _client(it) as client:
        session = await it.open()
        assert (await client.get("/readyz")).status_code == 200
        it.server.drain()
        assert (await client.get("/readyz")).status_code == 503
        assert await session.answer_close() == AWAY
        await session.end()
        await it.ended.wait()


@real_clock
async def test_its_end_by_a_fault_leaves_sessions_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("relay.admin.listener.application", broken)
    async with running(HTTP, server={"admin": ADMIN}) as it:
        await close_session(await it.open())


@real_clock
async def test_without_it_nothing_is_counted() -> None:
    async with running(HTTP) as it:
        assert it.server.admin_addresses == []
        assert it.server.metrics is None


@real_clock
async def test_relay_serve_says_where_it_is_obeys_a_reload_and_the_operator(tmp_path: Path) -> None:
    server = 'server.listen = ["127.0.0.1:0"]\n'
    admin = '[admin]\nlisten = "127.0.0.1:0"\n'
    text = server + OPEN_GATEWAY + admin
    async with relay(tmp_path, text, "--log-format", "json") as it:
        where, listening = await it.line(), await it.line()
        assert where.startswith("admin on http://127.0.0.1:")
        assert listening.startswith("listening on http://127.0.0.1:")
        url = where.removeprefix("admin on ")
        async with httpx.AsyncClient(base_url=url, headers=BEARER) as client:
            assert (await client.get("/metrics")).status_code == 200
            assert (await client.post("/api/drain")).status_code == 403
            write(tmp_path, f'{text}token_sha256 = "{SHA256.hex()}"\n')
            it.tell(signal.SIGHUP)
            assert '"admin.token_sha256"' in await it.line()
            assert (await client.post("/api/drain")).status_code == 202
        lines = await it.rest()
        assert await it.process.wait() == 0
    assert any("drained by the operator" in line for line in lines)
    assert not any("rly_" in line or SHA256.hex() in line for line in lines)


@real_clock
async def test_relay_serve_says_why_it_cannot_listen_for_the_operator(tmp_path: Path) -> None:
    (taken,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with taken:
        port = taken.socket.getsockname()[1]
        admin = f'[admin]\nlisten = "127.0.0.1:{port}"\n'
        async with relay(
            tmp_path, 'server.listen = ["127.0.0.1:0"]\n' + OPEN_GATEWAY + admin
        ) as it:
            (line,) = await it.rest()
            assert f"http://127.0.0.1:{port}: " in line
            assert await it.process.wait() == 1
