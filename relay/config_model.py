"""The shape of ``relay.toml``: its keys, their types and their defaults (DESIGN 4.7)."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
)

from relay.protocol.metadata import MAX_ENTRIES, is_metadata
from relay.units import duration, size

__all__ = [
    "AdminModel",
    "ConfigModel",
    "GatewayModel",
    "LimitsModel",
    "ProviderModel",
    "RecordsModel",
    "ServerModel",
    "checked_name",
]


def _duration(value: Any) -> float:
    return duration(value if isinstance(value, str) else "")


def _positive_duration(value: Any) -> float:
    seconds = _duration(value)
    if not seconds:
        raise ValueError("must be longer than 0s")
    return seconds


def _optional_duration(value: Any) -> float:
    return _duration(value) or math.inf


def _size(value: Any) -> int:
    return size(value if isinstance(value, str) else "")


def _matching(pattern: str, words: str) -> Callable[[str], str]:
    """A check that a string matches ``pattern``; ``words`` say to people what that means."""
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise ValueError(f"must be {words}")
        return value

    return check


_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")  # IPv4 addresses (RFC 4291 2.5.5.2)


def _trusted_proxy(value: str) -> str:
    if value == "unix":
        return value
    try:
        network = ipaddress.ip_network(value.replace("%", " "))  # a zone says nothing of one
    except ValueError:
        network = None
    # Clients that come by an address mapped into IPv6 are known by the other one.
    if network is None or (network.version == 6 and network.subnet_of(_MAPPED)):
        raise ValueError(
            'must be an address, a network such as "10.0.0.0/8" without host bits, or "unix"'
        )
    return value


checked_name = _matching(r"[A-Za-z0-9_-]{1,64}", "1 to 64 of A-Z a-z 0-9 _ -")
"""Takes a name as it is; raises ``ValueError`` with a sentence if it cannot be one."""

Duration = Annotated[float, BeforeValidator(_positive_duration)]
AnyDuration = Annotated[float, BeforeValidator(_duration)]
OptionalDuration = Annotated[float, BeforeValidator(_optional_duration)]
Size = Annotated[int, BeforeValidator(_size)]
Count = Annotated[int, Field(ge=1)]
Name = Annotated[str, AfterValidator(checked_name)]
GatewayName = Annotated[
    str,
    AfterValidator(
        _matching(
            r"[A-Za-z0-9_-]{1,64}/[A-Za-z0-9_-]{1,64}",
            "account_id/gateway_id, each 1 to 64 of A-Z a-z 0-9 _ -",
        )
    ),
]
Sha256 = Annotated[
    str, AfterValidator(_matching(r"[0-9a-f]{64}", "64 lower-case hexadecimal digits"))
]
OriginText = Annotated[
    str,
    AfterValidator(
        _matching(  # as browsers write them: in lower case, hosts in punycode, without a path
            r"null|[a-z][a-z0-9+.-]*://[a-z0-9.:_\[\]-]+",
            '"null", or an origin in lower case such as "https://app.example.com"',
        )
    ),
]
Url = Annotated[
    str, AfterValidator(_matching(r"[\x21-\x7e]+", 'a URL such as "wss://api.example.com"'))
]
HostName = Annotated[
    str,
    AfterValidator(
        _matching(  # as browsers write it
            r"[a-z0-9._-]+|\[[0-9a-f:.]+\]", "a host in lower case, without a port"
        )
    ),
]
TrustedProxy = Annotated[str, AfterValidator(_trusted_proxy)]
FilePath = Annotated[str, AfterValidator(_matching(r"[^\0]+", "the path of a file"))]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class TlsModel(_Model):
    """``tls`` of ``[server]`` and ``[admin]``: the certificate of ``https`` listeners."""

    certificate: FilePath
    key: FilePath


class ServerModel(_Model):
    """``[server]``."""

    listen: list[str] = Field(default=["127.0.0.1:8080"], min_length=1)
    tls: TlsModel | None = None
    max_sessions: Count | None = None
    max_sessions_per_address: Count | None = None
    max_openings: Count | None = None
    trusted_proxies: list[TrustedProxy] = []
    proxy_protocol: bool = False
    allow_inline_secrets: bool = False


class GatewayLimitsModel(_Model):
    """``[gateways."A/G".limits]``: what a gateway may have of its own."""

    connect_timeout: Duration | None = None
    upstream_timeout: Duration | None = None
    idle_timeout: Duration | None = None
    max_duration: OptionalDuration | None = None
    write_timeout: Duration | None = None
    close_timeout: Duration | None = None
    ping_interval: OptionalDuration | None = None
    ping_timeout: Duration | None = None
    linger: AnyDuration | None = None
    max_message_size: Size | None = None
    max_fragments: Count | None = None


class LimitsModel(_Model):
    """``[limits]``: for all gateways."""

    opening_timeout: Duration = 10
    connect_timeout: Duration = 10
    upstream_timeout: Duration = 10
    idle_timeout: Duration = 600
    max_duration: OptionalDuration = math.inf
    write_timeout: Duration = 30
    close_timeout: Duration = 5
    drain_timeout: Duration = 25
    ping_interval: OptionalDuration = math.inf
    ping_timeout: Duration = 20
    linger: AnyDuration = 0
    max_head_size: Size = 16 * 1024
    max_message_size: Size = 32 * 1024 * 1024
    max_fragments: Count = 65536


class TokenModel(_Model):
    """One entry of a gateway's ``tokens``."""

    name: Name
    sha256: Sha256
    providers: list[Name] | None = None
    models: list[str] | None = None
    expires: AwareDatetime | None = None
    max_sessions: Count | None = None
    openings_per_minute: Count | None = None
    metadata: dict[str, str | int | float | bool] = {}

    @field_validator("metadata")
    @classmethod
    def _checked_metadata(
        cls, value: dict[str, str | int | float | bool]
    ) -> dict[str, str | int | float | bool]:
        for name, each in value.items():
            if not is_metadata(name, each):
                raise ValueError(f"{name} cannot be an entry (docs/records.md)")
        if len(value) > MAX_ENTRIES:
            raise ValueError(f"must be at most {MAX_ENTRIES} entries")
        return value


