"""Settings that change while the server runs: what goes by which."""

from __future__ import annotations

import gc
import hashlib
import ssl
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog
import trio
from trio.testing import wait_all_tasks_blocked

from relay.protocol import (
    Admission,
    Gateway,
    GatewayToken,
    Limits,
    Origin,
    Route,
    Secret,
    Timeouts,
    by_name,
)
from relay.protocol.frames import TEXT
from relay.server import Server
from relay.settings import AdminSettings, Listener, Settings
from relay.testing.frames import Frame, close
from relay.testing.handshakes import upgrade
from relay.tls import ServerTls
from tests.certificates import write_pem
from tests.loopback import HTTP, HTTPS, close_session, running
from tests.played_session import TARGET, error_of, open_session, session, settings
from tests.protocol.handshakes import a_token
from tests.support import Variant, in_every_variant, real_clock, trio_test

TOKEN = "rly_known"
WITH_TOKEN = f"cf-aig-authorization: {TOKEN}"
GUARDED: dict[str, Any] = {"authentication_required": True, "tokens": (a_token(TOKEN),)}
REVOKED = settings(authentication_required=True, tokens=(a_token("rly_other"),))
HELLO = Frame(TEXT, b"hello")
PROVIDER = by_name()["openai"]
ROUTE = Route(PROVIDER, PROVIDER.endpoints[0], Origin("wss", "provider.test", 443), "/")


def elsewhere(host: str) -> dict[str, Any]:
    """What makes the provider that host."""
    return {"origin": Origin("wss", host, 443)}


# Sessions that are open


@in_every_variant
@trio_test
async def test_an_open_session_keeps_its_deadlines_and_limits(variant: Variant) -> None:
    async with open_session(variant, timeouts=Timeouts(idle=100)) as play:
        less = settings(timeouts=Timeouts(idle=1, close=1), limits=Limits(max_message_size=1))
        assert play.server.reload(less)
        await trio.sleep(99)
        await play.client.send(HELLO)
        assert await play.provider.receive() == HELLO
        last_byte = trio.current_time()
        assert await play.client.answer_close() == close(1001, "idle timeout")
        assert trio.current_time() - last_byte == 100
        await play.provider.answer_close()
        await play.client.end()
        await play.provider.end()


@in_every_variant
@trio_test
async def test_an_open_session_survives_its_token_and_its_gateway(variant: Variant) -> None:
    async with session(variant, **GUARDED) as play:
        await play.request(WITH_TOKEN)
        await play.accept()
        await play.client.receive_head()
        assert play.server.reload(REVOKED)
        assert play.server.reload(replace(settings(), gateways={}, providers={}, trust={}))
        await play.client.send(HELLO)
        assert await play.provider.receive() == HELLO
        await play.provider.send(HELLO)
        assert await play.client.receive() == HELLO
        await play.close()


# Openings


@trio_test
async def test_an_opening_goes_by_the_settings_it_began_with() -> None:
    async with session(connects=False, upstreams=elsewhere("old.test")) as play:
        request = upgrade(TARGET, "Authorization: Bearer sk-of-the-client")
        await play.client.stream.send_all(request[:20])
        await wait_all_tasks_blocked()
        assert play.server.reload(
            settings(
                upstreams=elsewhere("new.test"),
                limits=Limits(max_head_size=10),
                timeouts=Timeouts(opening=1, upstream=1),
            )
        )
        await trio.sleep(9)
        await play.client.stream.send_all(request[20:])
        await wait_all_tasks_blocked()
        assert [each.host for each in play.dialled] == ["old.test"]
        play.may_connect.set()
        await trio.sleep(9)
        await play.accept()
        assert (await play.client.receive_head()).startswith(b"HTTP/1.1 101 ")
        await play.close()


@trio_test
async def test_the_next_opening_goes_by_the_new_ones() -> None:
    async with session(upstreams=elsewhere("old.test")) as play:
        assert play.server.reload(settings(upstreams=elsewhere("new.test")))
        await play.open()
        assert [each.host for each in play.dialled] == ["new.test"]
        await play.close()


