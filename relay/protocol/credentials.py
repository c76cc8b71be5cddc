"""Where gateway tokens and provider credentials hide, and their removal.

A gateway token authenticates the client to us and never goes further. It stands in the field line
``cf-aig-authorization``, in the subprotocol entry ``cf-aig-authorization.TOKEN``, or, beginning
with ``rly_``, in any slot where the provider's own credential may stand. What else stands in
those slots is the client's own credential for the provider (docs/providers.md lists them).

:func:`read_credentials` takes an opening handshake apart once: what authenticates, what goes
upstream and in which form, and which subprotocol entries are secrets.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from relay.protocol.endpoints import Kind, Provider, Slot
from relay.protocol.errors import Refused
from relay.protocol.fields import FieldLines, values
from relay.protocol.secret import Secret
from relay.protocol.subprotocols import TOKEN_ENTRY

__all__ = ["Credentials", "contains_secret", "contains_token", "read_credentials", "redact"]

TOKEN_PREFIX = b"rly_"
_FIELD = b"cf-aig-authorization"
_CREDENTIAL_ENTRIES = (  # of any provider: one that is sent to the wrong one is still a secret
    "bearer.",
    "fal-api-key.",
    "openai-insecure-api-key.",
    "rt_",
    "xai-client-secret.",
    "xi-api-key.",
)
_CREDENTIAL_FOLLOWS = ("token", "bearer")  # likewise: what the entry after it is
_OWN_ENTRY = "relay"  # ours: never forwarded, always eligible as the answer
_VISIBLE = re.compile(rb"[\x21-\x7e]+")  # what RFC 9110 5.5 allows, without spaces and obs-text
_TOKEN = re.compile(rb"rly_[A-Za-z0-9_-]{43}")  # 32 bytes in base64url
_TOKEN_TEXT = re.compile(  # what may be one, whole or not, percent-encoded or not
    r"(?:r|%72)(?:l|%6c)(?:y|%79)(?:_|%5f)(?:[a-z0-9_-]|%[0-9a-f]{2})+", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What was found in an opening handshake, and what is left of it for the provider."""

    gateway_token: Secret | None
    """What authenticates the client to us, if anything stands where it may."""
    own: tuple[Secret, ...]
    """The client's own credentials for the provider."""
    query: bytes | None = field(repr=False)
    """The query for the provider: gateway tokens removed, the client's own credentials in it."""
    fields: tuple[tuple[bytes, bytes], ...] = field(repr=False)
    """Field lines that carry the client's own credentials."""
    subprotocols: tuple[str, ...] = field(repr=False)
    """Entries for the provider, in the client's order."""
    secret_subprotocols: frozenset[str] = field(repr=False)
    """Offered entries that hold a token or a credential."""


class _Reader:
    """Sorts values into gateway tokens and the client's own, and notices contradictions."""

    def __init__(self) -> None:
        self.tokens: list[Secret] = []
        self.own: dict[tuple[Kind, str], Secret] = {}
        self.fields: list[tuple[bytes, bytes]] = []

    def sort(self, slot: Slot, value: bytes) -> bool:
        """Take the value of a provider's slot; return whether it goes upstream as it stands.

        Raises:
            Refused: 400 when another value was meant for the same upstream slot, or this one
                cannot stand there.
        """
        if not value:
            return False
        if unquote_to_bytes(value).startswith(TOKEN_PREFIX):
            self.take_token(value)
            return False
        target = slot.becomes or slot
        secret = Secret(value)
        known = self.own.setdefault((target.kind, target.name), secret)
        if known != secret:
            raise Refused(400, 2000, "two different credentials for the provider")
        if known is not secret:
            return False  # an equal copy: one is enough
        if target.kind is Kind.FIELD and target is not slot:
            if not _VISIBLE.fullmatch(value):
                raise Refused(400, 2000, "a credential that no field line can carry")
            self.fields.append(target.field(secret))
            return False
        return True

    def take_token(self, value: bytes) -> None:
        """Take what stands where a gateway token may; an empty value is none."""
        if value:
            self.tokens.append(Secret(unquote_to_bytes(value)))

    @property
    def token(self) -> Secret | None:
        """The gateway token.

        Raises:
            Refused: 400 when there are two different ones.
        """
        if any(each != self.tokens[0] for each in self.tokens):
            raise Refused(400, 2000, "two different gateway tokens")
        return self.tokens[0] if self.tokens else None


def read_credentials(
    fields: FieldLines,
    query: bytes | None,
    offered: Sequence[str],
    provider: Provider | None,
) -> Credentials:
    """Find every credential of an opening handshake.

    Args:
        fields: The client's field lines.
        query: The target's query, undecoded; None if it has none.
        offered: The subprotocol entries that the client offered.
        provider: Whose slots to look into; None for a provider that the gateway does not know.

    Raises:
        Refused: 400 for two different gateway tokens, or two different values for one slot.
    """
    reader = _Reader()
    slots = provider.slots if provider is not None else ()
    for value in values(fields, _FIELD):
        scheme, bare = _split_scheme(value)
        reader.take_token(bare if scheme == b"bearer" else value)
    _read_fields(reader, fields, slots)
    query = _read_query(reader, query, slots)
    forwarded, secrets = _read_entries(reader, offered, slots)
    dropped = provider.dropped_subprotocols if provider is not None else frozenset()
    return Credentials(
        gateway_token=reader.token,
        own=tuple(reader.own.values()),
        query=query,
        fields=tuple(reader.fields),
        subprotocols=tuple(each for each in forwarded if each not in dropped),
        secret_subprotocols=secrets,
    )


