"""Gateways: who may open which session, and what the provider is then asked.

A gateway is the configured tenant ``account_id/gateway_id``. The functions follow the order of
docs/refusals.md: :func:`authenticate` first, then :func:`authorise`; then the driver checks its
counters (429); then :func:`upstream_request`.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from relay.protocol.compression import PermessageDeflate, offered_compression
from relay.protocol.credentials import (
    TOKEN_PREFIX,
    Credentials,
    contains_secret,
    contains_token,
)
from relay.protocol.endpoints import BEARER, Kind, Origin, Provider
from relay.protocol.errors import Refused
from relay.protocol.fields import FieldLines, request_fields, values
from relay.protocol.limits import Limits
from relay.protocol.message_credentials import credential_filter
from relay.protocol.message_models import model_filter
from relay.protocol.messages import Policy
from relay.protocol.metadata import Metadata
from relay.protocol.routing import Route, Target, model_allowed, route
from relay.protocol.secret import BearerToken, Secret

__all__ = [
    "Admission",
    "Gateway",
    "GatewayToken",
    "Identity",
    "UpstreamRequest",
    "authenticate",
    "authorise",
    "upstream_request",
]

DEFAULT_ALIAS = "default"


@dataclass(frozen=True, slots=True)
class GatewayToken:
    """A gateway token as the configuration knows it: by its hash."""

    name: str
    sha256: bytes
    """The SHA-256 of the token."""
    providers: frozenset[str] | None = None
    """Names of the providers it may use; None for all of the gateway's."""
    models: tuple[str, ...] | None = None
    """Patterns of the models it may use; None for all."""
    expires: float | None = None
    """Unix time from which on it is worth nothing; None for never."""
    max_sessions: int | None = None
    openings_per_minute: int | None = None
    metadata: Metadata = field(default_factory=dict)
    """For the records of its sessions."""


def _no_keys(provider: str, alias: str) -> Secret | None:  # noqa: ARG001
    return None


@dataclass(frozen=True, slots=True)
class Gateway:
    """A tenant and its policy."""

    name: str
    """``account_id/gateway_id``."""
    authentication_required: bool = True
    tokens: tuple[GatewayToken, ...] = ()
    origins: frozenset[str] | None = None
    """Origins of pages that may connect; None for any."""
    providers: frozenset[str] | None = None
    """Names of the providers; None for all."""
    models: tuple[str, ...] | None = None
    """Patterns of the models; None for all."""
    client_credentials_allowed: bool = True
    stored_key: Callable[[str, str], Secret | None] = _no_keys
    """Gives the stored key for a provider's name and an alias."""
    limits: Limits = field(default_factory=Limits)
    messages_lane: bool = False
    """Whether every session of this gateway runs in the message lane."""
    compression: bool = False
    """Whether permessage-deflate is carried through, in the verbatim lane."""
    tail_content: bool = False
    """Whether the operator may read messages as they pass."""
    max_sessions: int | None = None
    openings_per_minute: int | None = None


class Identity(NamedTuple):
    """Who a client is."""

    gateway: Gateway
    token: GatewayToken | None
    """What authenticated it; None where the gateway asks for nothing."""


