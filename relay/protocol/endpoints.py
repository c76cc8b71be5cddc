"""What a catalogue entry says: an origin, its endpoints, and where its credentials stand."""

from __future__ import annotations

import enum
import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple
from urllib.parse import quote_from_bytes, urlsplit

from relay.protocol.secret import Secret

__all__ = ["BEARER", "Endpoint", "Kind", "MessageModel", "Origin", "Provider", "Slot"]

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*\.?|(?=.*:)[0-9A-Fa-f:.]{{2,45}}")
_SEGMENT = r"(?!\.{1,2}(?:/|\Z))[A-Za-z0-9_.~:@-]{1,256}"  # never a dot segment
_PATH = re.compile(f"(?:/{_SEGMENT})*")
_HOST_PART = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE)  # a DNS label
_CHOICE = re.compile(r"\{(\w+)(\*?)\}")
_DEFAULT_PORTS = {"wss": 443, "ws": 80}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where to dial."""

    scheme: str
    """``wss`` or ``ws``."""
    host: str
    """A name or an address, an IPv6 address without brackets."""
    port: int

    @classmethod
    def parse(cls, url: str) -> tuple[Origin, str]:
        """Split a provider's URL into its origin and its path (empty if it has none).

        Raises:
            ValueError: Another scheme, no host, or something else than a host, a port and a path.
        """
        parts = urlsplit(url)
        if parts.scheme not in _DEFAULT_PORTS:
            raise ValueError("the scheme is not wss or ws")
        if parts.username is not None or parts.query or parts.fragment:
            raise ValueError("only a scheme, a host, a port and a path may stand here")
        host = parts.hostname or ""
        if not _HOST.fullmatch(host):
            raise ValueError("the host is missing or malformed")
        path = parts.path if parts.path != "/" else ""
        if not _PATH.fullmatch(path):
            raise ValueError("the path is malformed")
        port = _DEFAULT_PORTS[parts.scheme] if parts.port is None else parts.port
        if not port:
            raise ValueError("the port is 0")
        return cls(parts.scheme, host, port), path

    @property
    def address(self) -> str:
        """Host and port, also where it is the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def authority(self) -> str:
        """Host and port as the ``Host`` field has them (RFC 9110 7.2)."""
        return self.address.removesuffix(f":{_DEFAULT_PORTS[self.scheme]}")


class Kind(enum.Enum):
    """The parts of an opening handshake in which a credential can stand."""

    FIELD = "field line"
    QUERY = "query parameter"
    SUBPROTOCOL = "subprotocol entry"
    SUBPROTOCOL_PAIR = "pair of subprotocol entries"
    """An entry that names the scheme, and the credential as the entry after it."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One place where a provider's credential can stand."""

    kind: Kind
    name: str
    """The field name in lower case, the parameter's name, the prefix of the entry, or the first
    entry of the pair."""
    scheme: str = ""
    """The authentication scheme that goes before the value when the relay fills the slot."""
    becomes: Slot | None = None
    """Where the provider wants it instead; None if it takes it as it is."""

    def field(self, credential: Secret) -> tuple[bytes, bytes]:
        """The field line that carries a credential."""
        scheme = f"{self.scheme} ".encode() if self.scheme else b""
        return self.name.encode(), scheme + credential.reveal()

    def parameter(self, credential: Secret) -> bytes:
        """The query parameter that carries a credential."""
        return f"{self.name}={quote_from_bytes(credential.reveal(), safe='')}".encode()


BEARER = Slot(Kind.FIELD, "authorization", scheme="Bearer")
"""``Authorization: Bearer`` (RFC 6750 2.1)."""


class MessageModel(NamedTuple):
    """Where a client's JSON messages name the model."""

    member: str
    """The way to it, such as ``session.model``."""
    required_in: str = ""
    """The ``type`` of the messages that have to name it, besides the first message."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One WebSocket endpoint of a provider."""

    path: str
    """As the provider has it. ``{name}`` stands for one segment that the client chooses,
    ``{name*}`` for one or more; ``{model}`` and ``{model*}`` name the model."""
    host: str = ""
    """The host, if it is not the provider's; ``{}`` in it stands for the part that has to be
    named (:attr:`Provider.named_host`)."""
    model: str | None = None
    """The query parameter that names the model."""
    message_models: tuple[MessageModel, ...] = ()
    """Where messages name the model, if neither the query nor the path does; the first message
    has to at the first of these."""
    binary_audio: bool = False
    """Whether a client's binary messages are audio, where messages name the model."""
    other_models: tuple[str, ...] = ()
    """Query parameters beside which the model is not the one that the query names."""
    fixed_model: str | None = None
    """The model of a configured path."""
    public: bool = False
    """Whether it can be opened without a credential: there is none, or it rides in messages."""
    stored: Slot | None = None
    """Where a stored key goes, if not where the provider's other endpoints take it."""
    message_credentials: tuple[str, ...] = ()
    """Members of the client's JSON messages in which it takes a credential."""
    also: tuple[str, ...] = ()
    """Other paths that a client may ask for and that lead here."""
    names_account: bool = False
    """Whether the path names an account of the provider: a client may choose it only beside a
    credential of its own."""
    meter: str | None = None
    """What counts the usage of its sessions (:mod:`relay.protocol.meters.catalogue`); None if
    nothing can."""

    @property
    def has_choice(self) -> bool:
        """Whether the path has segments that the client chooses."""
        return "{" in self.path

    def match(self, tail: str, version: str) -> tuple[str, str | None] | None:
        """The path to ask the provider for and the model in it, if ``tail`` names this endpoint.

        Args:
            tail: What the client's target has after the provider, beginning with a slash.
            version: The provider's version prefix, which a client may leave out.
        """
        for template in (self.path, *self.also):
            for form in {template, template.removeprefix(version)}:
                if (match := _pattern(form).fullmatch(tail)) is not None:
                    model = match.groupdict().get("model", self.fixed_model)
                    return _fill(self.path, match.groups()), model
        return None