class GatewayModel(_Model):
    """``[gateways."account_id/gateway_id"]``."""

    authentication: Literal["required", "none"] = "required"
    open_stored_keys: bool = False
    origins: list[OriginText] | None = None
    providers: list[Name] | None = None
    models: list[str] | None = None
    client_credentials: Literal["allowed", "refused"] = "allowed"
    lane: Literal["verbatim", "messages"] = "verbatim"
    compression: Literal["off", "passthrough"] = "off"
    tokens: list[TokenModel] = []
    stored_keys: dict[Name, dict[Name, str]] = Field(default={}, repr=False)
    max_sessions: Count | None = None
    openings_per_minute: Count | None = None
    limits: GatewayLimitsModel = GatewayLimitsModel()


class ProviderModel(_Model):
    """``[providers.NAME]``."""

    like: Name | None = None
    url: Url | None = None
    upstreams: list[Url] | None = Field(default=None, min_length=1)
    failover_on_429: bool = False
    ca: FilePath | None = None
    proxy: Url | None = Field(default=None, repr=False)
    proxy_credentials: str | None = Field(default=None, repr=False)
    headers: dict[str, str] = Field(default={}, repr=False)
    forward: list[str] = []


class RecordsModel(_Model):
    """``[records]``."""

    store: str = Field(default="sqlite:relay.db", repr=False)
    retention_days: Annotated[int, Field(ge=1, le=36_500)] = 30
    json_lines: FilePath | None = None
    otlp: Url | None = Field(default=None, repr=False)
    otlp_headers: dict[str, str] = Field(default={}, repr=False)


class AdminModel(_Model):
    """``[admin]``."""

    listen: str = "127.0.0.1:9464"
    tls: TlsModel | None = None
    token_sha256: Sha256 | None = Field(default=None, repr=False)
    hosts: list[HostName] = []


class ConfigModel(_Model):
    """The whole file."""

    server: ServerModel = ServerModel()
    limits: LimitsModel = LimitsModel()
    gateways: dict[GatewayName, GatewayModel] = {}
    providers: dict[Name, ProviderModel] = {}
    prices: dict[Name, dict[str, dict[str, str]]] = {}
    records: RecordsModel | None = None
    admin: AdminModel | None = None
