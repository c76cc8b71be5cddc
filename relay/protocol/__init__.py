"""The sans-IO core of the relay: bytes and decisions, no sockets, no clock, no randomness.

Opening handshakes (RFC 6455 4) with :class:`ClientHandshake`, :func:`examine`,
:func:`authenticate`, :func:`authorise`, :func:`upstream_request` and :class:`UpstreamHandshake`,
:func:`attempts` where a provider has several upstreams, :class:`ConnectHandshake` where it is
behind a proxy, and where the relay is behind one, :class:`ProxyHeaderReader` and
:func:`client_address`; open sessions with the :func:`pipes`, one for each direction,
and what they used with one :class:`SessionMeter`; deadlines with :class:`Watch`; endings with
:func:`ending`. Keys, masks and the time are arguments. ``docs/embedding.md`` is the guide.

Public is what stands in ``__all__``, and of its classes whatever has no leading underscore. The
modules below are not, ``closing`` apart: names in them may move. Versions are semantic: what can
break a driver that keeps to the guide comes with a new major version, or before 1.0 with a new
minor one, and CHANGELOG.md says so.
"""

from relay.protocol import closing as closing
from relay.protocol.addresses import Address, TrustedProxies, parse_address
from relay.protocol.closing import (
    Cause,
    Ending,
    Grace,
    Leg,
    ending,
    farewell,
    grace,
    policy,
)
from relay.protocol.compression import PermessageDeflate
from relay.protocol.connect_proxy import ConnectHandshake, Proxy
from relay.protocol.credentials import Credentials, read_credentials, redact
from relay.protocol.endpoints import Endpoint, Kind, MessageModel, Origin, Provider, Slot
from relay.protocol.errors import (
    LocalProtocolError,
    ProtocolError,
    ProviderRefused,
    Refused,
    RemoteProtocolError,
)
from relay.protocol.failover import attempts, may_fail_over
from relay.protocol.forwarded import client_address
from relay.protocol.frames import PING, PONG, Close, control_frame
from relay.protocol.gateways import (
    Admission,
    Gateway,
    GatewayToken,
    Identity,
    UpstreamRequest,
    authenticate,
    authorise,
    upstream_request,
)
from relay.protocol.lanes import pipes
from relay.protocol.limits import Limits
from relay.protocol.messages import MessagePipe, Policy
from relay.protocol.meters.session_meter import SessionMeter
from relay.protocol.observer import Observer
from relay.protocol.opening import (
    ClientHandshake,
    Opening,
    Request,
    examine,
)
from relay.protocol.pings import Pings
from relay.protocol.pipe import Pipe, State
from relay.protocol.providers import CATALOGUE, by_name
from relay.protocol.proxy_protocol import (
    MalformedProxyHeaderError,
    ProxyHeader,
    ProxyHeaderReader,
)
from relay.protocol.refusals import HttpAnswer, refusal
from relay.protocol.routing import Route, Target, parse_target, route
from relay.protocol.secret import BearerToken, Secret
from relay.protocol.timeouts import Timeouts
from relay.protocol.unreachable import unreachable
from relay.protocol.upstream_opening import UpstreamAnswer, UpstreamHandshake
from relay.protocol.usage import Turn, Usage
from relay.protocol.watch import Active, Progress, Watch

__all__ = [
    "CATALOGUE",
    "PING",
    "PONG",
    "Active",
    "Address",
    "Admission",
    "BearerToken",
    "Cause",
    "ClientHandshake",
    "Close",
    "ConnectHandshake",
    "Credentials",
    "Ending",
    "Endpoint",
    "Gateway",
    "GatewayToken",
    "Grace",
    "HttpAnswer",
    "Identity",
    "Kind",
    "Leg",
    "Limits",
    "LocalProtocolError",
    "MalformedProxyHeaderError",
    "MessageModel",
    "MessagePipe",
    "Observer",
    "Opening",
    "Origin",
    "PermessageDeflate",
    "Pings",
    "Pipe",
    "Policy",
    "Progress",
    "ProtocolError",
    "Provider",
    "ProviderRefused",
    "Proxy",
    "ProxyHeader",
    "ProxyHeaderReader",
    "Refused",
    "RemoteProtocolError",
    "Request",
    "Route",
    "Secret",
    "SessionMeter",
    "Slot",
    "State",
    "Target",
    "Timeouts",
    "TrustedProxies",
    "Turn",
    "UpstreamAnswer",
    "UpstreamHandshake",
    "UpstreamRequest",
    "Usage",
    "Watch",
    "attempts",
    "authenticate",
    "authorise",
    "by_name",
    "client_address",
    "closing",
    "control_frame",
    "ending",
    "examine",
    "farewell",
    "grace",
    "may_fail_over",
    "parse_address",
    "parse_target",
    "pipes",
    "policy",
    "read_credentials",
    "redact",
    "refusal",
    "route",
    "unreachable",
    "upstream_request",
]
