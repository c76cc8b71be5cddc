"""How many sessions may be open, and how fast they may be opened."""

from __future__ import annotations

from contextlib import ExitStack
from ipaddress import ip_address

import pytest
import trio

from relay.protocol import Admission, Gateway, GatewayToken, Origin, Refused, Route, by_name
from relay.quotas import FloodError, Quotas
from tests.protocol.handshakes import a_gateway, a_token, refused
from tests.support import trio_test

PROVIDER = by_name()["openai"]
ORIGIN = Origin("wss", "api.test", 443)
ROUTE = Route(PROVIDER, PROVIDER.endpoints[0], ORIGIN, PROVIDER.endpoints[0].path)


def admission(gateway: Gateway, token: GatewayToken | None = None) -> Admission:
    return Admission(gateway, token, ROUTE)


def retry_after(error: Refused) -> str | None:
    return dict(error.fields).get("Retry-After")


def opened_and_closed(quotas: Quotas, admission: Admission) -> None:
    with quotas.session(admission):
        pass


@trio_test
async def test_places_are_limited_and_given_back() -> None:
    quotas = Quotas(2)
    with quotas.place():
        with quotas.place():
            assert quotas.open == 2
            with refused(503, 2102) as caught, quotas.place():
                pass
            assert retry_after(caught.value) == "5"
            assert caught.value.proxy_error == "connection_limit_reached"
            assert quotas.open == 2
        with quotas.place():
            pass
    assert quotas.open == 0


@trio_test
async def test_a_place_is_given_back_after_an_error() -> None:
    quotas = Quotas(1)
    with pytest.raises(ValueError, match="mine"), quotas.place():
        raise ValueError("mine")
    assert quotas.open == 0


@trio_test
async def test_open_sessions_of_a_gateway() -> None:
    quotas, gateway = Quotas(9), a_gateway(max_sessions=2)
    with ExitStack() as held:
        for token in (None, a_token()):
            held.enter_context(quotas.session(admission(gateway, token)))
        with refused(429, 2003) as caught:
            opened_and_closed(quotas, admission(gateway))
        assert retry_after(caught.value) is None
        opened_and_closed(quotas, admission(a_gateway(name="acct/other", max_sessions=2)))
    opened_and_closed(quotas, admission(gateway))


@trio_test
async def test_open_sessions_of_a_token() -> None:
    quotas, gateway = Quotas(9), a_gateway(max_sessions=5)
    token = a_token(max_sessions=1)
    with quotas.session(admission(gateway, token)):
        with refused(429, 2003):
            opened_and_closed(quotas, admission(gateway, token))
        opened_and_closed(quotas, admission(gateway))
        # A token of that name in another gateway is another token.
        opened_and_closed(quotas, admission(a_gateway(name="acct/other"), token))
    opened_and_closed(quotas, admission(gateway, token))


@trio_test
async def test_openings_are_a_bucket_that_fills_again_over_a_minute() -> None:
    quotas, it = Quotas(9), admission(a_gateway(openings_per_minute=3))
    for _ in range(3):
        opened_and_closed(quotas, it)
    with refused(429, 2003) as caught:
        opened_and_closed(quotas, it)
    assert retry_after(caught.value) == "20"
    await trio.sleep(19.5)
    with refused(429, 2003) as caught:
        opened_and_closed(quotas, it)
    assert retry_after(caught.value) == "1"
    await trio.sleep(0.5)
    opened_and_closed(quotas, it)
    with refused(429, 2003):
        opened_and_closed(quotas, it)


@trio_test
async def test_the_wait_that_is_told_is_long_enough() -> None:
    quotas, it = Quotas(9), admission(a_gateway(openings_per_minute=7))
    for _ in range(50):
        try:
            opened_and_closed(quotas, it)
        except Refused as error:
            await trio.sleep(int(retry_after(error) or 0))
            opened_and_closed(quotas, it)


@trio_test
async def test_a_bucket_holds_no_more_than_a_minutes_openings() -> None:
    quotas, it = Quotas(9), admission(a_gateway(openings_per_minute=2))
    opened_and_closed(quotas, it)
    await trio.sleep(3600)
    for _ in range(2):
        opened_and_closed(quotas, it)
    with refused(429, 2003):
        opened_and_closed(quotas, it)


@pytest.mark.parametrize("token", [a_token(openings_per_minute=1), a_token(max_sessions=1)])
@trio_test
async def test_what_a_token_is_refused_does_not_use_up_its_gateways_openings(
    token: GatewayToken,
) -> None:
    quotas, gateway = Quotas(9), a_gateway(openings_per_minute=5)
    with quotas.session(admission(gateway, token)):
        for _ in range(100):
            with refused(429, 2003):
                opened_and_closed(quotas, admission(gateway, token))
        opened_and_closed(quotas, admission(gateway, a_token("rly_other")))


