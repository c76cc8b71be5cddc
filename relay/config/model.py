"""The shape of ``relay.toml``: its keys, their types and their defaults.

What stands below a key here is its text in docs/configuration.md, and in the JSON Schema
(``config/reference.py``).
"""

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
    WithJsonSchema,
    field_validator,
)

from relay.protocol.metadata import MAX_ENTRIES, is_metadata
from relay.units import DURATION, SIZE, duration, size

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

_DurationText = WithJsonSchema({"type": "string", "pattern": DURATION})
Duration = Annotated[float, BeforeValidator(_positive_duration), _DurationText]
AnyDuration = Annotated[float, BeforeValidator(_duration), _DurationText]
OptionalDuration = Annotated[float, BeforeValidator(_optional_duration), _DurationText]
Size = Annotated[int, BeforeValidator(_size), WithJsonSchema({"type": "string", "pattern": SIZE})]
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


def _unset(words: str) -> Any:
    """What it means for a key not to be there, where no value says that."""
    return Field(json_schema_extra={"x-unset": words})


def _read(text: str) -> Any:
    """A default that is read as what stands in a file is."""
    return Field(default=text, validate_default=True)


class _Model(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )


class TlsModel(_Model):
    """``tls`` of ``[server]`` and ``[admin]``: the certificate of ``https`` listeners."""

    certificate: FilePath
    """a PEM file with the chain"""
    key: FilePath
    """a PEM file with its key"""


class ServerModel(_Model):
    """``[server]``."""

    listen: list[str] = Field(default=["127.0.0.1:8080"], min_length=1)
    """`HOST:PORT`, `http://HOST:PORT`, `https://HOST:PORT`, `unix:PATH`; without a scheme TLS if
    `tls` is set; port 0 lets the system choose"""
    tls: TlsModel | None = None
    """`{ certificate = "cert.pem", key = "key.pem" }`; TLS 1.2 or newer, ALPN `http/1.1`; read
    again when the files change"""
    max_sessions: Annotated[Count | None, _unset("what the open-file limit allows")] = None
    """(limit - 100) / 2; a higher figure is lowered to that, with a warning"""
    max_sessions_per_address: Count | None = None
    """connections of one client's address, an IPv6 client by its /64; see [below](#floods)"""
    max_openings: Annotated[
        Count | None, _unset("4096, or an eighth of what the open-file limit allows")
    ] = None
    """connections that are no sessions: without a whole request head, or being refused; see
    [below](#floods)"""
    trusted_proxies: list[TrustedProxy] = []
    """addresses, networks such as `"10.0.0.0/8"`, or `"unix"`: who is believed about whom it speaks
    for; see [below](#a-proxy-in-front)"""
    proxy_protocol: bool = False
    """`true`: a connection of a trusted proxy begins with a PROXY header, version 1 or 2"""
    allow_inline_secrets: bool = False
    """whether stored keys may stand in the file itself"""


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

    opening_timeout: Duration = _read("10s")
    """the client's whole request head, a PROXY header and TLS included"""
    connect_timeout: Duration = _read("10s")
    """resolve, connect and TLS with the provider"""
    upstream_timeout: Duration = _read("10s")
    """the provider's whole answer"""
    idle_timeout: Duration = _read("10m")
    """no byte in either direction"""
    max_duration: OptionalDuration = _read("0s")
    """of a session; `0s`: none"""
    write_timeout: Duration = _read("30s")
    """a peer takes nothing of what is written to it; it may take twice as long until that is
    noticed"""
    close_timeout: Duration = _read("5s")
    """for the rest of a frame, the answering Close, and a connection to end"""
    drain_timeout: Duration = _read("25s")
    """from the order to stop to the hard end"""
    ping_interval: OptionalDuration = _read("0s")
    """without a byte from a peer, after which it is sent a Ping; `0s`: none; see [below](#pings)"""
    ping_timeout: Duration = _read("20s")
    """without a byte from that peer after the Ping, after which it is gone"""
    linger: AnyDuration = _read("0s")
    """to hear the end of a response whose client is gone, so that its usage is counted; `0s`: none;
    sessions are then metered, whether or not they are recorded; see
    [closing.md](closing.md#the-tail)"""
    max_head_size: Size = _read("16KiB")
    """besides 100 field lines of 8 KiB each"""
    max_message_size: Size = _read("32MiB")
    """as declared by the frame headers; so of a compressed message what is sent"""
    max_fragments: Count = 65536
    """of a message, inclusive"""