@functools.cache
def _pattern(template: str) -> re.Pattern[str]:
    """The expression for a path template; every name in it is a group."""

    def group(match: re.Match[str]) -> str:
        name, many = match[1], match[2]
        return f"(?P<{name}>{_SEGMENT}(?:/{_SEGMENT})*)" if many else f"(?P<{name}>{_SEGMENT})"

    return re.compile(_CHOICE.sub(group, re.sub(r"[.+]", r"\\\g<0>", template)))


def _fill(template: str, chosen: Iterable[str]) -> str:
    segments = iter(chosen)
    return _CHOICE.sub(lambda _: next(segments), template)


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider: an entry of the catalogue, or one that the configuration made from it."""

    name: str
    origin: Origin | None
    """None if every customer has a host of its own: the client or the configuration names it."""
    endpoints: tuple[Endpoint, ...]
    """The first one is what an empty path names."""
    slots: tuple[Slot, ...]
    """Where a client may put a credential for this provider."""
    stored: Slot
    """Where the gateway's stored key goes."""
    aliases: tuple[str, ...] = ()
    named_host: str = ""
    """The host where a part of it is the customer's: ``{}`` stands for that part, which a client
    may name before the path, beside a credential of its own."""
    version: str = ""
    """A path prefix that clients may leave out, such as ``/v1``."""
    fields: tuple[bytes, ...] = ()
    """The client's field lines that this provider gets; a trailing ``*`` is a wildcard."""
    dropped_subprotocols: frozenset[str] = frozenset()
    """Entries that clients still offer and that the provider refuses."""
    added_fields: tuple[tuple[bytes, bytes], ...] = field(default=(), repr=False)
    """Field lines that the configuration adds."""
    other_origins: tuple[Origin, ...] = ()
    """Tried in this order when ``origin`` fails before the 101."""
    failover_on_429: bool = False
    """Whether a 429 counts as failing."""

    def origin_of(self, endpoint: Endpoint, part: str = "") -> Origin | None:
        """Where an endpoint is dialled.

        Args:
            endpoint: One of this provider's.
            part: The part of the host that the client named; empty if it named none.

        Returns:
            None if the host has no such part, if it has one and none was named, or if it cannot
            be one.
        """
        template = endpoint.host or self.named_host
        if part:
            host = template.format(part.lower())
            known = "{}" in template and _HOST_PART.fullmatch(part) and _HOST.fullmatch(host)
            return Origin("wss", host, 443) if known else None
        if not endpoint.host:
            return self.origin
        return None if "{}" in endpoint.host else Origin("wss", endpoint.host, 443)

    @property
    def needs_url(self) -> bool:
        """Whether the gateway's stored keys can be used only with a configured URL."""
        return self.origin is None or all(each.names_account for each in self.endpoints)

    @property
    def origins(self) -> tuple[Origin, ...]:
        """Every origin that is known without a client's naming a part of it."""
        found = [*(self.origin_of(endpoint) for endpoint in self.endpoints), *self.other_origins]
        return tuple(dict.fromkeys(origin for origin in found if origin is not None))

    def at(self, url: str) -> Provider:
        """This provider at another URL (``url`` of docs/configuration.md).

        Args:
            url: Without a path it replaces scheme and host of all endpoints. With a path it is
                the only endpoint: like the one that has this path, or else like the default one,
                whose paths lead to it.

        Raises:
            ValueError: See :meth:`Origin.parse`.
        """
        origin, path = Origin.parse(url)
        if path:
            like = next(
                (each for each in self.endpoints if each.match(path, self.version)),
                self.endpoints[0],
            )
            _, model = like.match(path, self.version) or ("", None)
            only = replace(
                like,
                path=path,
                host="",
                also=tuple(each for each in (like.path, *like.also) if "{model" not in each),
                names_account=False,
                fixed_model=model,
            )
            return replace(self, origin=origin, named_host="", endpoints=(only,))
        endpoints = tuple(replace(each, host="") for each in self.endpoints)
        return replace(self, origin=origin, named_host="", endpoints=endpoints)
