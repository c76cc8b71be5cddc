"""The configuration in force, for the operator to see: what is named here and nothing else.

Keys, field lines' values, credentials of proxies, the password of the store and the hashes of
tokens are not, so they cannot be shown.
"""

from __future__ import annotations

import math
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from relay.config.limits import key_of
from relay.protocol import Gateway, GatewayToken, Provider, Timeouts
from relay.records.settings import RecordSettings
from relay.settings import AdminSettings, Settings

__all__ = ["configuration"]


def configuration(settings: Settings) -> dict[str, Any]:
    """What the relay runs by, ready for JSON. Times are seconds, sizes bytes; none is null."""
    providers = {each.name: each for each in settings.providers.values()}
    return {
        "server": {
            "listen": [str(each) for each in settings.listeners],
            "tls": settings.tls is not None,
            "max_sessions": settings.max_sessions,
            "max_sessions_per_address": settings.max_sessions_per_address,
            "max_openings": settings.max_openings,
            "trusted_proxies": [
                *map(str, settings.trusted_proxies.networks),
                *(["unix"] if settings.trusted_proxies.unix else []),
            ],
            "proxy_protocol": settings.proxy_protocol,
        },
        "limits": _timeouts(settings.timeouts) | _plain(settings.limits),
        "gateways": {
            name: _gateway(each, settings.timeouts_of(name))
            for name, each in settings.gateways.items()
        },
        "providers": {name: _provider(each, settings) for name, each in providers.items()},
        "records": None if settings.records is None else _records(settings.records),
        "admin": None if settings.admin is None else _admin(settings.admin),
    }


def _plain(value: Any) -> dict[str, Any]:
    """The members of a dataclass of numbers; "no bound" is null, since JSON has no infinity."""
    members = {each.name: getattr(value, each.name) for each in fields(value)}
    return {name: None if each == math.inf else each for name, each in members.items()}


def _timeouts(timeouts: Timeouts) -> dict[str, Any]:
    """By the keys that they have in the file."""
    return {key_of(name): value for name, value in _plain(timeouts).items()}


def _gateway(gateway: Gateway, timeouts: Timeouts) -> dict[str, Any]:
    return {
        "authentication": "required" if gateway.authentication_required else "none",
        "tokens": [_token(each) for each in gateway.tokens],
        "origins": _names(gateway.origins),
        "providers": _names(gateway.providers),
        "models": _names(gateway.models),
        "client_credentials": "allowed" if gateway.client_credentials_allowed else "refused",
        "lane": "messages" if gateway.messages_lane else "verbatim",
        "compression": "passthrough" if gateway.compression else "off",
        "tail_content": gateway.tail_content,
        "max_sessions": gateway.max_sessions,
        "openings_per_minute": gateway.openings_per_minute,
        "limits": _timeouts(timeouts) | _plain(gateway.limits),
    }


def _token(token: GatewayToken) -> dict[str, Any]:
    expires = None
    if token.expires is not None:
        expires = datetime.fromtimestamp(token.expires, UTC).isoformat().replace("+00:00", "Z")
    return {
        "name": token.name,
        "providers": _names(token.providers),
        "models": _names(token.models),
        "expires": expires,
        "max_sessions": token.max_sessions,
        "openings_per_minute": token.openings_per_minute,
    }


def _names(names: frozenset[str] | tuple[str, ...] | None) -> list[str] | None:
    return None if names is None else sorted(names)


def _provider(provider: Provider, settings: Settings) -> dict[str, Any]:
    proxy = settings.proxies.get(provider.name)
    return {
        "aliases": list(provider.aliases),
        "upstreams": [str(each) for each in provider.origins],
        "failover_on_429": provider.failover_on_429,
        "proxy": None if proxy is None else {"host": proxy.host, "port": proxy.port},
        "headers": [name.decode() for name, _ in provider.added_fields],
    }


def _records(records: RecordSettings) -> dict[str, Any]:
    store = records.store
    return {
        "store": None if store is None else store.get_backend_name(),
        "retention_days": records.retention_days,
        "json_lines": None if records.json_lines is None else str(records.json_lines),
    }


def _admin(admin: AdminSettings) -> dict[str, Any]:
    return {
        "listen": str(admin.listener),
        "tls": admin.tls is not None,
        "token": admin.token_sha256 is not None,
        "hosts": sorted(admin.hosts),
    }