@dataclass(frozen=True, slots=True)
class Admission:
    """A session that may be opened, its limits and its stored key still to be looked at."""

    gateway: Gateway
    token: GatewayToken | None
    route: Route

    @property
    def model_scopes(self) -> tuple[tuple[str, ...], ...]:
        """Patterns of models; the session's has to fit one of each."""
        scopes = (self.gateway.models, self.token.models if self.token is not None else None)
        return tuple(scope for scope in scopes if scope is not None)


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """What the provider is asked; :class:`~relay.protocol.upstream_opening.UpstreamHandshake`
    sends it."""

    origin: Origin
    target: bytes = field(repr=False)
    fields: tuple[tuple[bytes, bytes], ...] = field(repr=False)
    subprotocols: tuple[str, ...] = field(repr=False)
    secrets: tuple[Secret, ...]
    """The credentials in it, which no answer may show."""
    policies: tuple[Policy, ...] = ()
    """What the client's messages have to pass; if there are any, in the message lane."""
    provider_policies: tuple[Policy, ...] = ()
    """What the provider's messages have to pass, likewise."""
    decoded: bool = False
    """Whether the session runs in the message lane even if there are none."""
    compression: tuple[PermessageDeflate, ...] = ()
    """What to offer; nothing, if the session will run in the message lane."""
    other_origins: tuple[Origin, ...] = ()
    """Where to dial, in this order, when ``origin`` fails."""
    failover_on_429: bool = False
    """Whether a 429 is a reason to, too."""

    @property
    def messages_lane(self) -> bool:
        """Whether the session runs in the message lane."""
        return self.decoded or bool(self.policies or self.provider_policies)

    def filtered(
        self, policies: Sequence[Policy], provider_policies: Sequence[Policy]
    ) -> UpstreamRequest:
        """What to ask instead, if messages have to pass further policies.

        Args:
            policies: The client's.
            provider_policies: The provider's.
        """
        if not (policies or provider_policies):
            return self
        return replace(
            self,
            policies=(*self.policies, *policies),
            provider_policies=(*self.provider_policies, *provider_policies),
            compression=(),
        )

    def overheard(self) -> UpstreamRequest:
        """What to ask instead, where somebody between us and the provider can read what is sent.

        That is so wherever there is neither TLS nor the loopback interface. The client's masking
        keys must not be passed on there (RFC 6455 5.3, 10.3), so the session runs in the message
        lane, in which nothing is compressed.
        """
        return replace(self, decoded=True, compression=())


def authenticate(
    target: Target,
    fields: FieldLines,
    credentials: Credentials,
    gateways: Mapping[str, Gateway],
    now: float,
) -> Identity:
    """Find out who a client is.

    Args:
        target: What the client asks for.
        fields: Its field lines.
        credentials: What :func:`~relay.protocol.credentials.read_credentials` found.
        gateways: By name.
        now: Unix time in seconds.

    Raises:
        Refused: 404 for an unknown gateway, 403 for an origin, 401 for the gateway token
            (docs/refusals.md).
    """
    gateway = gateways.get(target.gateway)
    if gateway is None:
        raise Refused(404, 2001, "no such gateway")
    for origin in values(fields, b"origin"):
        if gateway.origins is not None and origin.decode("latin-1") not in gateway.origins:
            raise Refused(403, 2010, "this origin is not allowed")
    return Identity(gateway, _token(gateway, credentials.gateway_token, now))


def authorise(
    identity: Identity,
    target: Target,
    credentials: Credentials,
    providers: Mapping[str, Provider],
) -> Admission:
    """Decide whether a client may open the session that it asks for.

    Args:
        identity: Who it is.
        target: What it asks for.
        credentials: What :func:`~relay.protocol.credentials.read_credentials` found.
        providers: By name and alias.

    Raises:
        Refused: 400 for an unknown provider or endpoint, 403 for one that is not allowed
            (docs/refusals.md).
    """
    gateway, token = identity
    found = route(target, providers)
    name = found.provider.name
    for allowed in (gateway.providers, token.providers if token else None):
        if allowed is not None and name not in allowed:
            raise Refused(403, 2010, f"the provider {name} is not allowed here")
    admission = Admission(gateway, token, found)
    if not all(model_allowed(target.query, found, each) for each in admission.model_scopes):
        raise Refused(403, 2010, "only certain models are allowed here, and none of them is named")
    if credentials.own and not gateway.client_credentials_allowed:
        raise Refused(403, 2010, "this gateway takes no provider credentials from clients")
    if found.names_account and not credentials.own:
        raise Refused(
            403, 2010, f"an account of {name} may be named only beside a credential for it"
        )
    return admission


def _token(gateway: Gateway, presented: Secret | None, now: float) -> GatewayToken | None:
    """The token that was presented, if it is one of the gateway's.

    Both sides are hashed and every token is compared, each in constant time.
    """
    if presented is None:
        if gateway.authentication_required:
            raise Refused(401, 2009, "a gateway token is needed")
        return None
    value = presented.reveal()
    digest = hashlib.sha256(value).digest()
    found = None
    for token in gateway.tokens:
        if hmac.compare_digest(digest, token.sha256):
            found = token
    if found is None:
        if gateway.authentication_required or value.startswith(TOKEN_PREFIX):
            raise Refused(401, 2009, "this gateway token is not valid")
        return None
    if found.expires is not None and now >= found.expires:
        raise Refused(401, 2009, "this gateway token has expired")
    return found