@trio_test
async def test_a_connection_that_was_accepted_keeps_its_settings() -> None:
    async with session(**GUARDED) as play:
        await wait_all_tasks_blocked()  # the session runs, and waits for its request
        assert play.server.reload(REVOKED)
        await play.client.stream.send_all(upgrade(TARGET, "cf-aig-authorization: rly_other"))
        assert error_of(await play.client.receive_answer()) == (401, 2009)


@pytest.mark.parametrize(
    ("now", "code"),
    [
        (REVOKED, (401, 2009)),
        (replace(settings(), gateways={}), (404, 2001)),
        (settings(**{**GUARDED, "tokens": (a_token(TOKEN, expires=1.0),)}), (401, 2009)),
        (settings(**GUARDED, origins=frozenset()), (403, 2010)),
        (settings(**GUARDED, providers=frozenset()), (403, 2010)),
    ],
    ids=["token", "gateway", "expiry", "origin", "provider"],
)
@trio_test
async def test_what_is_revoked_while_the_provider_is_dialled_opens_nothing(
    now: Settings, code: tuple[int, int]
) -> None:
    async with session(connects=False, **GUARDED) as play:
        await play.request(WITH_TOKEN, "Origin: https://app.test")
        await wait_all_tasks_blocked()
        assert play.dialling
        assert play.server.reload(now)
        play.may_connect.set()
        await play.accept()
        assert error_of(await play.client.receive_answer()) == code
        assert await play.provider.receive_rest() == b""


@trio_test
async def test_what_is_still_allowed_opens_by_what_it_began_with() -> None:
    async with session(connects=False, **GUARDED, timeouts=Timeouts(idle=50)) as play:
        await play.request(WITH_TOKEN)
        await wait_all_tasks_blocked()
        assert play.server.reload(settings(**GUARDED, timeouts=Timeouts(idle=1)))
        play.may_connect.set()
        await play.accept()
        await play.client.receive_head()
        await trio.sleep(49)
        assert await play.client.hears_nothing()
        await play.close()


# The server's own


@trio_test
async def test_the_servers_bounds_hold_at_once() -> None:
    async with open_session() as play:
        server = play.server
        assert server.reload(
            replace(settings(places=1), max_sessions_per_address=7, max_openings=8)
        )
        assert (server.quotas.max_sessions, server.quotas.max_sessions_per_address) == (1, 7)
        assert server.openings.most == 8
        assert server.quotas.open == 1
        await play.close()


@real_clock
async def test_the_listeners_stay_and_a_warning_says_so() -> None:
    async with running(HTTP) as relay:
        server = relay.server
        wanted = (HTTP, Listener("http", "127.0.0.1", 1))
        with structlog.testing.capture_logs() as log:
            for listeners in ((HTTP,), wanted, wanted, (HTTP,)):
                assert server.reload(replace(server.settings, listeners=listeners))
        assert [each["log_level"] for each in log] == ["warning", "warning"]
        assert log[0]["running"] == ["http://127.0.0.1:0"]
        assert log[0]["wanted"] == ["http://127.0.0.1:0", "http://127.0.0.1:1"]
        assert server.settings.listeners == (HTTP,)
        await close_session(await relay.open())


@real_clock
async def test_a_tls_listener_stays_one(tmp_path: Path) -> None:
    tls = ServerTls(*write_pem(tmp_path, "relay.test"))
    async with running(HTTPS, tls=tls) as relay:
        server = relay.server
        assert server.reload(replace(server.settings, listeners=(HTTP,), tls=None))
        assert server.settings.tls is tls
        await close_session(await relay.open())


