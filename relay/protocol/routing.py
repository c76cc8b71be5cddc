"""Routing: from a target to the endpoint of a provider. Total and deterministic.

The raw target decides, never a URL rebuilt from ``Host``; nothing is decoded, so no dot segment,
encoded slash or path parameter can mean anything but a segment that is not there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from urllib.parse import unquote_to_bytes

from relay.protocol.credentials import redact
from relay.protocol.endpoints import Endpoint, Origin, Provider
from relay.protocol.errors import Refused

__all__ = ["Route", "Target", "fits", "model_allowed", "parse_target", "route"]

_PATH = re.compile(
    r"/v1/(?P<account>[A-Za-z0-9_-]{1,64})/(?P<gateway>[A-Za-z0-9_-]{1,64})"
    r"/(?P<provider>[^/]+)(?P<tail>/.*)?"
)
_MODEL = re.compile(r"[A-Za-z0-9._:@/-]{1,256}")


@dataclass(frozen=True, slots=True, repr=False)
class Target:
    """What a client asks for: ``/v1/{account}/{gateway}/{provider}[/{native path}][?query]``."""

    gateway: str
    """``account_id/gateway_id``, the gateway's name in the configuration."""
    provider: str
    tail: str
    """The native path, beginning with a slash; empty if there is none."""
    query: bytes | None

    def __repr__(self) -> str:
        return f"Target({redact(f'/v1/{self.gateway}/{self.provider}{self.tail}')})"


@dataclass(frozen=True, slots=True)
class Route:
    """Where a session goes."""

    provider: Provider
    endpoint: Endpoint
    origin: Origin
    path: str = field(repr=False)
    """The path to ask the provider for."""
    model: str | None = field(default=None, repr=False)
    """The model that the path names."""
    names_account: bool = False
    """Whether the client chose an account of the provider: by a part of its host, or in the path.
    What the gateway has stored must not go there."""


def parse_target(target: bytes) -> Target:
    """Take a target in origin form apart (RFC 9112 3.2.1).

    Raises:
        Refused: 404 if it is not the path of a gateway.
    """
    raw_path, mark, query = target.partition(b"?")
    match = _PATH.fullmatch(raw_path.decode("latin-1"))
    if match is None:
        raise Refused(404, 2000, "the path is not /v1/{account_id}/{gateway_id}/{provider}")
    return Target(
        gateway=f"{match['account']}/{match['gateway']}",
        provider=match["provider"],
        tail=_tail(match["tail"] or ""),
        query=query if mark else None,
    )


def _tail(path: str) -> str:
    """A path with one slash before it; empty if it has no segment. SDKs append theirs to base URLs
    that may end with a slash."""
    stripped = path.lstrip("/")
    return "/" + stripped if stripped else ""


def route(target: Target, providers: Mapping[str, Provider]) -> Route:
    """Find the endpoint that a target names.

    Raises:
        Refused: 400 if there is no such provider or endpoint, or if the provider's host has a part
            that neither the client nor the configuration names.
    """
    provider = providers.get(target.provider)
    if provider is None:
        raise Refused(400, 2008, "unknown provider")
    found = _find(provider, target.tail, "")
    if found is None and provider.named_host:
        part, _, rest = target.tail[1:].partition("/")
        found = _find(provider, _tail(rest), part)
    if found is None:
        raise Refused(400, 2008, f"{provider.name} has no such endpoint")
    return found


def _find(provider: Provider, tail: str, part: str) -> Route | None:
    """The route to a provider's endpoint, at the host of which ``part`` is a part."""
    for endpoint in provider.endpoints if tail else provider.endpoints[:1]:
        if not tail and endpoint.has_choice:
            raise Refused(400, 2008, f"{provider.name} has no default endpoint: name one")
        match = endpoint.match(tail or endpoint.path, provider.version)
        if match is None:
            continue
        origin = provider.origin_of(endpoint, part)
        if origin is None and part:
            return None
        if origin is None:
            raise Refused(
                400,
                2008,
                f"{provider.name} has a host for each customer: name its first part before the "
                "path, with a credential of your own, or have the url configured",
            )
        path, model = match
        return Route(provider, endpoint, origin, path, model, endpoint.names_account or bool(part))
    return None


def model_allowed(query: bytes | None, found: Route, patterns: tuple[str, ...]) -> bool:
    """Whether the model that the path or the query names is one of ``patterns`` (shell wildcards).

    True where only messages name it: :func:`~relay.protocol.message_models.model_filter` reads
    those. False where no model is named, where several are, however the parameter's name is
    written, and where another parser could find a separator or a space that we don't: the provider
    must not read another model than we do.
    """
    if found.model is not None:
        return fits(found.model, patterns)
    if found.endpoint.message_models:
        return True
    query = query or b""
    models = set()
    for parameter in query.split(b"&"):
        raw_name, _, value = parameter.partition(b"=")
        # Another parser may take `+model`, `model[]` or `Model` for it.
        written = unquote_to_bytes(raw_name).decode("latin-1")
        name = re.sub(r"[^a-z0-9_]", "", written.lower().partition("[")[0])
        if name == found.endpoint.model:
            if written != name:
                return False  # and this provider's may not
            models.add(unquote_to_bytes(value).decode("latin-1"))
        elif name in found.endpoint.other_models:
            return False
    if len(models) != 1 or b";" in query:
        return False
    return fits(models.pop(), patterns)


def fits(model: str, patterns: tuple[str, ...]) -> bool:
    """Whether a model's name is one of ``patterns``, and written so that nobody reads another."""
    return _MODEL.fullmatch(model) is not None and any(
        fnmatchcase(model, pattern) for pattern in patterns
    )
