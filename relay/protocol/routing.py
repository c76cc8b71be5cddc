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
from relay.protocol.endpoints import Endpoint, Provider
from relay.protocol.errors import Refused

__all__ = ["Route", "Target", "model_allowed", "parse_target", "route"]

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
    path: str = field(repr=False)
    """The path to ask the provider for."""


def parse_target(target: bytes) -> Target:
    """Take a target in origin form apart (RFC 9112 3.2.1).

    Raises:
        Refused: 404 if it is not the path of a gateway.
    """
    raw_path, mark, query = target.partition(b"?")
    match = _PATH.fullmatch(raw_path.decode("latin-1"))
    if match is None:
        raise Refused(404, 2000, "the path is not /v1/{account_id}/{gateway_id}/{provider}")
    tail = match["tail"] or ""
    return Target(
        gateway=f"{match['account']}/{match['gateway']}",
        provider=match["provider"],
        # SDKs append their path to base URLs that may end with a slash.
        tail="/" + stripped if (stripped := tail.lstrip("/")) else "",
        query=query if mark else None,
    )


def route(target: Target, providers: Mapping[str, Provider]) -> Route:
    """Find the endpoint that a target names.

    Raises:
        Refused: 400 if there is no such provider or endpoint.
    """
    provider = providers.get(target.provider)
    if provider is None:
        raise Refused(400, 2008, "unknown provider")
    if not target.tail:
        return Route(provider, provider.endpoints[0], provider.endpoints[0].path)
    for endpoint in provider.endpoints:
        path = endpoint.match(target.tail, provider.version)
        if path is not None:
            return Route(provider, endpoint, path)
    raise Refused(400, 2008, f"{provider.name} has no such endpoint")


def model_allowed(query: bytes | None, endpoint: Endpoint, patterns: tuple[str, ...]) -> bool:
    """Whether the model that a query names is one of ``patterns`` (shell wildcards).

    False, too, where no model is named, where several are, in whatever case the parameter's name
    is written, and where another parser could find a separator or a space that we don't: the
    provider must not read another model than we do.
    """
    query = query or b""
    models = set()
    for parameter in query.split(b"&"):
        name, _, value = parameter.partition(b"=")
        if unquote_to_bytes(name).decode("latin-1").lower() == endpoint.model:
            models.add(unquote_to_bytes(value).decode("latin-1"))
    if len(models) != 1 or b";" in query:
        return False
    model = models.pop()
    return _MODEL.fullmatch(model) is not None and any(
        fnmatchcase(model, pattern) for pattern in patterns
    )
