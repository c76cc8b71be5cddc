"""Health, metrics, the configuration in force and the drain, by the admin API."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import URL

from relay.admin.configuration import configuration
from relay.config.model import LimitsModel
from relay.protocol import Gateway, Proxy, Secret, by_name, closing
from relay.records.settings import RecordSettings
from relay.settings import Listener, Settings
from tests.admin.fakes import BEARER, History, Relay, client, with_admin
from tests.protocol.handshakes import a_token
from tests.support import trio_test


@trio_test
async def test_health_and_readiness() -> None:
    relay = Relay()
    async with client(relay) as it:
        assert (await it.get("/healthz")).text == "ok\n"
        assert (await it.get("/readyz")).text == "ok\n"
        relay.draining = closing.DRAINING
        assert (await it.get("/healthz")).status_code == 200
        answer = await it.get("/readyz")
        assert (answer.status_code, answer.text) == (503, "draining\n")


@trio_test
async def test_metrics_are_what_prometheus_reads() -> None:
    relay = Relay()
    async with client(relay) as it:
        assert (await it.get("/metrics")).status_code == 404
        relay.count()
        answer = await it.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    names = {each.name for each in text_string_to_metric_families(answer.text)}
    assert "relay_sessions_open" in names


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        (None, closing.DRAINING),
        ({}, closing.DRAINING),
        ({"restart": False}, closing.DRAINING),
        ({"restart": True}, closing.RESTARTING),
    ],
)
@trio_test
async def test_a_drain(body: dict[str, bool] | None, cause: closing.Cause) -> None:
    relay = Relay()
    async with client(relay, BEARER) as it:
        answer = await it.post("/api/drain", json=body)
        assert (answer.status_code, answer.json()) == (202, {"draining": True})
        assert relay.draining is cause
        other = cause is closing.DRAINING
        assert (await it.post("/api/drain", json={"restart": other})).status_code == 202
    assert relay.draining is cause


@trio_test
async def test_a_drain_that_makes_no_sense_does_nothing() -> None:
    relay = Relay()
    async with client(relay, BEARER) as it:
        assert (await it.post("/api/drain", json={"restart": "later"})).status_code == 400
        assert (await it.post("/api/drain", json=[])).status_code == 400
    assert relay.draining is None


@trio_test
async def test_the_description_names_every_path_and_who_may_ask() -> None:
    async with client(Relay()) as it:
        described = (await it.get("/openapi.json")).json()
        assert (await it.get("/docs")).status_code == 404
        assert (await it.get("/redoc")).status_code == 404
    assert described["openapi"].startswith("3.")
    open_to_all = {"/healthz", "/readyz", "/metrics", "/api/login", "/api/logout", "/api/status"}
    paths = described["paths"]
    assert paths.keys() == open_to_all | {
        "/api/config",
        "/api/drain",
        "/api/hour",
        "/api/totals",
        "/api/sessions",
        "/api/sessions/live",
        "/api/sessions/{session_id}",
        "/api/sessions/{session_id}/end",
        "/api/sessions/{session_id}/tail",
    }
    for path, operations in paths.items():
        for operation in operations.values():
            assert bool(operation.get("security")) is (path not in open_to_all), path
            assert operation["description"]
    schemas = described["components"]["schemas"]
    assert {
        "Rows",
        "LiveRows",
        "Row",
        "Hour",
        "Totals",
        "Details",
        "SessionRecord",
        "Turn",
        "Usage",
    } <= schemas.keys()


def _a_configuration(secret: str) -> Settings:
    """One that has a secret wherever there may be one."""
    hidden = Secret(secret.encode())
    provider = replace(by_name()["openai"], added_fields=((b"x-team", secret.encode()),))
    gateway = Gateway(
        name="acct/main",
        tokens=(a_token(secret),),
        stored_key=lambda *_: hidden,
        origins=frozenset({"https://app.test"}),
    )
    return replace(
        with_admin(token_sha256=a_token(secret).sha256),
        listeners=(Listener("http", "127.0.0.1", 8080),),
        gateways={"acct/main": gateway},
        providers={"openai": provider},
        proxies={"openai": Proxy("proxy.test", 3128, lambda: hidden)},
        records=RecordSettings(
            URL.create("postgresql+psycopg", "user", secret, "db.test", query={"password": secret})
        ),
    )


@settings(max_examples=25, deadline=None)
@given(secret=st.text("QZXJ-_", min_size=12, max_size=40))
def test_no_answer_shows_a_secret(secret: str) -> None:
    relay = Relay(settings=_a_configuration(secret), history=History())
    relay.count()
    admin = relay.settings.admin
    assert admin is not None
    assert admin.token_sha256 is not None
    hashed = admin.token_sha256.hex()
    answers: list[str] = []

    async def main() -> None:
        async with client(relay, {"Authorization": f"Bearer {secret}"}) as it:
            for path in (
                *("/healthz", "/readyz", "/metrics", "/openapi.json", "/api/config"),
                *("/api/sessions", "/api/sessions/live", "/api/sessions/0", "/nowhere"),
                *("/api/hour", "/api/totals"),
            ):
                answer = await it.get(path)
                answers.append(f"{answer.headers} {answer.text}")
            answers.append((await it.post("/api/sessions/0/end", json={"reason": secret})).text)
            answer = await it.post("/api/login", json={"token": secret})
            assert answer.status_code == 200
            answers.append(str(answer.headers))

    trio.run(main)
    for answer in answers:
        assert secret not in answer
        assert hashed not in answer
    assert '"name":"web"' in "".join(answers)
    assert "proxy.test" in "".join(answers)


@trio_test
async def test_the_configuration_in_force_is_shown_by_the_names_of_the_file() -> None:
    async with client(Relay(settings=_a_configuration("s3cret")), {}) as it:
        shown = (await it.get("/api/config", headers={"Authorization": "Bearer s3cret"})).json()
    assert shown["server"]["listen"] == ["http://127.0.0.1:8080"]
    assert shown["limits"]["idle_timeout"] == 600
    assert shown["limits"]["max_duration"] is None
    assert LimitsModel.model_fields.keys() <= shown["limits"].keys()
    assert shown["limits"]["max_message_size"] == 32 * 1024 * 1024
    gateway = shown["gateways"]["acct/main"]
    assert gateway["origins"] == ["https://app.test"]
    assert gateway["tail_content"] is False
    assert gateway["limits"]["idle_timeout"] == 600
    assert [each["name"] for each in gateway["tokens"]] == ["web"]
    assert shown["providers"]["openai"]["headers"] == ["x-team"]
    assert shown["providers"]["openai"]["proxy"] == {"host": "proxy.test", "port": 3128}
    assert shown["records"]["store"] == "postgresql"
    assert shown["admin"] == {
        "listen": "http://127.0.0.1:9464",
        "tls": False,
        "token": True,
        "hosts": [],
    }


def test_without_records_and_admin_there_is_less_to_show() -> None:
    shown = configuration(replace(_a_configuration("x"), records=None, admin=None))
    assert shown["records"] is None
    assert shown["admin"] is None
    json.dumps(shown, allow_nan=False)
