"""What a catalogue entry says: an origin, its endpoints, and where its credentials stand."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, field, replace
from urllib.parse import quote_from_bytes, urlsplit

from relay.protocol.secret import Secret

__all__ = ["Endpoint", "Kind", "Origin", "Provider", "Slot"]

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*\.?|(?=.*:)[0-9A-Fa-f:.]{{2,45}}")
_SEGMENT = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9_.~:@-]{1,256}")  # never a dot segment
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
        if path and not all(_SEGMENT.fullmatch(each) for each in path[1:].split("/")):
            raise ValueError("the path is malformed")
        port = _DEFAULT_PORTS[parts.scheme] if parts.port is None else parts.port
        if not port:
            raise ValueError("the port is 0")
        return cls(parts.scheme, host, port), path

    @property
    def authority(self) -> str:
        """Host and port as the ``Host`` field has them (RFC 9110 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


class Kind(enum.Enum):
    """The parts of an opening handshake in which a credential can stand."""

    FIELD = "field line"
    QUERY = "query parameter"
    SUBPROTOCOL = "subprotocol entry"


@dataclass(frozen=True, slots=True)
class Slot:
    """One place where a provider's credential can stand."""

    kind: Kind
    name: str
    """The field name in lower case, the parameter's name, or the prefix of the entry."""
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


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One WebSocket endpoint of a provider."""

    path: str
    """As the provider has it; ``{name}`` stands for one segment that the client chooses."""
    model: str | None = None
    """The query parameter that names the model; None if the model stands in messages."""
    public: bool = False
    """Whether it can be opened without a credential: there is none, or it rides in messages."""
    message_credentials: tuple[str, ...] = ()
    """Members of the client's JSON messages in which it takes a credential."""
    also: tuple[str, ...] = ()
    """Other paths that a client may ask for and that lead here."""

    def match(self, tail: str, version: str) -> str | None:
        """The path to ask the provider for, if ``tail`` names this endpoint; else None.

        Args:
            tail: What the client's target has after the provider, beginning with a slash.
            version: The provider's version prefix, which a client may leave out.
        """
        for template in (self.path, *self.also):
            for form in {template, template.removeprefix(version)}:
                if (segments := _match(form, tail)) is not None:
                    return _fill(self.path, segments)
        return None


def _match(template: str, tail: str) -> list[str] | None:
    """The segments of ``tail`` that stand for the template's names; None if it does not fit."""
    names, segments = template.split("/"), tail.split("/")
    if len(names) != len(segments):
        return None
    chosen = []
    for name, segment in zip(names, segments, strict=True):
        if name.startswith("{"):
            if not _SEGMENT.fullmatch(segment):
                return None
            chosen.append(segment)
        elif name != segment:
            return None
    return chosen


def _fill(template: str, segments: list[str]) -> str:
    chosen = iter(segments)
    return "/".join(next(chosen) if name.startswith("{") else name for name in template.split("/"))


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider: an entry of the catalogue, or one that the configuration made from it."""

    name: str
    origin: Origin
    endpoints: tuple[Endpoint, ...]
    """The first one is what an empty path names."""
    slots: tuple[Slot, ...]
    """Where a client may put a credential for this provider."""
    stored: Slot
    """Where the gateway's stored key goes."""
    aliases: tuple[str, ...] = ()
    version: str = ""
    """A path prefix that clients may leave out, such as ``/v1``."""
    fields: tuple[bytes, ...] = ()
    """The client's field lines that this provider gets; a trailing ``*`` is a wildcard."""
    dropped_subprotocols: frozenset[str] = frozenset()
    """Entries that clients still offer and that the provider refuses."""
    added_fields: tuple[tuple[bytes, bytes], ...] = field(default=(), repr=False)
    """Field lines that the configuration adds."""

    def at(self, url: str) -> Provider:
        """This provider at another URL (DESIGN 4.7).

        Args:
            url: Without a path it replaces scheme and host of all endpoints. With a path it is
                the only endpoint, and the paths of the default endpoint lead to it.

        Raises:
            ValueError: See :meth:`Origin.parse`.
        """
        origin, path = Origin.parse(url)
        if not path:
            return replace(self, origin=origin)
        default = self.endpoints[0]
        only = replace(default, path=path, also=(default.path, *default.also))
        return replace(self, origin=origin, endpoints=(only,))