def _split_scheme(value: bytes) -> tuple[bytes, bytes]:
    """An authentication scheme in lower case, and what follows it (RFC 9110 11.4)."""
    scheme, *rest = value.split(None, 1)[:2] or [b""]
    return scheme.lower(), rest[0].strip() if rest else b""


def _read_fields(reader: _Reader, fields: FieldLines, slots: Iterable[Slot]) -> None:
    names = {slot.name.encode(): slot for slot in slots if slot.kind is Kind.FIELD}
    for name, value in fields:
        if (slot := names.get(name)) is None:
            continue
        bare = value
        scheme, rest = _split_scheme(value)
        if slot.scheme and not value.startswith(TOKEN_PREFIX):
            # Any scheme: the provider judges its own.
            bare = rest if rest or scheme == slot.scheme.lower().encode() else value
        elif not slot.scheme and scheme == b"bearer" and rest:
            bare = rest  # some endpoints of a provider want the scheme, and others none
        if reader.sort(slot, bare):
            reader.fields.append((name, value))


def _read_query(reader: _Reader, query: bytes | None, slots: Iterable[Slot]) -> bytes | None:
    if query is None:
        return None
    names = {slot.name.encode(): slot for slot in slots if slot.kind is Kind.QUERY}
    kept = []
    for parameter in query.split(b"&"):
        raw_name, _, raw_value = parameter.partition(b"=")
        name = unquote_to_bytes(raw_name)
        if name.lower() == _FIELD:
            continue  # it does not authenticate, since targets land in logs; nor does it go on
        slot = names.get(name)
        if slot is None:
            kept.append(parameter)
        elif reader.sort(slot, unquote_to_bytes(raw_value)):
            renamed = slot.becomes.name.encode() if slot.becomes is not None else raw_name
            kept.append(renamed + b"=" + raw_value)
    return b"&".join(kept) if kept else None


def _read_entries(
    reader: _Reader, offered: Sequence[str], slots: Iterable[Slot]
) -> tuple[list[str], frozenset[str]]:
    prefixes = [slot for slot in slots if slot.kind is Kind.SUBPROTOCOL]
    pairs = {slot.name: slot for slot in slots if slot.kind is Kind.SUBPROTOCOL_PAIR}
    forwarded, secrets = [], set()
    before = ""  # the entry before, those apart that are ours
    for entry in offered:
        slot = next((each for each in prefixes if entry.startswith(each.name)), None)
        if entry == _OWN_ENTRY:
            continue
        if entry.startswith(TOKEN_ENTRY):
            secrets.add(entry)
            reader.take_token(entry.removeprefix(TOKEN_ENTRY).encode())
            continue
        scheme, before = before, entry
        if (pair := pairs.get(scheme.lower())) is not None:
            before = ""
            secrets.add(entry)
            if reader.sort(pair, entry.encode()):
                forwarded += [scheme, entry]
        elif entry.lower() in pairs:
            pass  # it goes with the credential that follows, or not at all
        elif slot is not None:
            secrets.add(entry)
            if reader.sort(slot, entry.removeprefix(slot.name).encode()):
                forwarded.append(entry)
        elif (
            scheme.lower() in _CREDENTIAL_FOLLOWS
            or contains_token(entry.encode())
            or entry.startswith(_CREDENTIAL_ENTRIES)
        ):
            secrets.add(entry)  # no slot of this provider: neither echoed nor forwarded
        else:
            forwarded.append(entry)
    return forwarded, frozenset(secrets)


def contains_token(data: bytes) -> bool:
    """Whether something in the shape of a gateway token stands in ``data``, percent-encoded too."""
    return _TOKEN.search(unquote_to_bytes(data)) is not None


def contains_secret(data: bytes, secrets: Iterable[Secret]) -> bool:
    """Whether one of the secrets stands in ``data``: as it is, percent-encoded, or in JSON."""
    for secret in secrets:
        value = secret.reveal()
        if not value:
            continue  # stands everywhere
        text = value.decode("latin-1")
        in_json = json.dumps(text)[1:-1]
        forms = (value, in_json.encode(), in_json.replace("/", "\\/").encode())
        if any(form in data for form in forms) or value in unquote_to_bytes(data):
            return True
    return False


def redact(text: str) -> str:
    """A URL or a line for people, with what may be a secret replaced.

    Gateway tokens are replaced anywhere, and the values of all query parameters: a name says
    enough, and which values are secrets differs from provider to provider.
    """
    path, mark, query = text.partition("?")
    names = "&".join(f"{each.partition('=')[0]}=..." for each in query.split("&") if each)
    return _TOKEN_TEXT.sub("rly_...", path + mark + names)