class TokenModel(_Model):
    """One entry of a gateway's ``tokens``."""

    name: Name
    """what logs, records and limits call its bearer"""
    sha256: Sha256
    """of the token; `relay token new` prints both"""
    providers: Annotated[list[Name] | None, _unset("the gateway's")] = None
    """names of the providers that it may use"""
    models: Annotated[list[str] | None, _unset("the gateway's")] = None
    """patterns of the models that it may use; see below"""
    expires: Annotated[AwareDatetime | None, _unset("never")] = None
    """a date and time with an offset, from which on it is worth nothing"""
    max_sessions: Count | None = None
    """open at the same time"""
    openings_per_minute: Count | None = None
    """with bursts up to that number"""
    metadata: dict[str, str | int | float | bool] = {}
    """up to five entries such as `{ team = "voice" }`, for the records of its sessions"""

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
    """or `"none"`; with `stored_keys` and a listener beyond loopback that needs
    `open_stored_keys`"""
    tokens: list[TokenModel] = []
    """see below"""
    origins: Annotated[list[OriginText] | None, _unset("any")] = None
    """origins of pages that may connect; a request without `Origin` passes"""
    providers: Annotated[list[Name] | None, _unset("all")] = None
    """names of the catalogue or of `[providers]`"""
    models: Annotated[list[str] | None, _unset("all")] = None
    """patterns of models, as for tokens below"""
    client_credentials: Literal["allowed", "refused"] = "allowed"
    """or `"refused"`: only stored keys"""
    stored_keys: Annotated[dict[Name, dict[Name, str]], _unset("none")] = Field(
        default={}, repr=False
    )
    """`{ openai = { default = "env:NAME", eu = "file:PATH" } }`; a file is read again when it
    changes, so another program can rotate it; clients choose with `cf-aig-byok-alias`;
    `"bearer file:PATH"` for an access token that goes upstream as `Authorization: Bearer`, wherever
    the provider's keys go"""
    open_stored_keys: bool = False
    """says that anybody may use the stored keys"""
    lane: Literal["verbatim", "messages"] = "verbatim"
    """or `"messages"`: every message is decoded and encoded by wsproto"""
    compression: Literal["off", "passthrough"] = "off"
    """or `"passthrough"`: clients and providers may agree on permessage-deflate; not in the message
    lane ([what is carried](field-lines.md#compression))"""
    tail_content: bool = False
    """lets the operator read what messages say as they pass, without the session's secrets:
    `relay tail --content` ([what that means](security.md#content-read-by-the-operator))"""
    max_sessions: Count | None = None
    """open at the same time"""
    openings_per_minute: Count | None = None
    """with bursts up to that number"""
    limits: Annotated[GatewayLimitsModel, _unset("those of `[limits]`")] = GatewayLimitsModel()
    """but for `opening_timeout`, `drain_timeout` and `max_head_size`, which act before a gateway is
    known, or on the whole server"""


class ProviderModel(_Model):
    """``[providers.NAME]``."""

    url: Url | None = None
    """without a path: replaces scheme and host of all endpoints; with a path: is the only endpoint,
    with the rules of the one that has this path, or else of the default one"""
    upstreams: list[Url] | None = Field(default=None, min_length=1)
    """instead of `url`: several, which differ in scheme, host and port alone; see below"""
    failover_on_429: bool = False
    """`true`: a 429 of an upstream leads on to the next one, too"""
    ca: FilePath | None = None
    """a PEM file with a trust root besides the system's, for this provider"""
    proxy: Url | None = Field(default=None, repr=False)
    """`"http://HOST:PORT"`: an HTTP proxy through which the provider is reached; see below"""
    proxy_credentials: str | None = Field(default=None, repr=False)
    """`"env:NAME"` or `"file:PATH"`, which hold `user:password` for the proxy"""
    headers: dict[str, str] = Field(default={}, repr=False)
    """field lines added upstream"""
    forward: list[str] = []
    """names of the client's field lines that pass to this provider besides those of the catalogue,
    such as `["x-tenant"]`; see [field lines](field-lines.md)"""
    like: Name | None = None
    """for a name that is not in the catalogue: the provider whose endpoints and credentials it has;
    then `url` or `upstreams` is needed"""


class RecordsModel(_Model):
    """``[records]``."""

    store: str = Field(default="sqlite:relay.db", repr=False)
    """`"sqlite:PATH"`; `"postgresql://USER@HOST/DATABASE"`, with a password only as `"env:NAME"` or
    `"file:PATH"`, which hold the whole URL, and with the extra `postgresql`
    ([install](install.md)); or `"none"`"""
    retention_days: Annotated[int, Field(ge=1, le=36_500)] = 30
    """how long the store keeps them"""
    json_lines: FilePath | None = None
    """a file to which each record is appended as a line of JSON, or `"stdout"`"""
    otlp: Url | None = Field(default=None, repr=False)
    """the URL of an OpenTelemetry collector, such as `"http://127.0.0.1:4318/v1/traces"`, to which
    each record goes as a [trace](telemetry.md); needs the extra `otlp` ([install](install.md))"""
    otlp_headers: Annotated[dict[str, str], _unset("none")] = Field(default={}, repr=False)
    """`{ authorization = "env:NAME" }`: field lines for it; each value is `"env:NAME"` or
    `"file:PATH"`, which hold the whole value (a file is read again when it changes), or
    `"bearer env:NAME"` for a token after `Bearer`"""


class AdminModel(_Model):
    """``[admin]``."""

    listen: str = "127.0.0.1:9464"
    """`HOST:PORT`, `https://HOST:PORT` or `unix:PATH`"""
    tls: TlsModel | None = None
    """as in `[server]`; needed beyond loopback if there is a token"""
    token_sha256: Sha256 | None = Field(default=None, repr=False)
    """of the operator's token (`relay token new` prints both); without it only `/healthz`,
    `/readyz` and `/metrics` answer"""
    hosts: list[HostName] = []
    """names accepted in `Host`, for a proxy in front; the listener's own address and `localhost`
    always are"""


class ConfigModel(_Model):
    """The whole file."""

    server: ServerModel = ServerModel()
    limits: LimitsModel = LimitsModel()
    gateways: dict[GatewayName, GatewayModel] = {}
    providers: dict[Name, ProviderModel] = {}
    prices: dict[Name, dict[str, dict[str, str]]] = {}
    records: RecordsModel | None = None
    admin: AdminModel | None = None
