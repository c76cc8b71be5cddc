from __future__ import annotations

from dataclasses import replace

import pytest

from relay.protocol import (
    Origin,
    ProviderRefused,
    Refused,
    Secret,
    UpstreamHandshake,
    UpstreamRequest,
    attempts,
    by_name,
    may_fail_over,
)
from relay.testing.handshakes import NONCE, upgrade
from tests.protocol.handshakes import LIMITS, TOKEN, a_gateway, admit

FIRST = Origin("wss", "a.example", 443)
SECOND = Origin("wss", "b.example", 8443)
THIRD = Origin("ws", "::1", 9000)
REQUEST = UpstreamRequest(
    origin=FIRST,
    target=b"/v1/realtime?model=m",
    fields=((b"authorization", b"Bearer sk-stored"),),
    subprotocols=("realtime",),
    secrets=(Secret(b"sk-stored"),),
)


def test_each_upstream_is_asked_the_same_under_its_own_name() -> None:
    asked = attempts(replace(REQUEST, other_origins=(SECOND, THIRD)))
    assert [each.origin for each in asked] == [FIRST, SECOND, THIRD]
    first, *others = [UpstreamHandshake(each, NONCE, LIMITS).request_data() for each in asked]
    assert b"\r\nHost: a.example\r\n" in first
    assert b"\r\nauthorization: Bearer sk-stored\r\n" in first
    for data, host in zip(others, (b"b.example:8443", b"[::1]:9000"), strict=True):
        assert data == first.replace(b"a.example", host)
    assert all(each.secrets == REQUEST.secrets for each in asked)


def test_a_single_upstream_is_asked_once() -> None:
    assert attempts(REQUEST) == (REQUEST,)


def test_a_catalogue_entry_never_fails_over() -> None:
    for provider in by_name().values():
        assert provider.other_origins == ()
        assert not provider.failover_on_429


def test_a_session_is_asked_of_its_providers_upstreams() -> None:
    openai = replace(
        by_name()["openai"], origin=FIRST, other_origins=(SECOND, THIRD), failover_on_429=True
    )
    session = admit(
        upgrade(
            "/v1/acct/main/openai", f"cf-aig-authorization: {TOKEN}", "Authorization: Bearer sk-own"
        ),
        a_gateway(),
        {"openai": openai},
    )
    assert [each.origin for each in attempts(session.upstream)] == [FIRST, SECOND, THIRD]
    assert session.upstream.failover_on_429


def provider_refused(status: int) -> Refused:
    return ProviderRefused(status, "no", fields=(), body=b"")


@pytest.mark.parametrize(
    ("refused", "expected"),
    [
        (Refused(502, 2100, "the provider cannot be reached"), True),
        (Refused(504, 2101, "the provider did not answer in time"), True),
        (Refused(503, 2102, "the relay has no descriptors left"), False),
        *((provider_refused(status), True) for status in (500, 502, 503, 504, 529, 599)),
        *((provider_refused(status), False) for status in (400, 401, 403, 404, 408, 428, 430, 499)),
    ],
)
@pytest.mark.parametrize("on_429", [False, True])
def test_what_is_a_reason_to_ask_the_next(refused: Refused, expected: bool, on_429: bool) -> None:
    assert may_fail_over(replace(REQUEST, failover_on_429=on_429), refused) is expected


@pytest.mark.parametrize("on_429", [False, True])
def test_429_is_a_reason_only_where_the_configuration_says_so(on_429: bool) -> None:
    request = replace(REQUEST, failover_on_429=on_429)
    assert may_fail_over(request, provider_refused(429)) is on_429
