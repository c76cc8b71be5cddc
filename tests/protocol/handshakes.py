"""What the tests of the opening share: a gateway, and the whole way through."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from relay.protocol import (
    CATALOGUE,
    Admission,
    ClientHandshake,
    Gateway,
    GatewayToken,
    Limits,
    Opening,
    Origin,
    PermessageDeflate,
    Provider,
    Refused,
    Request,
    Secret,
    UpstreamAnswer,
    UpstreamHandshake,
    UpstreamRequest,
    authenticate,
    authorise,
    by_name,
    examine,
    upstream_request,
)
from relay.testing.handshakes import NONCE

TOKEN = "rly_" + "Ab3-_" * 8 + "xYz"
OTHER_TOKEN = "rly_" + "Cd4_-" * 8 + "wVu"
CUSTOM_PATHS = {"workers-ai": "/v1/A/G/workers-ai"}
NOW = 1_800_000_000.0
LIMITS = Limits()
PROVIDERS = by_name()
CONFIGURED = by_name(  # where the catalogue alone cannot say what a stored key goes to
    tuple(
        each.at(f"wss://{each.name}.test{CUSTOM_PATHS.get(each.name, '')}")
        if each.needs_url
        else each
        for each in CATALOGUE
    )
)


def read(data: bytes, limits: Limits = LIMITS) -> Request:
    """The request that is in ``data``, which came at once."""
    request = ClientHandshake(limits).receive_data(data)
    assert request is not None
    return request


def a_token(value: str = TOKEN, **policy: object) -> GatewayToken:
    return GatewayToken(
        "web",
        hashlib.sha256(value.encode()).digest(),
        **policy,  # type: ignore[arg-type]
    )


def a_gateway(
    *, stored_keys: Mapping[tuple[str, str], str] | None = None, **policy: object
) -> Gateway:
    """The gateway ``acct/main``, which knows ``TOKEN``."""
    stored = {slot: Secret(key.encode()) for slot, key in (stored_keys or {}).items()}

    def stored_key(provider: str, alias: str) -> Secret | None:
        return stored.get((provider, alias))

    given: dict[str, object] = {"name": "acct/main", "tokens": (a_token(),), **policy}
    return Gateway(stored_key=stored_key, **given)  # type: ignore[arg-type]


@dataclass
class Session:
    """All that comes of one opening handshake, up to the request for the provider."""

    request: Request
    opening: Opening
    admission: Admission
    upstream: UpstreamRequest

    @property
    def upstream_bytes(self) -> bytes:
        return UpstreamHandshake(self.upstream, NONCE, LIMITS).request_data()


def admission_of(
    opening: Opening, gateway: Gateway, providers: Mapping[str, Provider], now: float = NOW
) -> Admission:
    """Authenticate and authorise, where there is one gateway.

    Raises:
        Refused: As the two do.
    """
    target, credentials = opening.target, opening.credentials
    identity = authenticate(target, opening.fields, credentials, {gateway.name: gateway}, now)
    return authorise(identity, target, credentials, providers)


def admit(
    data: bytes,
    gateway: Gateway | None = None,
    providers: Mapping[str, Provider] = PROVIDERS,
) -> Session:
    """Take a request the whole way to the provider.

    Raises:
        Refused: As the steps do.
    """
    gateway = gateway or a_gateway()
    request = read(data)
    opening = examine(request, providers)
    admission = admission_of(opening, gateway, providers)
    upstream = upstream_request(admission, opening.fields, opening.credentials)
    return Session(request, opening, admission, upstream)


@contextmanager
def refused(status: int, code: int = 2000) -> Iterator[pytest.ExceptionInfo[Refused]]:
    """The block is refused with that status and that code."""
    with pytest.raises(Refused) as caught:
        yield caught
    assert (caught.value.status, caught.value.code) == (status, code)


def dialled(
    *subprotocols: str,
    secrets: tuple[Secret, ...] = (),
    limits: Limits = LIMITS,
    compression: tuple[PermessageDeflate, ...] = (),
) -> UpstreamHandshake:
    """A handshake with a provider whose request has just been sent."""
    request = UpstreamRequest(
        origin=Origin("wss", "provider.test", 443),
        target=b"/v1/realtime",
        fields=(),
        subprotocols=subprotocols,
        secrets=secrets,
        compression=compression,
    )
    handshake = UpstreamHandshake(request, NONCE, limits)
    handshake.request_data()
    return handshake


def answer_to(data: bytes, *subprotocols: str, secrets: tuple[Secret, ...] = ()) -> UpstreamAnswer:
    """The 101 that is in ``data``."""
    answer = dialled(*subprotocols, secrets=secrets).receive_data(data)
    assert answer is not None
    return answer