@real_clock
async def test_another_certificate_is_for_new_connections(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("old", "new")]
    for folder in folders:
        folder.mkdir()
    old, new = (ServerTls(*write_pem(each, "relay.test")) for each in folders)
    async with running(HTTPS, tls=old) as relay:
        server = relay.server
        before = await relay.open()
        assert server.reload(replace(server.settings, tls=new))
        after = await relay.open()
        shown = [_certificate(each.stream) for each in (before, after)]
        assert shown == [_leaf(each) for each in folders]
        for client in (before, after):
            await close_session(client)


def _certificate(stream: trio.abc.Stream) -> bytes:
    assert isinstance(stream, trio.SSLStream)
    shown = stream.getpeercert(binary_form=True)
    assert isinstance(shown, bytes)
    return shown


def _leaf(folder: Path) -> bytes:
    return ssl.PEM_cert_to_DER_cert((folder / "cert.pem").read_text())


@trio_test
async def test_while_it_drains_nothing_changes() -> None:
    server = Server(settings())
    before = server.settings
    server.drain()
    assert not server.reload(settings(places=1))
    assert server.settings is before
    assert server.quotas.max_sessions == 10


# Memory


def numbered(number: int) -> Settings:
    """Settings that are like no others."""

    def stored_key(provider: str, alias: str) -> Secret | None:  # noqa: ARG001
        return None

    token = GatewayToken(f"token-{number}", hashlib.sha256(str(number).encode()).digest())
    gateway = Gateway("acct/main", False, (token,), stored_key=stored_key)
    return replace(settings(), gateways={"acct/main": gateway})


@trio_test
async def test_a_thousand_reloads_leave_nothing_behind() -> None:
    """Not even while a session is open that began before them."""
    async with session() as play:
        known = []
        for number in range(1001):
            its = numbered(number)
            gateway, trust = its.gateways["acct/main"], its.trust["openai"]
            known.append((weakref.ref(gateway.stored_key), weakref.ref(trust)))
            assert play.server.reload(its)
            if not number:
                await play.open()
            with play.server.quotas.session(Admission(gateway, gateway.tokens[0], ROUTE)):
                pass
        del its, gateway, trust
        gc.collect()
        alive = [[each() is not None for each in pair] for pair in known]
        assert alive == [[False, False]] * 1000 + [[True, True]]
        assert len(play.server.quotas._counts) == 2
        assert play.server.quotas.open == 1
        await play.close()


# The operator's listener


LOCAL = AdminSettings(Listener("http", "127.0.0.1", 9464), token_sha256=b"old")


def reloaded(running: AdminSettings | None, wanted: AdminSettings | None) -> AdminSettings | None:
    server = Server(replace(settings(), admin=running))
    assert server.reload(replace(settings(), admin=wanted))
    return server.settings.admin


def test_the_operators_token_may_change() -> None:
    wanted = replace(LOCAL, token_sha256=b"new", hosts=frozenset({"admin.test"}))
    with structlog.testing.capture_logs() as logs:
        assert reloaded(LOCAL, wanted) == wanted
    assert logs == []


def test_without_its_table_the_operators_listener_knows_no_token() -> None:
    with structlog.testing.capture_logs() as logs:
        assert reloaded(LOCAL, None) == replace(LOCAL, token_sha256=None)
    assert [each["event"] for each in logs] == ["the admin listener is changed by a restart alone"]


def test_the_operators_listener_begins_and_moves_by_a_restart() -> None:
    elsewhere = replace(LOCAL, listener=Listener("http", "127.0.0.1", 1), token_sha256=b"new")
    with structlog.testing.capture_logs() as logs:
        assert reloaded(None, LOCAL) is None
        assert reloaded(LOCAL, elsewhere) == replace(LOCAL, token_sha256=b"new")
    assert [(each["running"], each["wanted"]) for each in logs] == [
        ("None", "http://127.0.0.1:9464"),
        ("http://127.0.0.1:9464", "http://127.0.0.1:1"),
    ]


def test_a_token_is_not_taken_where_it_could_be_overheard() -> None:
    running = AdminSettings(Listener("http", "192.0.2.1", 9464))
    assert reloaded(running, LOCAL) == running