def upstream_request(
    admission: Admission, fields: FieldLines, credentials: Credentials
) -> UpstreamRequest:
    """Compose what the provider is asked, with the client's credential or a stored key.

    Raises:
        Refused: 400 if a gateway token also stands where the provider would get it, 400 for an
            alias without a stored key, 401 where a credential is needed and there is none.
    """
    provider = admission.route.provider
    path = admission.route.path.encode()
    secrets = credentials.own
    query = credentials.query
    added = list(credentials.fields)
    # What the operator configured is not for an account that the client names.
    configured = () if admission.route.names_account else provider.added_fields
    named = {name for name, _ in configured}
    passed = [line for line in request_fields(fields, provider.fields) if line[0] not in named]
    _check_for_tokens(credentials, [path, query or b"", *map(b": ".join, passed)])
    if not secrets and (key := _stored_key(admission, fields)) is not None:
        secrets = (key,)
        usual = admission.route.endpoint.stored or provider.stored
        slot = BEARER if isinstance(key, BearerToken) else usual
        if slot.kind is Kind.QUERY:
            parameter = slot.parameter(key)
            query = parameter if query is None else query + b"&" + parameter
        else:
            added.append(slot.field(key))
    gateway, policies = admission.gateway, _policies(admission, stored=secrets != credentials.own)
    verbatim = not (gateway.messages_lane or policies)
    return UpstreamRequest(
        origin=admission.route.origin,
        target=path if query is None else path + b"?" + query,
        fields=(*passed, *added, *configured),
        subprotocols=credentials.subprotocols,
        secrets=secrets,
        policies=policies,
        decoded=gateway.messages_lane,
        compression=offered_compression(fields) if gateway.compression and verbatim else (),
        other_origins=provider.other_origins,
        failover_on_429=provider.failover_on_429,
    )


def _policies(admission: Admission, *, stored: bool) -> tuple[Policy, ...]:
    """What the client's messages have to pass."""
    gateway, endpoint = admission.gateway, admission.route.endpoint
    policies = []
    own_allowed = gateway.client_credentials_allowed and not stored
    if endpoint.message_credentials and not (admission.token is None and own_allowed):
        policies.append(credential_filter(endpoint.message_credentials, keep_own=own_allowed))
    if endpoint.message_models and admission.model_scopes:
        policies.append(
            model_filter(
                endpoint.message_models, admission.model_scopes, audio=endpoint.binary_audio
            )
        )
    return tuple(policies)


def _check_for_tokens(credentials: Credentials, passed: Sequence[bytes]) -> None:
    """Look for gateway tokens in what goes to the provider as the client sent it."""
    sent = [
        *passed,
        *map(b": ".join, credentials.fields),
        *(entry.encode() for entry in credentials.subprotocols),
    ]
    data = b"\n".join(sent)
    presented = () if credentials.gateway_token is None else (credentials.gateway_token,)
    if contains_token(data) or contains_secret(data, presented):
        raise Refused(400, 2000, "a gateway token stands where the provider would see it")


def _stored_key(admission: Admission, fields: FieldLines) -> Secret | None:
    """The stored key that fills in for a credential that the client did not bring."""
    name = admission.route.provider.name
    named = set(values(fields, b"cf-aig-byok-alias"))
    if len(named) > 1:
        raise Refused(400, 2000, "two different aliases of a stored key")
    alias = named.pop().decode("latin-1") if named else DEFAULT_ALIAS
    key = admission.gateway.stored_key(name, alias)
    if key is None and values(fields, b"cf-aig-byok-alias"):
        raise Refused(400, 2040, f"{name} has no stored key by that alias")
    if key is None and not admission.route.endpoint.public:
        raise Refused(
            401, 2041, f"no credential for {name}: none came with the request and none is stored"
        )
    return key
