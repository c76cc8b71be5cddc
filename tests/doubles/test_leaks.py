"""What must not reach a provider."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from relay.doubles.leaks import leaked_slot
from relay.doubles.opening import Request

TOKEN = "rly_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


def request(
    path: str = "/",
    headers: Sequence[tuple[bytes, bytes]] = (),
    query: Sequence[tuple[str, str]] = (),
    subprotocols: Sequence[str] = (),
) -> Request:
    return Request(
        target=path,
        path=path,
        query=list(query),
        headers=list(headers),
        subprotocols=list(subprotocols),
    )


@pytest.mark.parametrize(
    ("arrived", "slot"),
    [
        (request(headers=[(b"cf-aig-authorization", b"x")]), "header cf-aig-authorization"),
        (request(headers=[(b"cf-aig-byok-alias", b"eu")]), "header cf-aig-byok-alias"),
        (request(headers=[(b"authorization", f"Bearer {TOKEN}".encode())]), "header authorization"),
        (request(headers=[(b"xi-api-key", TOKEN.encode())]), "header xi-api-key"),
        (request(query=[("key", TOKEN)]), "query parameter key"),
        (request(query=[(TOKEN, "")]), "name of a query parameter"),
        (request(path=f"/v1/{TOKEN}/realtime"), "path"),
        (request(path=f"/v1/%72ly_{TOKEN[4:]}"), "path"),
        (request(subprotocols=["realtime", "cf-aig-authorization.x"]), "subprotocol entry"),
        (request(subprotocols=[f"openai-insecure-api-key.{TOKEN}"]), "subprotocol entry"),
        (request(subprotocols=["token", TOKEN]), "subprotocol entry"),
        (request(subprotocols=["realtime", "relay"]), "subprotocol entry"),
    ],
)
def test_a_leak_is_named_by_its_slot(arrived: Request, slot: str) -> None:
    assert leaked_slot(arrived) == slot
    assert TOKEN not in slot


def test_a_providers_own_request_leaks_nothing() -> None:
    arrived = request(
        path="/v1/early_access",
        headers=[(b"authorization", b"Bearer sk-x"), (b"cf-ray", b"1"), (b"x-early", b"nearly_ok")],
        query=[("model", "orly_1")],
        subprotocols=["realtime", "openai-insecure-api-key.sk-x"],
    )
    assert leaked_slot(arrived) is None


def test_a_provider_may_have_a_field_line_of_that_name() -> None:
    own = frozenset({b"cf-aig-authorization"})
    assert leaked_slot(request(headers=[(b"cf-aig-authorization", b"Bearer K")]), own) is None
    token = request(headers=[(b"cf-aig-authorization", f"Bearer {TOKEN}".encode())])
    assert leaked_slot(token, own) == "header cf-aig-authorization"
    other = request(headers=[(b"cf-aig-byok-alias", b"eu")])
    assert leaked_slot(other, own) == "header cf-aig-byok-alias"