@trio_test
async def test_what_its_gateway_refuses_does_not_use_up_a_tokens_openings() -> None:
    quotas, gateway = Quotas(9), a_gateway(max_sessions=1)
    token = a_token(openings_per_minute=1)
    with quotas.session(admission(gateway)), refused(429, 2003):
        opened_and_closed(quotas, admission(gateway, token))
    opened_and_closed(quotas, admission(gateway, token))


@trio_test
async def test_the_longer_wait_is_told() -> None:
    quotas = Quotas(9)
    it = admission(a_gateway(openings_per_minute=1), a_token(openings_per_minute=2))
    opened_and_closed(quotas, it)
    opened_and_closed(quotas, admission(a_gateway(name="acct/other"), it.token))
    with refused(429, 2003) as caught:
        opened_and_closed(quotas, it)
    assert retry_after(caught.value) == "60"


@trio_test
async def test_counts_are_given_back_after_an_error() -> None:
    quotas, gateway = Quotas(9), a_gateway(max_sessions=1)
    it = admission(gateway, a_token(max_sessions=1))
    with pytest.raises(ValueError, match="mine"), quotas.session(it):
        raise ValueError("mine")
    opened_and_closed(quotas, it)


@trio_test
async def test_connections_of_an_address_are_within_the_limit_or_told_or_closed() -> None:
    quotas, address = Quotas(9, 2), ip_address("192.0.2.1")
    with ExitStack() as held:
        within = [held.enter_context(quotas.connection(address)) for _ in range(4)]
        assert within == [True, True, False, False]
        with pytest.raises(FloodError), quotas.connection(address):
            pass
        with quotas.connection(ip_address("192.0.2.2")) as other:
            assert other
    with pytest.raises(ValueError, match="mine"), quotas.connection(address):
        raise ValueError("mine")
    assert quotas._connections == {}  # nothing is kept of those that are gone


@pytest.mark.parametrize(
    ("first", "second", "one"),
    [
        ("2001:db8::1", "2001:db8:0:0:ffff::", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("0.0.0.1", "0:0:0:1::", False),
    ],
)
@trio_test
async def test_a_client_is_an_ipv4_address_or_an_ipv6_network(
    first: str, second: str, one: bool
) -> None:
    quotas = Quotas(9, 1)
    with quotas.connection(ip_address(first)), quotas.connection(ip_address(second)) as within:
        assert within is not one


# Bounds that change


@trio_test
async def test_connections_are_counted_without_a_limit_for_one_that_may_come() -> None:
    quotas, address = Quotas(9), ip_address("192.0.2.1")
    with ExitStack() as held:
        assert all(held.enter_context(quotas.connection(address)) for _ in range(4))
        quotas.max_sessions_per_address = 3
        assert not held.enter_context(quotas.connection(address))
        quotas.max_sessions_per_address = 2
        with pytest.raises(FloodError), quotas.connection(address):
            pass
        quotas.max_sessions_per_address = None
        assert held.enter_context(quotas.connection(address))
    assert quotas._connections == {}


@trio_test
async def test_a_lowered_bound_ends_nothing_and_counts_what_is_open() -> None:
    quotas = Quotas(3)
    with ExitStack() as held:
        for _ in range(3):
            held.enter_context(quotas.place())
        quotas.max_sessions = 1
        with refused(503, 2102), quotas.place():
            pass
    with quotas.place(), refused(503, 2102), quotas.place():
        pass


@trio_test
async def test_sessions_of_a_gateway_and_a_token_count_when_their_limits_change() -> None:
    quotas, gateway, token = Quotas(9), a_gateway(), a_token()
    with ExitStack() as held:
        for _ in range(2):
            held.enter_context(quotas.session(admission(gateway, token)))
        for fewer in (
            admission(a_gateway(max_sessions=2), token),
            admission(gateway, a_token(max_sessions=2)),
        ):
            with refused(429, 2003):
                opened_and_closed(quotas, fewer)
        opened_and_closed(quotas, admission(a_gateway(max_sessions=3), a_token(max_sessions=3)))


@trio_test
async def test_openings_without_a_limit_are_no_debt_under_a_later_one() -> None:
    quotas, limited = Quotas(9), admission(a_gateway(openings_per_minute=2))
    opened_and_closed(quotas, limited)
    for _ in range(1000):
        opened_and_closed(quotas, admission(a_gateway()))
    with refused(429, 2003) as caught:
        opened_and_closed(quotas, limited)
    assert retry_after(caught.value) == "30"


@trio_test
async def test_counters_of_what_is_no_more_are_dropped_when_nothing_is_open() -> None:
    quotas, token = Quotas(9), a_token(max_sessions=1)
    left, kept = a_gateway(name="acct/left"), a_gateway(name="acct/kept", openings_per_minute=1)
    opened_and_closed(quotas, admission(left))
    opened_and_closed(quotas, admission(kept))
    known = {("", "acct/kept")}
    with quotas.session(admission(left, token)):
        quotas.forget(known)
        with refused(429, 2003):
            opened_and_closed(quotas, admission(left, token))
    quotas.forget(known)
    assert set(quotas._counts) == known
    with refused(429, 2003):  # its bucket is what it was
        opened_and_closed(quotas, admission(kept))
